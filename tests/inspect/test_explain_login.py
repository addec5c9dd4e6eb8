"""What ``jwtguard explain`` says of the login and the claims that a path asks for."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import ClaimRule, ScopeRule
from jwtguard.core.extract.paths import Kind, PathAccess
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.demands import asks_more, words_of
from jwtguard.inspect.explain_request import request_of, try_request
from jwtguard.inspect.shown import Check
from jwtguard.testing import JWTIssuer

RULES: dict[str, Any] = {
    "scopes": [
        ScopeRule(path="/*"),
        ScopeRule(path="/pay", require="pay", acr=["mfa", "otp"], max_age=300),
    ],
    "rules": [ClaimRule(path="/pay", claims={"region": "eu", "a.b": [1, True]})],
}


def tried(issuer: JWTIssuer, token: str, path: str = "/pay") -> dict[str, Check]:
    """Return what is decided about a request, by name of the check."""
    guard = issuer.guard(**RULES)
    asked = {"method": "GET", "path": path, "origin": "", "cookie": False}
    seen = request_of(guard, token, **asked)  # type: ignore[arg-type]
    return {one.name: one for one in try_request(guard, seen, token)}


def test_the_login_is_shown_beside_what_the_path_asks(jwt_issuer: JWTIssuer) -> None:
    """Each thing that fails, at once; Keycloak may lack a client scope for it."""
    found = tried(jwt_issuer, jwt_issuer.token(claims={"region": ["eu"]}))
    for words in ("scope pay", "acr mfa or otp", "a login at most 300 s ago"):
        assert words in found["path"].found
    assert found["claims"].reason == "claim_not_allowed"
    assert found["claims"].expected == "claim region eu and claim a.b 1 or true"
    assert found["claims"].found == 'region ["eu"], a.b absent'
    assert (found["acr"].reason, found["acr"].found) == ("acr_missing", "acr absent")
    assert "client scope `acr`" in found["acr"].hint
    assert found["login"].reason == "auth_time_missing"
    assert "client scope `basic`" in found["login"].hint
    assert not found["request"].passed


def test_what_passes_is_shown_too(jwt_issuer: JWTIssuer) -> None:
    """With the values, as the checks of the token are."""
    now = int(jwt_issuer.clock.time())
    claims = {"region": "eu", "a": {"b": True}, "acr": "otp", "auth_time": now - 60}
    found = tried(jwt_issuer, jwt_issuer.token(scope="pay", claims=claims))
    assert all(one.passed for one in found.values()), found
    assert found["acr"].found == "acr otp"
    assert "(-6" in found["login"].found
    assert set(tried(jwt_issuer, jwt_issuer.token(), "/x")) == {"path", "request"}


def test_an_old_login_and_another_acr(jwt_issuer: JWTIssuer) -> None:
    """The hint says that a refresh does not help."""
    now = int(jwt_issuer.clock.time())
    claims = {"region": "eu", "a": {"b": 1}, "acr": "pwd", "auth_time": now - 999}
    found = tried(jwt_issuer, jwt_issuer.token(scope="pay", claims=claims))
    assert found["acr"].reason == "acr_not_accepted"
    assert found["login"].reason == "login_too_old"
    assert "refreshed token" in found["login"].hint
    assert found["request"].reason == "acr_not_accepted"
    assert "acr" not in tried(jwt_issuer, "no.token")


def test_check_lists_the_rules(jwt_issuer: JWTIssuer) -> None:
    """As it lists scopes: whoever reviews a policy reads them there."""
    told = {one.what: one.text for one in check(jwt_issuer.guard(**RULES))}
    assert told["scopes /*"] == "any method: any token"
    assert told["scopes /pay"] == (
        "any method: pay acr mfa or otp a login at most 300 s ago"
    )
    assert told["rules /pay"] == "any method: claim region eu and claim a.b 1 or true"


EU = ClaimRule(path="/x", claims={"region": "eu"})


def access(**given: Any) -> PathAccess:
    return PathAccess(Kind.PROTECTED, given.pop("scopes", ()), **given)


@pytest.mark.parametrize(
    ("strict", "loose", "more"),
    [
        ({}, {}, False),
        ({"scopes": ("a",)}, {}, True),
        ({"scopes": ("a",)}, {"scopes": ("b", "a")}, False),
        ({"rules": (EU,)}, {}, True),
        ({"rules": (EU,)}, {"rules": (EU,)}, False),
        ({"acr": ("a", "b")}, {}, True),
        ({"acr": ("a", "b")}, {"acr": ("c",)}, True),
        ({"acr": ("a", "b")}, {"acr": ("a",)}, False),
        ({"max_age": 60}, {}, True),
        ({"max_age": 60}, {"max_age": 61}, True),
        ({"max_age": 60}, {"max_age": 60}, False),
        ({}, {"max_age": 60, "acr": ("a",)}, False),
    ],
)
def test_which_rule_asks_for_more(
    strict: dict[str, Any], loose: dict[str, Any], more: bool
) -> None:
    """So that a spelling of a path that gets around a rule is found."""
    assert asks_more(access(**strict), access(**loose)) is more


def test_rules_in_words() -> None:
    """In the order in which they are checked."""
    assert words_of(access()) == ""
    every = access(scopes=("a", "b"), acr=(), max_age=9, rules=(EU,))
    assert words_of(every) == (
        "scope a and b and claim region eu and acr that no token can have and "
        "a login at most 9 s ago"
    )
