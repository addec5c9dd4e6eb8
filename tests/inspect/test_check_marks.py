"""What ``check`` and ``explain`` say of marks that the settings of an issuer name."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Guard, Policy, TrustedIssuer
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.explain_token import explain
from jwtguard.testing import JWTIssuer


def guard_with(issuer: JWTIssuer, mark: Any) -> Guard:
    trusted = TrustedIssuer(url=issuer.url, audience=issuer.audience, mark=mark)
    policy = Policy(issuers=[trusted])
    return Guard(policy, clock=issuer.clock, transport=issuer.transport)


UNLESS = "it is known not to be an access token"


@pytest.mark.parametrize(
    ("mark", "level", "text"),
    [
        ({"kind": "access", "v": 2}, "ok", "kind = 'access', v = 2"),
        (
            "none",
            "weak",
            f"none: any token of this issuer is accepted unless {UNLESS}",
        ),
    ],
)
def test_check_shows_the_mark(mark: Any, level: str, text: str) -> None:
    """``none`` is weak, because unmarked tokens of any kind are accepted."""
    findings = [f for f in check(guard_with(JWTIssuer(), mark)) if f.what == "mark"]
    assert [(f.level, f.text) for f in findings] == [(level, text)]


def test_check_says_nothing_of_usual_marks() -> None:
    """The profile's own marks are part of the profile."""
    assert not [f for f in check(guard_with(JWTIssuer(), None)) if f.what == "mark"]


def test_explain_names_the_claims_of_the_mark() -> None:
    """Expected and found are shown side by side."""
    issuer = JWTIssuer()
    guard = guard_with(issuer, {"kind": "access", "v": 2})
    token = issuer.token(claims={"kind": "access", "v": 1})
    (found,) = [one for one in explain(guard, token) if one.name == "mark"]
    assert not found.passed
    assert found.expected == "kind access, v 2"
    assert found.found == "kind access, v 1"
