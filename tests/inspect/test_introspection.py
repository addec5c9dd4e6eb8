"""What ``check`` and ``explain`` say of introspection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from jwtguard.guard import Guard
from jwtguard.inspect.check_introspection import introspection_findings
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.explain_token import explain
from jwtguard.inspect.shown import Check
from jwtguard.testing import JWTIssuer, OpaqueIssuer

LACKING = {"aud": OpaqueIssuer().audience, "sub": "bob"}


@pytest.fixture
def issuer() -> OpaqueIssuer:
    return OpaqueIssuer(alg="ES256")


def lines(guard: Guard, **options: bool) -> list[tuple[str, str]]:
    return [(f.level, f.text) for f in introspection_findings(guard, **options)]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "opaque tokens, for 30 s each"),
        ({"opaque_prefix": ("at_",)}, "opaque tokens (at_), for 30 s each"),
        (
            {"introspect": "always", "introspect_ttl": 5},
            "opaque tokens and JWTs, for 5 s each",
        ),
        (
            {"introspect": "never", "introspect_paths": ("/a", "/b/*")},
            "JWTs at /a /b/*, for 30 s each",
        ),
        (
            {"introspect_paths": ("/a",)},
            "opaque tokens and JWTs at /a, for 30 s each",
        ),
    ],
)
def test_check_says_what_is_asked(
    issuer: OpaqueIssuer, settings: dict[str, Any], text: str
) -> None:
    """Without a probe, nobody is asked about anything."""
    endpoint = f"{issuer.url}/introspect as api (basic)"
    note = "the endpoint was not asked; --probe asks about a token that is made up"
    assert lines(issuer.guard(**settings)) == [
        ("ok", f"{issuer.url}: {text}"), ("ok", endpoint), ("note", note),
    ]  # fmt: skip
    assert issuer.introspections == 0


def test_check_names_what_is_weak(issuer: OpaqueIssuer) -> None:
    """Answers that are believed for long, and JWTs without an answer."""
    guard = issuer.guard(introspect_ttl=301, introspect_outage="local")
    weak = [text for level, text in lines(guard) if level == "weak"]
    assert weak == [
        "a token that was ended is accepted for 301 s more",
        "in an outage, JWTs that their issuer has ended are accepted",
    ]


def test_a_probe_tries_the_endpoint(issuer: OpaqueIssuer) -> None:
    """With a token that was made up: not active is the right answer."""
    good = ("ok", "the endpoint answers, and accepts our client")
    assert lines(issuer.guard(), probe=True)[-1] == good
    level, text = lines(issuer.guard(introspect_client_secret="x"), probe=True)[-1]
    assert (level, "invalid_client" in text) == ("wrong", True)

    def always(_: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        return 200, {}, b'{"active": true}'

    issuer.reply = always
    level, text = lines(issuer.guard(), probe=True)[-1]
    assert (level, "a made-up token active" in text) == ("wrong", True)


def test_check_finds_the_endpoint_or_says_why_not() -> None:
    """An issuer without metadata needs ``introspect_url``."""

    class Bare(OpaqueIssuer):
        def metadata(self) -> dict[str, Any]:
            return JWTIssuer.metadata(self)

    (_, last) = lines(Bare(alg="ES256").guard())
    assert last[0] == "wrong"
    assert "introspection_endpoint" in last[1]


def test_an_issuer_of_opaque_tokens_needs_no_keys(issuer: OpaqueIssuer) -> None:
    """It is ready, and ``check`` only notes that there are none."""
    issuer.published.clear()
    guard = issuer.guard()
    assert [f.level for f in check(guard) if f.what == "keys"] == ["note"]
    assert guard.health()[issuer.url]["ready"]
    always = issuer.guard(introspect="always")
    assert [f.level for f in check(always) if f.what == "keys"] == ["wrong"]
    assert not always.health()[issuer.url]["ready"]


def explained(guard: Guard, token: str) -> dict[str, Check]:
    found = list(explain(guard, token))
    assert not any(token in f"{one}" for one in found)
    return {one.name: one for one in found}


def test_explain_shows_an_opaque_token(issuer: OpaqueIssuer) -> None:
    """The answer, and each check of its claims."""
    checks = explained(issuer.guard(), issuer.opaque_token(scope="a"))
    assert all(one.passed for one in checks.values())
    assert checks["form"].found == "opaque"
    assert checks["introspection"].expected == f"active at {issuer.url}"
    assert "scope sub token_type" in checks["introspection"].found
    assert checks["audience"].found == f"aud {issuer.audience}"
    assert checks["grants"].found == "scopes a; roles none"


def test_explain_says_why_an_opaque_token_is_refused(issuer: OpaqueIssuer) -> None:
    """It has ended, is for somebody else, or nobody answers."""
    guard = issuer.guard()
    checks = explained(guard, "made-up")
    assert checks["introspection"].reason == "inactive"
    assert "ended" in checks["introspection"].hint
    other = issuer.opaque_token(claims={"aud": "https://other.example"})
    assert explained(guard, other)["audience"].reason == "wrong_audience"
    foreign = issuer.opaque_token(claims={"iss": "https://other.example"})
    assert explained(guard, foreign)["answer"].reason == "unknown_issuer"
    issuer.down()
    checks = explained(guard, issuer.opaque_token())
    assert checks["introspection"].reason == "introspection_unavailable"


def test_explain_names_the_prefixes(issuer: OpaqueIssuer) -> None:
    """A token that begins otherwise is shown to nobody."""
    checks = explained(issuer.guard(opaque_prefix=("at_",)), "xx_made-up")
    assert checks["form"].reason == "malformed"
    assert "at_" in checks["form"].hint
    assert issuer.introspections == 0


def test_explain_asks_about_jwts_where_the_guard_does(issuer: OpaqueIssuer) -> None:
    """After its own checks."""
    token = issuer.token()
    assert "introspection" not in explained(issuer.guard(), token)
    for settings in ({"introspect": "always"}, {"introspect_paths": ("/a",)}):
        checks = explained(issuer.guard(**settings), token)
        assert checks["introspection"].passed
    guard = issuer.guard(introspect="always")
    light = issuer.token(claims={"aud": None, "sub": None})
    assert not explained(guard, light)["audience"].passed
    before = issuer.introspections
    assert "introspection" not in explained(guard, issuer.forged())
    assert issuer.introspections == before
    issuer.reply = lambda found: (200, {}, json.dumps({**found, **LACKING}).encode())
    assert all(check.passed for check in explained(guard, light).values())
    issuer.reply = None
    issuer.end(token)
    checks = explained(issuer.guard(introspect="always"), token)
    assert checks["introspection"].reason == "inactive"
    assert checks["signature"].passed


def test_an_issuer_without_keys_is_one_of_opaque_tokens(issuer: OpaqueIssuer) -> None:
    """A note that says what is accepted, without an error of discovery."""
    document = {"issuer": issuer.url, "introspection_endpoint": issuer.url}

    def transport(*_: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps(document).encode()

    guard = Guard(issuer.guard().policy, transport=transport)
    (found,) = [one for one in check(guard) if one.what == "keys"]
    text = "the metadata has no jwks_uri: only opaque tokens are accepted"
    assert (found.level, found.text) == ("note", text)
