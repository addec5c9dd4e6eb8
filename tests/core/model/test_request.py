"""What goes into a decision and what comes out: a principal cannot be changed."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

import jwtguard
from jwtguard import Principal, TrustedIssuer
from jwtguard.core.model.effects import Flight
from jwtguard.core.model.facts import Facts
from jwtguard.core.model.request import _READ, NameTable, Request, is_read, shows_proxy
from jwtguard.core.verify.keys import KeyCache


@pytest.fixture
def alice() -> Principal:
    return Principal(
        subject="alice",
        issuer="https://issuer.example",
        client_id="spa",
        scopes=["b", "a", "b"],
        roles=["r"],
        expires_at=5.0,
        payload=b'{"sub":"alice","x":[1]}',
        token="a.b.c",
    )


def test_a_principal_says_who_calls(alice: Principal) -> None:
    """And is a Starlette user as it stands."""
    assert alice.is_authenticated
    assert alice.display_name == "alice"
    assert alice.identity == "https://issuer.example alice"
    assert (alice.subject, alice.issuer) == ("alice", "https://issuer.example")
    assert alice.client_id == "spa"
    assert alice.scopes == {"a", "b"}
    assert alice.roles == {"r"}
    assert (alice.expires_at, alice.token) == (5.0, "a.b.c")
    assert alice.payload == b'{"sub":"alice","x":[1]}'


def test_what_a_principal_is_not_given_it_does_not_have() -> None:
    """A test needs no more than a name; the token ended long ago, and is none."""
    bare = Principal(subject="a", issuer="i")
    assert bare.facts == Facts("a", "i", None, frozenset(), frozenset(), 0.0, b"{}")
    assert (bare.token, bare.claims) == ("", {})


def test_the_token_is_never_shown() -> None:
    """Nor are the claims: a repr ends in logs."""
    bob = Principal(
        subject="bob",
        issuer="i",
        scopes=["a"],
        expires_at=5.0,
        payload=b'{"x":[1]}',
        token="a.b.c",
    )
    for text in (repr(bob), str(bob), f"{bob}"):
        assert text == (
            "Principal(subject='bob', issuer='i', client_id=None, "
            "scopes=frozenset({'a'}), roles=frozenset(), expires_at=5.0)"
        )


@pytest.mark.parametrize("name", ["subject", "scopes", "client_id", "claims", "x"])
def test_a_principal_cannot_be_changed(alice: Principal, name: str) -> None:
    """A handler does not promote its caller."""
    anyone: Any = alice
    with pytest.raises((FrozenInstanceError, AttributeError)):
        setattr(anyone, name, {"admin"})
    assert alice.subject == "alice"


def test_claims_are_this_requests_alone(alice: Principal) -> None:
    """Parsed once, and what one handler does to them reaches no other."""
    one, two = (Principal.of(alice.facts, "t") for _ in range(2))
    assert one.claims is one.claims
    one.claims["x"].append(2)
    one.claims["admin"] = True
    assert two.claims == {"sub": "alice", "x": [1]}


def test_principals_compare_by_what_the_token_says(alice: Principal) -> None:
    """Not by the token, nor by whether claims were read."""
    same = Principal.of(alice.facts, "other")
    assert same.claims
    assert same == alice
    assert hash(same) == hash(alice)
    other = Principal(subject="alice", issuer="https://issuer.example")
    assert other != alice
    assert hash(other) != hash(alice)
    assert alice != "alice"


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (b'{"preferred_username":"al","name":"Alice A"}', "al"),
        (b'{"name":"Alice A"}', "Alice A"),
        (b'{"preferred_username":" ","name":5}', "7f9c"),
        (b"{}", "7f9c"),
    ],
)
def test_a_person_is_shown_by_name(payload: bytes, name: str) -> None:
    """Subjects are often ids: what the token calls its user comes first."""
    who = Principal(subject="7f9c", issuer="https://issuer.example", payload=payload)
    assert who.display_name == name


def test_a_fetch_that_was_claimed_has_not_begun() -> None:
    """Who waits for it already has all of its time."""
    cache = KeyCache(TrustedIssuer(url="https://issuer.example"), lambda: 0.0)
    flight = Flight(cache, 5.0)
    assert (flight.claimed_at, flight.started_at) == (5.0, None)
    assert not flight.done.done()


def test_several_fields_are_one_list() -> None:
    """RFC 9110 section 5.3; absent is not empty."""
    asked = Request("GET", "/", {"via": ("a", "b"), "origin": ("",)})
    assert asked.header("via") == "a, b"
    assert asked.header("origin") == ""
    assert asked.header("host") is None


def test_adapters_hand_on_every_field_that_a_rule_reads() -> None:
    """A field left out would be a rule switched off."""
    core = Path(jwtguard.__file__).parent / "core"
    code = "".join(path.read_text("utf-8") for path in core.rglob("*.py"))
    asked = r'request\.headers?(?:\.get)?\("([^"]+)"|"([^"]+)" (?:not )?in request\.h'
    read = {one or other for one, other in re.findall(asked, code)}
    assert {"origin", "host", "sec-fetch-site", "x-forwarded-for"} <= read
    assert all(is_read(name) for name in read)
    assert not any(
        is_read(name) for name in ("accept-language", "user-agent", "x-request-id")
    )


def test_what_strangers_name_is_remembered_within_bounds() -> None:
    """Header names come from outside: few are kept, and none that is long."""
    table: NameTable[str, int] = NameTable(len)
    for number in range(5000):
        assert table[str(number)] == len(str(number))
    assert len(table) <= 1024
    assert table["x" * 65] == 65
    assert "x" * 65 not in table


def test_a_field_that_callers_send_is_never_a_proxys() -> None:
    """Otherwise a request with nothing else would not count as forwarded."""
    assert not any(map(shows_proxy, _READ))
