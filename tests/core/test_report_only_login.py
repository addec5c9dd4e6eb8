"""Step-up and claim rules that are only reported, and judged by a second policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import ClaimRule, Guard, ScopeRule
from jwtguard.core.model.decision import Decision, Proceed
from jwtguard.reasons import REASONS
from jwtguard.testing import FakeClock, JWTIssuer
from tests.core.flow_support import House, request
from tests.core.test_report_only import plain, told
from tests.core.test_shadow import Told

ISSUER = JWTIssuer(alg="ES256", clock=FakeClock())
SCOPES = (
    ScopeRule(path="/*"),
    ScopeRule(path="/mfa", acr="mfa"),
    ScopeRule(path="/sudo", max_age=300),
    ScopeRule(path="/both", require="pay", acr="mfa", max_age=300),
)
PLAIN = tuple(ScopeRule(path=rule.path, require=rule.require) for rule in SCOPES)
EU = (ClaimRule(path="/both", claims={"region": "eu"}),)
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "acr": ({"scopes": SCOPES, "rules": EU}, {"scopes": PLAIN, "rules": EU}),
    "rules": ({"scopes": SCOPES, "rules": EU}, {"scopes": SCOPES}),
}
"""The settings that make refusals of a kind, and those of a guard without it."""
NOW = ISSUER.clock.time()
CLAIMS = {
    "acr": st.sampled_from((None, "mfa", "pwd", 1, ["mfa"])),
    "auth_time": st.sampled_from((None, NOW, NOW - 4000, NOW + 4000, "x")),
    "region": st.sampled_from((None, "eu", "us", ["eu"])),
}
ASKED = st.fixed_dictionaries(
    {
        "path": st.sampled_from(("/mfa", "/sudo", "/both", "/x")),
        "method": st.sampled_from(("GET", "HEAD", "POST")),
        "scope": st.sampled_from(("pay", "x")),
        "claims": st.fixed_dictionaries(CLAIMS),
    }
)
ENFORCED = {kind: House(ISSUER, **with_it) for kind, (with_it, _) in KINDS.items()}
REPORTED = {
    kind: House(ISSUER, **with_it, report_only=(kind,))
    for kind, (with_it, _) in KINDS.items()
}
WITHOUT = {kind: House(ISSUER, **without) for kind, (_, without) in KINDS.items()}


def request_of(asked: dict[str, Any]) -> Any:
    """Return a request whose token has the claims that are not None."""
    claims = {name: v for name, v in asked["claims"].items() if v is not None}
    token = ISSUER.token(scope=asked["scope"], claims=claims)
    return request(asked["path"], asked["method"], token=token)


def seen(decision: Decision) -> Decision:
    """Return what is seen of *decision*: not what its policy remembers of a token."""
    found = plain(decision)
    return found._replace(principal=None) if isinstance(found, Proceed) else found


@pytest.mark.parametrize("kind", KINDS)
@given(asked=ASKED)
def test_the_verdict_is_that_of_a_guard_without_the_rule(
    kind: str, asked: dict[str, Any]
) -> None:
    """Verdict, status, fields and body are the same; each reason is told once."""
    sent = request_of(asked)
    enforced = ENFORCED[kind].decide(sent)
    reported = seen(REPORTED[kind].decide(sent))
    reasons = told(REPORTED[kind])
    # A login of the future is a bad token, whatever is reported.
    if getattr(reported, "reason", "") == "auth_time_in_future":
        return
    assert reported == seen(WITHOUT[kind].decide(sent))
    if reported == seen(enforced) or not isinstance(reported, Proceed):
        assert reasons == []
    else:
        assert not isinstance(enforced, Proceed)
        assert reasons[0] == enforced.reason
        assert len(set(reasons)) == len(reasons)
        assert {REASONS[reason].report_only for reason in reasons} == {kind}


def test_what_is_known_of_a_login_is_told_beside_its_age() -> None:
    """Two reasons of one kind, and the patterns of the rules that have them."""
    house = House(ISSUER, scopes=SCOPES, rules=EU, report_only=("acr", "rules"))
    house.passes(request("/both", token=ISSUER.token(scope="pay")))
    events = [one for one in house.told if one["event"] == "would_refuse"]
    assert [one["reason"] for one in events] == [
        "claim_not_allowed",
        "acr_missing",
        "auth_time_missing",
    ]
    assert {one["rule"] for one in events} == {"/both"}


BASE = ISSUER.policy(scopes=PLAIN)
STRICT = replace(BASE, scopes=SCOPES, rules=EU)


def guard_of(policy: Any, hook: Told) -> Guard:
    """Return a guard by *policy*."""
    return Guard(policy, clock=ISSUER.clock, transport=ISSUER.transport, on_event=hook)


@pytest.mark.parametrize(
    ("path", "claims", "differs"),
    [
        ("/mfa", {}, "acr_missing"),
        ("/mfa", {"acr": "mfa"}, None),
        ("/sudo", {"auth_time": NOW - 4000}, "login_too_old"),
        ("/sudo", {"auth_time": NOW}, None),
        ("/both", {"acr": "mfa", "auth_time": NOW}, "claim_not_allowed"),
        ("/both", {"acr": "mfa", "auth_time": NOW, "region": "eu"}, None),
    ],
)
def test_a_second_policy_judges_logins_and_claims(
    path: str, claims: dict[str, Any], differs: str | None
) -> None:
    """Both ways, by the facts of the token that was verified once."""
    sent = request(path, token=ISSUER.token(scope="pay", claims=claims))
    for first, second, expected in (
        (BASE, STRICT, ("", differs)),
        (STRICT, BASE, (differs, "")),
        (STRICT, STRICT, None),
    ):
        hook = Told()
        guard = guard_of(replace(first, shadow=second), hook)
        guard.decide(sent)
        found = [(one["reason"], one["shadow_reason"]) for one in hook]
        assert found == ([] if differs is None or expected is None else [expected])
