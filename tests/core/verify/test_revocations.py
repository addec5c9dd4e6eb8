"""Which entry hits which token, and that the list stays in bounds and loses nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard.core.verify.entries import KINDS, Entry, Marks, decoded, key_of
from jwtguard.core.verify.revocations import GOOD, SWEEP, Found, Revocations
from jwtguard.core.verify.watches import Watch

ISSUER = "https://id.example.com"
TOKEN = Marks(ISSUER, "d1" * 32, "j1", "s1", "alice", "alice", "spa", 1000.0)


def entry(kind: str, value: str, before: float = 1000, until: float = 9000) -> Entry:
    return Entry(kind, ISSUER, value, before, until)


@dataclass
class Case:
    """An entry, the token that is looked at, and why it is refused."""

    name: str
    entry: Entry
    reason: str = ""
    marks: Marks = TOKEN


CASES = [
    Case("the token itself", entry("token", "d1" * 32), "revoked_token"),
    Case("another token", entry("token", "d2" * 32)),
    Case("its jti", entry("jti", "j1"), "revoked_token"),
    Case("a jti hits whatever the time", entry("jti", "j1", 1), "revoked_token"),
    Case("another jti", entry("jti", "j2")),
    Case("its session", entry("sid", "s1"), "revoked_session"),
    Case("its session, ended before it was issued", entry("sid", "s1", 999)),
    Case("another session", entry("sid", "s2")),
    Case("its subject", entry("subject", "alice"), "revoked_subject"),
    Case("its subject, a second before", entry("subject", "alice", 999)),
    Case("another subject", entry("subject", "bob")),
    Case("its client", entry("client", "spa"), "revoked_before"),
    Case("another client", entry("client", "batch")),
    Case("its issuer", entry("issuer", ""), "revoked_before"),
    Case("its issuer, before it was issued", entry("issuer", "", 999)),
    Case(
        "another issuer's session of that name",
        entry("sid", "s1")._replace(issuer="https://other.example"),
    ),
    Case(
        "without iat nothing shows that the token is newer",
        entry("subject", "alice", 1),
        "revoked_subject",
        TOKEN._replace(issued_at=None),
    ),
    Case(
        "a token without the claims is hit by what it has",
        entry("issuer", ""),
        "revoked_before",
        TOKEN._replace(jti=None, sid=None, subject="", sub=None, client=None),
    ),
    Case(
        "a claim that is absent is not the empty one",
        entry("sid", ""),
        "",
        TOKEN._replace(sid=None),
    ),
    Case("kinds do not mix", entry("jti", "s1")),
    Case(
        "a value of any length",
        entry("sid", "x" * 5000),
        "revoked_session",
        TOKEN._replace(sid="x" * 5000),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_entry_hits_what_it_names(case: Case) -> None:
    """Nothing else, and nothing of another issuer."""
    revoked = Revocations(10)
    assert revoked.find(case.marks) == GOOD
    assert revoked.add(case.entry, 1000)
    found = revoked.find(case.marks)
    assert found.reason == case.reason
    assert (found.entry is not None) == bool(case.reason)


def test_the_generation_grows_with_what_is_new_alone() -> None:
    """A repeated entry costs no token a second look."""
    revoked = Revocations(10)
    assert revoked.add(entry("sid", "s1", 1000), 1000)
    assert revoked.generation == 1
    assert not revoked.add(entry("sid", "s1", 1000), 1000)
    assert not revoked.add(entry("sid", "s1", 900), 1000)
    assert revoked.generation == 1
    assert revoked.add(entry("sid", "s1", 1100), 1000)
    assert revoked.generation == 2


def test_a_later_entry_takes_nothing_back() -> None:
    """Whatever the order in which entries arrive, the widest bounds hold."""
    revoked = Revocations(10)
    revoked.add(entry("sid", "s1", 2000, 3000), 1000)
    revoked.add(entry("sid", "s1", 900, 9000), 1000)
    assert revoked.find(TOKEN._replace(issued_at=2000.0)).reason
    revoked.add(entry("jti", "j2"), 3000)
    assert revoked.find(TOKEN._replace(issued_at=2000.0)).reason


def test_what_hits_no_good_token_any_more_is_dropped() -> None:
    """Memory follows the lifetime of tokens."""
    revoked = Revocations(10)
    revoked.add(entry("sid", "s1", until=2000), 1000)
    revoked.add(entry("subject", "bob", until=2000), 1000)
    for number in range(2):
        revoked.add(entry("jti", f"n{number}"), 2000)
    assert len(revoked) == 2
    assert not revoked.add(entry("sid", "s1", until=2000), 2000)


def test_over_the_limit_entries_are_packed_and_none_is_lost() -> None:
    """The answer is then unsure, and names what to ask the shared state for."""
    revoked = Revocations(5)
    for number in range(50):
        revoked.add(entry("sid", f"s{number}"), 1000)
    revoked.add(entry("subject", "alice"), 1000)
    assert len(revoked._recent) + len(revoked._others) == 6
    packed = revoked.find(TOKEN._replace(subject="", sub=None, sid="s3"))
    assert packed == Found("", (("sid", key_of("sid", ISSUER, "s3")),))
    assert revoked.find(TOKEN._replace(subject="", sub=None, sid="s49")).unsure == ()
    assert revoked.find(TOKEN._replace(subject="", sub=None, sid="other")) == GOOD
    assert revoked.find(TOKEN._replace(sid="other")).reason == "revoked_subject"


def test_packed_entries_are_dropped_when_the_last_of_them_ends() -> None:
    """Together, since they were made within an hour."""
    revoked = Revocations(1)
    for number in range(4):
        revoked.add(entry("jti", f"n{number}", until=2000 + number), 1000)
    assert len(revoked) == 4
    revoked.add(entry("jti", "late"), 2003)
    assert len(revoked) <= 2


def test_packed_entries_seldom_affirm_too_much() -> None:
    """One in a million by the book; none among a few thousand here."""
    revoked = Revocations(1)
    for number in range(2000):
        revoked.add(entry("jti", f"n{number}"), 1000)
    ours = (revoked.find(TOKEN._replace(jti=f"n{n}")) for n in range(2000))
    assert all(found != GOOD for found in ours)
    others = (revoked.find(TOKEN._replace(jti=f"other{n}")) for n in range(3000))
    assert all(found == GOOD for found in others)


@given(
    st.builds(
        Entry,
        st.sampled_from(KINDS),
        st.text(max_size=30),
        st.text(st.characters(), max_size=30),
        st.floats(-1e14, 1e14),
        st.floats(-1e14, 1e14),
    )
)
def test_an_entry_travels_unchanged(made: Entry) -> None:
    """Whatever characters its names have."""
    assert decoded(made.encoded()) == made
    assert made.name.startswith("revoked:")
    assert len(made.name) == 72


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"[2,'sid']", b"[" * 100_000,
        b'[2,"sid","i","v",1,2]', b'[1,"other","i","v",1,2]', b'[1,"sid",1,"v",1,2]',
        b'[1,"sid","i",null,1,2]', b'[1,"sid","i","v",true,2]',
        b'[1,"sid","i","v",1,NaN]', b'[1,"sid","i","v",1e999,2]',
        b'[1,"sid","i","v",1,"2"]', b'[1,"sid","i","v",1]',
        b'[1,["sid"],"i","v",1,2]', b'[1,"sid","i","v",1,' + b"9" * 5000 + b"]",
    ],
    ids=lambda data: repr(data[:24]),
)  # fmt: skip
def test_anything_else_in_the_stream_is_passed_over(data: Any) -> None:
    """A later version may write there too; nothing it writes stops the follower."""
    assert decoded(data) is None


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_follower(data: bytes) -> None:
    """Every input is an entry, or None."""
    found = decoded(data)
    assert found is None or isinstance(found, Entry)


def test_a_sweep_drops_what_has_ended_behind_what_lasts() -> None:
    """Entries that last stand in front, and must not keep the others for ever."""
    listed = Revocations(10 * SWEEP)
    for number in range(2):
        listed.add(entry("sid", f"long{number}", until=1e6), 0)
    for number in range(SWEEP - 2):
        listed.add(entry("sid", f"short{number}", until=100), 0)
    assert len(listed) == SWEEP
    listed.add(entry("sid", "new", until=1e6), 200)
    assert len(listed) == 3


def test_a_watch_ends_by_entries_that_hit_it_alone() -> None:
    """A connection with a newer token of the session stays open."""
    listed = Revocations(10)
    newer = Watch(TOKEN._replace(issued_at=2000.0), ends=9000)
    older = Watch(TOKEN, ends=9000)
    listed.watches.add(newer)
    listed.watches.add(older)
    listed.add(entry("sid", "s1", before=1500), 0)
    assert (older.ended.done(), newer.ended.done()) == (True, False)
