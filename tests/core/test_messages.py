"""What goes into a decision and what comes out: a principal cannot be changed."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from jwtguard import Principal
from jwtguard.core import messages
from jwtguard.core.messages import REQUEST_HEADERS, Request

ALICE = Principal(
    subject="alice",
    issuer="https://issuer.example",
    client_id="spa",
    scopes=["b", "a"],
    roles={"r"},
    expires_at=5.0,
    payload=b'{"sub":"alice","x":[1]}',
    token="a.b.c",
)


def test_a_principal_says_who_calls() -> None:
    """And is a Starlette user as it stands."""
    assert ALICE.is_authenticated
    assert ALICE.display_name == "alice"
    assert ALICE.identity == "https://issuer.example alice"
    assert ALICE.scopes == {"a", "b"}
    assert ALICE.roles == {"r"}
    assert (ALICE.expires_at, ALICE.token) == (5.0, "a.b.c")
    assert ALICE.payload == b'{"sub":"alice","x":[1]}'


def test_the_token_is_never_shown() -> None:
    """Nor are the claims: a repr ends in logs."""
    for text in (repr(ALICE), str(ALICE), f"{ALICE}"):
        assert text.startswith("Principal(subject='alice'")
        assert "a.b.c" not in text
        assert "[1]" not in text


@pytest.mark.parametrize("name", ["subject", "scopes", "client_id", "claims", "x"])
def test_a_principal_cannot_be_changed(name: str) -> None:
    """A handler does not promote its caller."""
    anyone: Any = ALICE
    with pytest.raises((FrozenInstanceError, AttributeError)):
        setattr(anyone, name, {"admin"})
    assert ALICE.subject == "alice"


def test_claims_are_this_requests_alone() -> None:
    """Parsed once, and what one handler does to them reaches no other."""
    one, two = (Principal.of(ALICE.facts, "t") for _ in range(2))
    assert one.claims is one.claims
    one.claims["x"].append(2)
    one.claims["admin"] = True
    assert two.claims == {"sub": "alice", "x": [1]}
    assert Principal(subject="a", issuer="i").claims == {}


def test_principals_compare_by_what_the_token_says() -> None:
    """Not by the token, nor by whether claims were read."""
    same = Principal.of(ALICE.facts, "other")
    assert same.claims
    assert same == ALICE
    assert hash(same) == hash(ALICE)
    assert Principal(subject="alice", issuer="https://issuer.example") != ALICE
    assert ALICE != "alice"


def test_several_fields_are_one_list() -> None:
    """RFC 9110 section 5.3; absent is not empty."""
    asked = Request("GET", "/", {"via": ("a", "b"), "origin": ("",)})
    assert asked.header("via") == "a, b"
    assert asked.header("origin") == ""
    assert asked.header("host") is None


def test_adapters_hand_on_every_field_that_a_rule_reads() -> None:
    """A field left out would be a rule switched off."""
    core = Path(messages.__file__).parent
    code = "".join(path.read_text("utf-8") for path in core.glob("*.py"))
    asked = r'request\.headers?(?:\.get)?\("([^"]+)"|"([^"]+)" (?:not )?in request\.h'
    read = {one or other for one, other in re.findall(asked, code)}
    assert {"origin", "host", "sec-fetch-site", "x-forwarded-for"} <= read
    assert read <= REQUEST_HEADERS
    assert all(name == name.lower() for name in REQUEST_HEADERS)
