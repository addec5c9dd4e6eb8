"""Real tokens of each issuer family: access tokens pass, their siblings do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jwtguard.core.model.profiles import PROFILES
from jwtguard.core.verify.claims import CHECKS, checked_facts
from jwtguard.core.verify.jose import Compact, Header
from jwtguard.core.verify.token_rules import TokenRules
from jwtguard.errors import InvalidTokenError

NOW = 1_800_000_000.0
TIMES = {"iat": int(NOW) - 5, "exp": int(NOW) + 300, "iss": "i", "sub": "alice"}
API = {"aud": "api", **TIMES}

ACCESS: dict[str, tuple[str, dict[str, Any]]] = {
    "rfc9068": (
        "at+jwt",
        {**API, "client_id": "spa", "jti": "1", "scope": "a b", "roles": ["r"]},
    ),
    "generic": ("jwt", {**API, "scope": "a b", "roles": ["r"]}),
    "keycloak": (
        "jwt",
        {
            **API,
            "typ": "Bearer",
            "azp": "spa",
            "scope": "a b",
            "realm_access": {"roles": ["r"]},
            "resource_access": {"api": {"roles": ["s"]}, "other": {"roles": ["t"]}},
        },
    ),
    "auth0": (
        "jwt",
        {**API, "azp": "spa", "scope": "a b", "gty": "password", "permissions": ["r"]},
    ),
    "entra": ("jwt", {**API, "appid": "spa", "scp": "a b", "roles": ["r"]}),
    "okta": ("", {**API, "cid": "spa", "scp": ["a", "b"], "groups": ["r"]}),
    "cognito": (
        "",
        {
            **TIMES,
            "token_use": "access",
            "client_id": "spa",
            "scope": "a b",
            "cognito:groups": ["r"],
        },
    ),
}
ID_TOKENS: dict[str, tuple[str, dict[str, Any]]] = {
    "rfc9068": ("jwt", {**API, "azp": "spa"}),
    "generic": ("jwt", {**API, "azp": "spa", "email": "a@example.com"}),
    "keycloak": ("jwt", {**API, "typ": "ID", "azp": "spa", "at_hash": "x"}),
    "auth0": ("jwt", {**API, "nickname": "alice", "sid": "1"}),
    "entra": ("jwt", {**API, "aio": "x", "tid": "t", "ver": "2.0"}),
    "okta": ("", {**API, "ver": 1, "amr": ["pwd"], "at_hash": "x"}),
    "cognito": (
        "",
        {**TIMES, "aud": "api", "token_use": "id", "cognito:username": "a"},
    ),
}


def rules(profile: str) -> TokenRules:
    return TokenRules(
        issuer="i",
        profile=PROFILES[profile],
        audience="unchecked" if profile == "cognito" else frozenset({"api"}),
        algorithms=("ES256",),
        leeway=30,
    )


def compact(typ: str, claims: dict[str, Any]) -> Compact:
    return Compact(Header("ES256", None, typ), claims, b"{}", b"", b"")


def check(rules: TokenRules, token: Compact, *names: str) -> None:
    """Run the checks called *names*, in order, as the guard does."""
    for one in CHECKS:
        if one.name in names and (problem := one.problem(rules, token, NOW)):
            raise InvalidTokenError(*problem[:1])


def check_type(rules: TokenRules, typ: str, claims: dict[str, Any]) -> None:
    token = compact(typ, claims)
    check(rules, token, "binding", "kind", "type", "expected", "mark")


def check_required(rules: TokenRules, claims: dict[str, Any]) -> None:
    check(rules, compact("", claims), "required", "strings")


JKT = {"jkt": "thumbprint"}


@pytest.mark.parametrize(
    ("typ", "cnf", "good"),
    [
        ("DPoP", JKT, True),
        ("DPoP", {**JKT, "kc-jkt-type": "DPoP"}, True),
        ("DPoP", {**JKT, "x5t#S256": "c"}, True),
        ("Bearer", JKT, False),
        ("DPoP", None, False),
        ("DPoP", {"x5t#S256": "c"}, False),
        ("Bearer", {"x5t#S256": "c"}, True),
        ("dpop", JKT, False),
        ("ID", JKT, False),
        (None, JKT, False),
    ],
)
def test_keycloak_marks_a_bound_token_as_dpop(
    typ: str | None, cnf: Any, good: bool
) -> None:
    """Exactly when ``cnf.jkt`` is there: a token may not be half bound."""
    _, claims = ACCESS["keycloak"]
    claims = {**claims, "typ": typ, "cnf": cnf}
    if typ is None:
        del claims["typ"]
    if good:
        check_type(rules("keycloak"), "jwt", claims)
        check_type(rules("keycloak"), "jwt", {**claims, "nonce": "n"})
    else:
        with pytest.raises(InvalidTokenError, match=r"not_access_token|id_token"):
            check_type(rules("keycloak"), "jwt", claims)


def test_an_issuer_that_expects_something_else_is_obeyed() -> None:
    """``expect`` of the operator replaces that of the profile, bound or not."""
    own = replace(PROFILES["keycloak"], expect={"kind": "api"})
    claims = {**ACCESS["keycloak"][1], "kind": "api", "cnf": JKT}
    check_type(replace(rules("keycloak"), profile=own), "jwt", claims)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_access_token_of_the_family_is_read(profile: str) -> None:
    """Scopes, client and roles are found where this family keeps them."""
    found = checked_facts(rules(profile), compact(*ACCESS[profile]), NOW)
    assert found.subject == "alice"
    assert found.scopes == {"a", "b"}
    assert found.client_id == (None if profile == "generic" else "spa")
    assert found.roles == ({"r", "s"} if profile == "keycloak" else {"r"})


@pytest.mark.parametrize("profile", PROFILES)
def test_each_other_token_of_the_family_has_its_own_reason(profile: str) -> None:
    """Also an ID token without nonce and at_hash, as the password grant makes them."""
    token_rules = replace(rules(profile), clients=frozenset({"spa"}))
    head, access = ACCESS[profile]
    typ, claims = ID_TOKENS[profile]
    for why, other in (
        ("id_token", compact(typ, {**claims, "aud": "spa"})),
        ("refresh_token", compact(head, {**access, "typ": "Refresh"})),
        ("refresh_token", compact(head, {**access, "token_use": "refresh"})),
        ("logout_token", compact(head, {**access, "events": {}})),
        ("logout_token", compact("logout+jwt", access)),
    ):
        with pytest.raises(InvalidTokenError) as caught:
            checked_facts(token_rules, other, NOW)
        assert caught.value.reason == why


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("token", PROFILES)
def test_no_profile_takes_an_id_token_of_another(profile: str, token: str) -> None:
    """A profile chosen wrongly refuses; it does not let ID tokens in."""
    with pytest.raises(InvalidTokenError):
        checked_facts(rules(profile), compact(*ID_TOKENS[token]), NOW)


@pytest.mark.parametrize("typ", ["", "jwt", "application/jwt", "rt+jwt", "id+jwt"])
def test_the_rfc9068_profile_requires_at_jwt(typ: str) -> None:
    """``typ`` missing, empty, or another than at+jwt: refused. RFC 9068 section 4."""
    claims = ACCESS["rfc9068"][1]
    with pytest.raises(InvalidTokenError, match="wrong_type"):
        checked_facts(rules("rfc9068"), compact(typ, claims), NOW)


@pytest.mark.parametrize(
    "name", ["exp", "iss", "aud", "sub", "client_id", "iat", "jti"]
)
def test_rfc9068_needs_all_its_claims(name: str) -> None:
    """RFC 9068 section 2.2: each of the seven, and not null."""
    typ, claims = ACCESS["rfc9068"]
    without = {k: v for k, v in claims.items() if k != name}
    for wrong in (without, {**without, name: None}):
        with pytest.raises(InvalidTokenError):
            checked_facts(rules("rfc9068"), compact(typ, wrong), NOW)


def test_keycloak_offline_and_refresh_tokens_are_refused() -> None:
    """Their body ``typ`` says what they are."""
    _, claims = ACCESS["keycloak"]
    for kind in ("Refresh", "Offline", "Logout", "ID", "Serialized-ID"):
        with pytest.raises(InvalidTokenError):
            checked_facts(
                rules("keycloak"), compact("jwt", {**claims, "typ": kind}), NOW
            )


FAMILIES: dict[str, dict[str, set[str]]] = {
    "rfc9068": {"clients": {"client_id"}, "scopes": {"scope"}, "roles": {"roles"}},
    "generic": {
        "clients": {"client_id", "azp"},
        "scopes": {"scope", "scp"},
        "roles": {"roles"},
    },
    "keycloak": {
        "clients": {"azp", "client_id"},
        "scopes": {"scope"},
        "roles": {"realm_access.roles", "resource_access.api.roles"},
    },
    "auth0": {
        "clients": {"azp", "client_id"},
        "scopes": {"scope"},
        "roles": {"permissions"},
    },
    "entra": {"clients": {"azp", "appid"}, "scopes": {"scp"}, "roles": {"roles"}},
    "okta": {"clients": {"cid"}, "scopes": {"scp"}, "roles": {"groups"}},
    "cognito": {
        "clients": {"client_id"},
        "scopes": {"scope"},
        "roles": {"cognito:groups"},
    },
}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_family_keeps_its_facts_in_its_own_claims_alone(profile: str) -> None:
    """What another family says there gives nobody a client, scope or role."""
    token_rules, own = rules(profile), FAMILIES[profile]
    for name in ("client_id", "azp", "appid", "cid"):
        expected = "spa" if name in own["clients"] else None
        assert token_rules.client({name: "spa"}) == expected
    for name in ("scope", "scp"):
        assert token_rules.scopes({name: "a"}) == (
            {"a"} if name in own["scopes"] else set()
        )
    for name in set().union(*(family["roles"] for family in FAMILIES.values())):
        expected_roles = {"r"} if name in own["roles"] else set()
        assert token_rules.roles({name: ["r"]}) == expected_roles


MARKS: list[tuple[str, dict[str, Any]]] = [
    ("generic", {"token_use": "access"}),
    ("generic", {"typ": "Bearer"}),
    ("generic", {"type": "access"}),
    ("generic", {"type": "access_token"}),
    ("generic", {"token_type": "access"}),
    ("generic", {"token_type": "access_token"}),
    ("generic", {"token_class": "access_token"}),
    ("keycloak", {"typ": "Bearer"}),
    ("keycloak", {"typ": "DPoP", "cnf": {"jkt": "k"}}),
    ("auth0", {"gty": "password"}),
    ("auth0", {"gty": "client-credentials"}),
    ("auth0", {"gty": "refresh_token"}),
    ("cognito", {"token_use": "access", "client_id": "spa"}),
]
HINTS: list[tuple[str, dict[str, Any]]] = [
    ("generic", {"client_id": "spa"}),
    ("generic", {"scope": "a"}),
    ("generic", {"scp": "a"}),
    ("auth0", {"client_id": "spa"}),
    ("auth0", {"permissions": []}),
    ("auth0", {"scope": "a"}),
    ("entra", {"appidacr": "0"}),
    ("entra", {"azpacr": "0"}),
    ("entra", {"scp": "a"}),
    ("okta", {"cid": "spa"}),
    ("okta", {"scp": "a"}),
]


@pytest.mark.parametrize(("profile", "claims"), MARKS + HINTS)
def test_each_mark_and_each_hint_is_enough(
    profile: str, claims: dict[str, Any]
) -> None:
    """Whichever of them the family's issuer writes; without any it is refused."""
    token_rules = rules(profile)
    assert checked_facts(token_rules, compact("jwt", {**API, **claims}), NOW)
    with pytest.raises(InvalidTokenError, match="not_access_token"):
        check_type(token_rules, "jwt", API)


@pytest.mark.parametrize(("profile", "claims"), MARKS)
def test_a_mark_outweighs_a_nonce(profile: str, claims: dict[str, Any]) -> None:
    """Only access tokens bear it, and some issuers put nonce everywhere."""
    check_type(rules(profile), "jwt", {**claims, "nonce": "n"})


@pytest.mark.parametrize(("profile", "claims"), HINTS)
def test_a_hint_does_not_outweigh_a_nonce(profile: str, claims: dict[str, Any]) -> None:
    """ID tokens could have the same claim."""
    with pytest.raises(InvalidTokenError, match="id_token"):
        check_type(rules(profile), "jwt", {**claims, "nonce": "n"})


@pytest.mark.parametrize("profile", PROFILES)
def test_the_type_of_rfc_9068_marks_a_token_of_every_family(profile: str) -> None:
    """RFC 9068 section 2.1: in both spellings, with no claim that says more."""
    expected = dict(PROFILES[profile].expect)
    for typ in ("at+jwt", "application/at+jwt"):
        check_type(rules(profile), typ, {**expected, "nonce": "n"})


@pytest.mark.parametrize("typ", ["jwt", "application/jwt", ""])
def test_what_rfc_9068_is_newer_than_has_any_type_of_a_jwt(typ: str) -> None:
    """A mark or a hint tells access tokens then."""
    for profile in set(PROFILES) - {"rfc9068"}:
        check_type(rules(profile), typ, ACCESS[profile][1])


@pytest.mark.parametrize("profile", PROFILES)
def test_every_family_needs_end_issuer_audience_and_subject(profile: str) -> None:
    """Cognito's access tokens have no audience, and always a client."""
    needed = {"exp", "iss", "aud", "sub"}
    more = {"rfc9068": {"client_id", "iat", "jti"}, "cognito": {"client_id"}}
    needed |= more.get(profile, set())
    if profile == "cognito":
        needed.remove("aud")
    claims = dict.fromkeys(needed, "x")
    check_required(rules(profile), claims)
    for name in needed:
        with pytest.raises(InvalidTokenError, match="missing_claim"):
            check_required(rules(profile), {**claims, name: None})


@pytest.mark.parametrize("profile", PROFILES)
def test_a_token_without_kid_is_tried_with_one_key_that_fits(profile: str) -> None:
    """Trying several is a choice that somebody makes."""
    assert PROFILES[profile].kidless == "one"
