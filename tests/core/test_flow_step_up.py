"""RFC 9470 in the flow: what is remembered with a token, and what the clock decides."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import ClaimRule, ScopeRule
from jwtguard.core.extract.credentials import Credentials
from jwtguard.core.extract.paths import Kind, PathAccess
from jwtguard.core.model.request import Request
from jwtguard.core.verify.claim_login import acr_of, authenticated_at
from jwtguard.testing import FakeClock, JWTIssuer
from tests.core.flow_support import House, principal, quickly, request

RULES = (
    ScopeRule(path="/*"),
    ScopeRule(path="/mfa", acr="mfa"),
    ScopeRule(path="/sudo", max_age=300),
    ScopeRule(path="/both", require="pay", acr="mfa", max_age=300),
)
EU = ClaimRule(path="/eu", claims={"region": "eu"})


@pytest.fixture
def house(jwt_issuer: JWTIssuer) -> House:
    return House(jwt_issuer, scopes=RULES, rules=(EU,), leeway=10)


def test_a_login_grows_too_old_while_the_token_is_remembered(
    house: House, jwt_clock: FakeClock
) -> None:
    """No answer about it is kept: the next request is judged anew."""
    now = jwt_clock.time()
    token = house.token(expires_in=9999, claims={"auth_time": now})
    asked = request("/sudo", token=token)
    house.passes(asked)
    jwt_clock.advance(309)
    house.passes(asked)
    jwt_clock.advance(2)
    assert house.reason(asked) == (401, "login_too_old")
    house.passes(request("/x", token=token))
    assert house.reason(asked) == (401, "login_too_old")


def test_a_clock_set_back_makes_a_login_one_of_the_future(
    house: House, jwt_clock: FakeClock
) -> None:
    """On a remembered token as on a new one."""
    token = house.token(claims={"auth_time": jwt_clock.time(), "iat": None})
    asked = request("/sudo", token=token)
    house.passes(asked)
    jwt_clock._now -= 11
    assert house.reason(asked) == (401, "auth_time_in_future")


def test_the_fast_path_leaves_recent_logins_to_the_flow(house: House) -> None:
    """Everything else it decides itself, the acr and the claims among it."""
    now = house.issuer.clock.time()
    claims = {"acr": "mfa", "region": "eu", "auth_time": now}
    token = house.token(claims=claims)
    for path, at_once in (
        ("/x", True), ("/mfa", True), ("/eu", True), ("/sudo", False),
    ):  # fmt: skip
        asked = request(path, token=token)
        assert principal(house.passes(asked)).acr == "mfa"
        assert (quickly(house, asked) is not None) is at_once


def test_refusals_of_remembered_tokens_do_not_mix(house: House) -> None:
    """Each path and each token has its own answer, in any order."""
    tokens = {
        "none": house.token(),
        "mfa": house.token(claims={"acr": "mfa"}),
        "eu": house.token(claims={"region": "eu"}),
    }
    for _ in range(3):
        for name, token in tokens.items():
            for path, needed, reason in (
                ("/mfa", "mfa", (401, "acr_missing")),
                ("/eu", "eu", (403, "claim_not_allowed")),
            ):
                asked = request(path, token=token)
                if name == needed:
                    house.passes(asked)
                else:
                    assert house.reason(asked) == reason
    told = [one for one in house.told if one.get("reason") == "claim_not_allowed"]
    assert {one["detail"] for one in told} == {"region"}


def test_the_order_is_scope_then_acr_then_age(house: House) -> None:
    """Who may never do it is not asked to sign in."""
    now = house.issuer.clock.time()
    for scope, claims, reason in (
        ("", {}, "scope_missing"),
        ("pay", {"auth_time": now}, "acr_missing"),
        ("pay", {"acr": "mfa"}, "auth_time_missing"),
    ):
        token = house.token(scope=scope, claims=claims)
        for _ in range(2):
            assert house.reason(request("/both", token=token))[1] == reason


def test_a_websocket_is_asked_when_it_is_opened(house: House) -> None:
    """Its handshake is a GET like any other."""
    token = house.token(claims={"auth_time": house.issuer.clock.time() - 999})
    asked = request("/sudo", token=token, websocket=True, scheme="wss")
    assert house.reason(asked) == (401, "login_too_old")


def test_rules_hold_where_nothing_is_remembered(jwt_issuer: JWTIssuer) -> None:
    """Without a token cache as with one."""
    house = House(jwt_issuer, scopes=RULES, rules=(EU,), token_cache=0)
    token = house.token()
    for path, reason in (
        ("/mfa", "acr_missing"),
        ("/eu", "claim_not_allowed"),
        ("/sudo", "auth_time_missing"),
    ):
        for _ in range(2):
            assert house.reason(request(path, token=token))[1] == reason


def test_claim_rules_alone_do_not_close_other_paths(jwt_issuer: JWTIssuer) -> None:
    """Only scope rules mean that a path without one is refused."""
    house = House(jwt_issuer, rules=(EU,))
    token = house.token()
    house.passes(request("/x", token=token))
    assert house.reason(request("/eu", token=token)) == (403, "claim_not_allowed")
    assert house.reason(request("/eu/x/../", token=token))[1] == "path_ambiguous"
    house = House(jwt_issuer, rules=(EU,), scopes=(ScopeRule(path="/x"),))
    token = house.token(claims={"region": "eu"})
    assert house.reason(request("/eu", token=token)) == (403, "no_rule")


def test_rules_name_a_path_with_its_root_too(jwt_issuer: JWTIssuer) -> None:
    """An application may route on the whole path: it must not escape there."""
    rules = (ScopeRule(path="/*"), ScopeRule(path="/api/pay", acr="mfa"))
    eu = ClaimRule(path="/api/eu", claims={"region": "eu"})
    house = House(jwt_issuer, scopes=rules, rules=(eu,))
    for path, reason in (("/pay", "acr_missing"), ("/eu", "claim_not_allowed")):
        asked: Request = request(path, token=house.token())
        house.passes(asked)
        assert house.reason(asked._replace(root="/api"))[1] == reason


def test_nothing_is_added_to_the_key_without_rules(jwt_issuer: JWTIssuer) -> None:
    """A policy that asks for scopes alone remembers as it did before."""
    plain = House(jwt_issuer, scopes=(ScopeRule(path="/*", max_age=None),))
    token = plain.token(claims={"acr": "mfa"})
    found = principal(plain.passes(request(token=token))).facts
    assert (found.acr, found.standing) == ("mfa", None)
    aged = House(jwt_issuer, scopes=(ScopeRule(path="/*", max_age=60),))
    token = aged.token(claims={"auth_time": jwt_issuer.clock.time()})
    assert principal(aged.passes(request(token=token))).facts.standing is None
    by_claim = House(jwt_issuer, rules=(EU,))
    facts = principal(by_claim.passes(request(token=token))).facts
    assert facts.standing == (None, frozenset({EU}))


def test_a_token_verified_without_rules_meets_none(house: House) -> None:
    """Whatever has made its facts: nothing was looked at, so nothing passes."""
    rule = house.guard._flow.paths.rule("GET", "/eu")
    other = house.guard._flow.paths.rule("GET", "/mfa")
    token = house.token(claims={"region": "eu", "acr": "mfa"})
    known = house.guard.run(house.guard._flow.verify(Credentials(token, "header")))
    known.facts = known.facts.replace(standing=None)
    access = house.guard._flow.authorizer.access
    for one, reason in ((rule, "claim_not_allowed"), (other, "acr_missing")):
        answer: Any = access(one, "GET", None, False, known, False)
        assert answer.reason == reason


def test_what_a_principal_knows_of_its_login(house: House) -> None:
    """Three claims, and nothing where they say nothing."""
    now = house.issuer.clock.time()
    claims = {"acr": "mfa", "amr": ["pwd", "otp", 3], "auth_time": now}
    who = principal(house.passes(request(token=house.token(claims=claims))))
    assert (who.acr, who.amr, who.authenticated_at) == ("mfa", ("pwd", "otp"), now)
    who = principal(house.passes(request(token=house.token())))
    assert (who.acr, who.amr, who.authenticated_at) == (None, (), None)


@pytest.mark.parametrize("value", [None, "", 1, True, ["mfa"], {"mfa": 1}])
def test_an_acr_is_a_string_with_something_in_it(value: object) -> None:
    """Anything else says nothing of the login."""
    assert acr_of({"acr": value}) is None


@pytest.mark.parametrize(
    "value", [None, "1", True, [1], {}, 10**400, -(10**400), 1e300, -1e300]
)
def test_an_auth_time_is_a_moment(value: object) -> None:
    """Not one that would overflow where times are added."""
    assert authenticated_at({"auth_time": value}) is None


def test_which_paths_the_fast_path_may_decide() -> None:
    """Those where a token is read, and the clock decides nothing but its times."""
    for kind in Kind:
        reads = kind in (Kind.PROTECTED, Kind.OPTIONAL)
        assert PathAccess(kind, ()).reads_token is reads
        assert not PathAccess(kind, (), max_age=1).reads_token
