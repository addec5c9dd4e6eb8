"""What a verified token says is kept once, however many tokens say it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from jwtguard.core.model.facts import Facts, Standing

ISSUER = "https://issuer.example"
EVERYTHING: dict[str, Any] = {
    "subject": "alice",
    "issuer": ISSUER,
    "client_id": "spa",
    "scopes": frozenset({"read"}),
    "roles": frozenset({"editor"}),
    "expires_at": 2.0,
    "payload": b'{"sub":"a1"}',
    "origins": frozenset({"https://www.example"}),
    "sub": "a1",
    "sid": "s1",
    "jkt": "key",
    "x5t": "certificate",
    "tenant": "t1",
    "acr": "mfa",
    "authenticated_at": 1.0,
    "standing": Standing("mfa", frozenset()),
}
ALL = Facts(**EVERYTHING)
PLAIN = Facts("alice", ISSUER, "spa", sub="alice")


def test_each_fact_is_what_was_said() -> None:
    """Wherever it is kept."""
    for name, value in EVERYTHING.items():
        assert getattr(ALL, name) == value


def test_what_is_not_said_is_empty() -> None:
    """A token needs a subject and an issuer only."""
    bare = Facts("alice", ISSUER)
    assert (bare.client_id, bare.sub, bare.sid, bare.jkt, bare.acr) == (None,) * 5
    assert (bare.scopes, bare.roles, bare.origins) == (frozenset(),) * 3
    assert (PLAIN.sub, PLAIN.sid, PLAIN.roles) == ("alice", None, frozenset())


@pytest.mark.parametrize("name", EVERYTHING)
def test_facts_that_differ_in_one_thing_are_not_equal(name: str) -> None:
    """And the copy with that one thing changed back is."""
    none = None if name == "standing" else type(EVERYTHING[name])()
    other = ALL.replace(**{name: none})
    assert getattr(other, name) == none
    assert other != ALL
    again = other.replace(**{name: EVERYTHING[name]})
    assert again == ALL
    assert hash(again) == hash(ALL)
    assert ALL != EVERYTHING


def test_tokens_of_one_client_share_what_they_have_in_common() -> None:
    """Issuer, client and scopes are kept once, and so are claims that are absent."""
    other = Facts("bob", ISSUER, "spa", sub="bob")
    assert other.common is PLAIN.common
    assert other.extras is PLAIN.extras
    assert other.replace(scopes=frozenset({"write"})).common is not PLAIN.common


def test_what_long_tokens_say_is_not_kept_for_others() -> None:
    """4096 bytes of claims, with 64 for each scope, and no more."""
    sizes = ((4096, "", True), (4097, "", False), (4033, "a", False))
    for size, scopes, shared in sizes:
        made = [
            PLAIN.replace(payload=b" " * size, scopes=frozenset(scopes))
            for _ in range(2)
        ]
        assert made[0].common.shared is shared
        assert (made[0].common is made[1].common) is shared
        assert made[0] == made[1]


def test_facts_can_be_copied_and_pickled() -> None:
    """As tests of applications do with a principal."""
    assert copy.deepcopy(ALL) == pickle.loads(pickle.dumps(ALL)) == ALL
    assert pickle.loads(pickle.dumps(PLAIN)) == PLAIN
