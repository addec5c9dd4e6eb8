"""RFC 7519 and RFC 9068: whether a verified set of claims is an access token for us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwtguard import Guard, TrustedIssuer
from jwtguard.core.verify.claim_check import Check
from jwtguard.core.verify.claim_times import time_error
from jwtguard.core.verify.claims import CHECKS
from jwtguard.core.verify.jose import Compact, Header
from jwtguard.errors import InvalidTokenError
from jwtguard.testing import AUDIENCE, JWTIssuer
from tests.core.verify.claims_support import (
    CLAIMS,
    NOW,
    RULES,
    checked,
    reason,
    with_profile,
)

WRONG_TYPES = [1, 1.5, True, [], ["x"], {}, {"a": 1}]


def test_a_good_token_says_who_calls() -> None:
    """Every derived field comes from the claim that is meant for it."""
    found = checked(with_profile(role_claims=("roles",)), roles=["r"])
    assert (found.subject, found.issuer, found.client_id) == ("alice", "i", "spa")
    assert (found.scopes, found.roles) == (frozenset("ab"), frozenset("r"))
    assert (found.expires_at, found.token) == (NOW + 300, "t")


def test_an_audience_that_is_asked_for_must_be_there() -> None:
    """Whether the profile requires the claim or not: it is missing, not malformed."""
    rules = with_profile(require=("exp", "sub"))
    assert reason(rules, aud="absent") == "missing_claim"
    assert checked(replace(rules, audience="unchecked"), aud="absent")


# Times.


@pytest.mark.parametrize(
    "exp",
    [
        "1800000300",
        "9_999",
        "٣٣",
        [],
        [NOW + 9],
        {},
        True,
        False,
        "",
        10**400,
        10**15,
        -(10**15),
        1e300,
    ],
    ids=range(13),
)
def test_exp_must_be_a_json_number(exp: Any) -> None:
    """Strings, lists, bools and numbers beyond any calendar: 401.

    RFC 7519 section 4.1.4.
    """
    assert reason(exp=exp) == "malformed_claim"


def test_the_last_and_the_first_second_that_count() -> None:
    """Some issuers write a far year for never; that is still a time."""
    assert checked(exp=10**15 - 1).expires_at == 10**15 - 1
    assert reason(exp=1 - 10**15) == "expired"


def test_a_null_exp_is_missing_and_no_time() -> None:
    """``explain`` asks each check by itself: one of them complains, not two."""
    assert reason(exp=None) == "missing_claim"
    compact = Compact(Header("ES256", None, "jwt"), {"exp": None}, b"{}", b"", b"")
    (times,) = (check for check in CHECKS if check.name == "times")
    assert times.problem(RULES, compact, NOW) is None


def test_a_token_without_exp_is_refused() -> None:
    """Also where the settings forgot to require it. RFC 9068 section 2.2."""
    assert reason(exp="absent") == "missing_claim"
    assert reason(with_profile(require=("sub",)), exp="absent") == "missing_claim"


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("value", ["1", None, True, False, [], {}, 10**20, ""])
def test_nbf_and_iat_must_be_json_numbers(name: str, value: Any) -> None:
    """What is there, and is no number, is malformed; null too.

    RFC 7519 sections 4.1.5 and 4.1.6.
    """
    assert reason(**{name: value}) == "malformed_claim"


@pytest.mark.parametrize(
    ("claim", "inside", "outside", "why"),
    [
        ("exp", NOW - 29.9, NOW - 30, "expired"),
        ("nbf", NOW + 30, NOW + 30.1, "not_yet_valid"),
        ("iat", NOW + 30, NOW + 30.1, "issued_in_future"),
    ],
)
def test_times_have_leeway_and_no_more(
    claim: str, inside: float, outside: float, why: str
) -> None:
    """30 seconds either way; the very edge of exp is too late."""
    good: dict[str, Any] = {claim: inside}
    late: dict[str, Any] = {claim: outside}
    assert checked(**good)
    assert reason(**late) == why


@pytest.mark.parametrize("exp", [0, -1, 0.0])
def test_the_beginning_of_time_is_long_ago(exp: float) -> None:
    """A zero is a time like any other, not an absent one."""
    assert reason(exp=exp) == "expired"


def test_a_lifetime_can_be_capped() -> None:
    """``iat`` is needed then, and the distance to ``exp`` counts."""
    capped = replace(RULES, max_lifetime=600)
    assert checked(capped, iat=NOW - 300)
    assert reason(capped, iat=NOW - 301) == "lifetime_too_long"
    assert reason(capped, iat="absent") == "missing_claim"
    assert reason(capped, iat=-(10**14)) == "lifetime_too_long"


# Audience, subject, client.


@pytest.mark.parametrize("aud", ["api", ["api"], ["other", "api"]])
def test_one_of_the_audiences_is_ours(aud: Any) -> None:
    """RFC 7519 section 4.1.3: a string, or a list of them."""
    assert checked(aud=aud)


@pytest.mark.parametrize(
    "aud", ["other", "", [], ["other"], "API", "api ", "ap", ["a"]]
)
def test_another_audience_is_refused(aud: Any) -> None:
    """Compared whole and exactly; an empty list names nobody."""
    assert reason(aud=aud) == "wrong_audience"


@pytest.mark.parametrize("aud", [1, True, {"api": 1}, [1, "api"], [["api"]], [None]])
def test_an_audience_of_another_type_is_refused(aud: Any) -> None:
    """Nothing is coerced, and one wrong element spoils the list.

    RFC 7519 section 4.1.3.
    """
    assert reason(aud=aud) == "malformed_claim"
    assert reason(aud=None) == "missing_claim"


def test_the_audience_can_be_left_unchecked_knowingly() -> None:
    """Then neither its absence nor its type matters."""
    rules = replace(RULES, audience="unchecked")
    for aud in ("absent", "other", 1):
        assert checked(rules, aud=aud)


@pytest.mark.parametrize("sub", [*WRONG_TYPES, ""])
def test_the_subject_must_be_a_non_empty_string(sub: Any) -> None:
    """A number is not turned into a name, and nobody is nobody.

    RFC 7519 section 4.1.2.
    """
    assert reason(sub=sub) == "malformed_claim"


def test_a_subject_may_be_missing_where_the_settings_say_so() -> None:
    """It is then empty; a wrong one is still wrong."""
    rules = with_profile(require=("exp",))
    assert checked(rules, sub="absent").subject == ""
    assert reason(rules, sub=1) == "malformed_claim"
    assert reason(sub="absent") == reason(sub=None) == "missing_claim"
    (subject,) = (check for check in CHECKS if check.name == "subject")
    nobody = Compact(Header("ES256", None, "jwt"), {}, b"{}", b"", b"")
    assert subject.problem(RULES, nobody, NOW) == ("missing_claim", "sub")


def test_the_subject_may_stand_in_another_claim() -> None:
    """``subject_claim`` is then the one that is required."""
    rules = with_profile(subject_claim="uid")
    assert checked(rules, uid="bob").subject == "bob"
    assert checked(rules, uid="bob", sub="absent").subject == "bob"
    assert reason(rules) == "missing_claim"


@pytest.mark.parametrize("name", ["client_id", "azp"])
@pytest.mark.parametrize("value", [*WRONG_TYPES, ""])
def test_a_client_id_of_another_type_is_refused(name: str, value: Any) -> None:
    """An empty or numeric client would match no list, or the wrong one.

    RFC 9068 section 2.2.
    """
    assert reason(**{name: value}) == "malformed_claim"


def test_two_client_claims_must_agree() -> None:
    """Else one server would take the one, and another the other."""
    assert checked(azp="spa").client_id == "spa"
    assert reason(azp="batch") == "client_ambiguous"
    assert checked(client_id="absent").client_id is None


@pytest.mark.parametrize("name", ["iss", "jti"])
@pytest.mark.parametrize("value", WRONG_TYPES)
def test_registered_claims_of_another_type_are_refused(name: str, value: Any) -> None:
    """RFC 7519 section 4.1: strings."""
    assert reason(**{name: value}) == "malformed_claim"


# Scopes and roles.


@pytest.mark.parametrize("scope", [1, True, {"a": 1}, [1, None], ""])
def test_a_scope_claim_of_another_type_grants_nothing(scope: Any) -> None:
    """It is no error either: 403 where a scope is needed, not 401.

    RFC 8693 section 4.2.
    """
    assert checked(scope=scope).scopes == frozenset()


def test_scope_claims_are_not_merged() -> None:
    """The first that is there counts, whatever it holds."""
    assert checked(scope="a", scp=["b"]).scopes == {"a"}
    assert checked(scope=1, scp=["b"]).scopes == frozenset()
    assert checked(scope=None, scp=["b"]).scopes == {"b"}
    assert checked(scope="absent").scopes == frozenset()


ROLE_CLAIMS = (
    "realm_access.roles",
    "https://x.example/roles",
    "r.{audience}.n",
    "end.",
)


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ({"realm_access": {"roles": ["a", 1, ""]}}, {"a"}),
        ({"realm_access.roles": ["a"], "realm_access": {"roles": ["b"]}}, {"a"}),
        ({"realm_access": ["roles"]}, set()),
        ({"realm_access": {"roles": {"a": 1}}}, set()),
        ({"realm_access": {"rolesx": ["a"]}}, set()),
        ({"https://x.example/roles": "Team Lead"}, {"Team Lead"}),
        ({"https://x": {"example/roles": ["a"]}}, {"a"}),
        ({"r": {"api": {"n": ["a"]}, "other": {"n": ["b"]}}}, {"a"}),
        ({"r.api": {"n": ["a"]}, "r": {"api": {"n": ["b"]}}}, {"a"}),
        ({"end": {"": ["a"]}}, {"a"}),
        ({"r": None}, set()),
    ],
)
def test_roles_are_found_where_the_profile_says(
    claims: dict[str, Any], found: set[str]
) -> None:
    """A claim name may hold dots; the longest name that is there wins."""
    rules = with_profile(role_claims=ROLE_CLAIMS)
    assert checked(rules, **claims).roles == found


def test_roles_by_audience_need_one() -> None:
    """Unchecked audience: roles of all APIs would be too many, so there are none."""
    rules = replace(with_profile(role_claims=ROLE_CLAIMS), audience="unchecked")
    assert checked(rules, r={"api": {"n": ["a"]}}).roles == frozenset()


# Any JSON, through the guard.


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6).filter(lambda text: text.isprintable()),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=5,
)


NAMES = [*CLAIMS, "nbf", "iat", "jti", "azp", "typ", "cnf", "events", "realm_access"]


@given(st.dictionaries(st.sampled_from(NAMES), JSON_VALUES, max_size=4))
def test_signed_claims_of_any_type_are_refused_or_read(
    jwt_issuer: JWTIssuer, sign: Callable[..., str], changes: dict[str, Any]
) -> None:
    """Nothing but our 401 leaves ``verify``, and what passes has the right types."""
    changes.pop("iss", None)
    guard = _guard(jwt_issuer)
    try:
        found = guard.verify(sign(**changes))
    except InvalidTokenError:
        return
    assert found.subject
    assert isinstance(found.subject, str)
    assert found.client_id is None or found.client_id
    assert all(isinstance(name, str) for name in found.scopes | found.roles)
    assert isinstance(found.expires_at, float)


def _guard(jwt_issuer: JWTIssuer) -> Guard:
    trusted = TrustedIssuer(
        url=jwt_issuer.url, audience=AUDIENCE, role_claims=("realm_access.roles",)
    )
    return jwt_issuer.guard(issuers=(trusted,))


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"exp": "absent"}, "exp"),
        ({"sub": "absent"}, "sub"),
        ({"iss": 1}, "iss"),
        ({"jti": 1}, "jti"),
        ({"aud": 1}, "aud"),
        ({"sub": ""}, "sub"),
        ({"client_id": 1}, "client_id"),
        ({"exp": "x"}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"nbf": None}, "nbf"),
        ({"iat": True}, "iat"),
        ({"header": "x" * 40}, f"typ {'x' * 32!r}"),
    ],
)
def test_the_log_learns_which_claim_it_was(
    changes: dict[str, Any], detail: str
) -> None:
    """The detail names the claim, never its value."""
    with pytest.raises(InvalidTokenError) as caught:
        checked(**changes)
    assert caught.value.detail == detail


@pytest.mark.parametrize(
    ("settings", "changes", "detail"),
    [
        ({"expect": {"tenant": "a"}}, {}, "tenant"),
        ({"subject_claim": "uid"}, {}, "uid"),
        ({"require": ("sub",)}, {"exp": "absent"}, "exp"),
        ({"require": ("exp",)}, {"aud": "absent"}, "aud"),
        ({"require": ("iat", "jti")}, {"iat": NOW}, "jti"),
    ],
)
def test_the_log_learns_what_a_setting_has_asked_for(
    settings: dict[str, Any], changes: dict[str, Any], detail: str
) -> None:
    """An expected claim, a required one, the subject by its own name."""
    with pytest.raises(InvalidTokenError) as caught:
        checked(with_profile(**settings), **changes)
    assert caught.value.detail == detail


def test_the_log_learns_that_a_capped_lifetime_needs_iat() -> None:
    """It is the cap that asks for the claim, whatever the profile does."""
    with pytest.raises(InvalidTokenError) as caught:
        checked(replace(RULES, max_lifetime=60))
    assert caught.value.detail == "iat"


def test_an_unchecked_audience_leaves_the_other_claims_required() -> None:
    """What stands after ``aud`` in the list is still looked for."""
    rules = replace(with_profile(require=("aud", "jti")), audience="unchecked")
    assert reason(rules, aud="absent") == "missing_claim"
    assert checked(rules, aud="absent", jti="x")


def test_no_client_can_be_called_so_that_its_roles_count() -> None:
    """Neither the placeholder itself nor a letter of ``unchecked`` is an audience."""
    role = {"roles": ["admin"]}
    access = dict.fromkeys(("{audience}", *"unchecked"), role)
    rules = with_profile(role_claims=("resource_access.{audience}.roles",))
    assert checked(rules, resource_access=access).roles == frozenset()
    loose = replace(rules, audience="unchecked")
    assert checked(loose, resource_access=access).roles == frozenset()


# The table.


BROKEN: dict[str, dict[str, Any]] = {
    "binding": {"cnf": {"jwk": {}}},
    "kind": {"nonce": "n"},
    "type": {},
    "expected": {"tenant": "other"},
    "mark": {"client_id": None, "scope": None},
    "required": {"exp": None},
    "strings": {"jti": 1},
    "times": {"exp": NOW - 31},
    "lifetime": {"iat": NOW - 9000},
    "audience": {"aud": "other"},
    "subject": {"sub": 1},
    "client": {"azp": "other"},
}
"""What each check of the table refuses, in the claims."""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_a_check_of_the_table_refuses_the_token(check: Check) -> None:
    """``principal_of`` runs each check that ``explain`` lists, with the same reason."""
    rules = replace(with_profile(expect={"tenant": "t"}), max_lifetime=3600)
    good = {**CLAIMS, "tenant": "t", "iat": NOW}
    assert checked(rules, **good)
    header = "rt+jwt" if check.name == "type" else "jwt"
    broken = {**good, **BROKEN[check.name]}
    compact = Compact(Header("ES256", None, header), broken, b"{}", b"", b"")
    problem = check.problem(rules, compact, NOW)
    assert problem is not None
    assert reason(rules, header, **broken) == problem.reason
    others = [one.name for one in CHECKS if one.problem(rules, compact, NOW)]
    assert others == [check.name]


def test_what_the_rules_do_not_ask_for_reads_nothing() -> None:
    """``explain`` leaves such checks out."""
    quiet = {
        one.name
        for one in CHECKS
        if not one.reads(replace(RULES, audience="unchecked"))
    }
    assert quiet == {"expected", "lifetime", "audience"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("value", [*WRONG_TYPES, "text", None, 10**400, -(10**400)])
def test_each_check_stands_alone(check: Check, value: Any) -> None:
    """Also behind one that failed: whatever the claims hold, it returns an answer."""
    rules = replace(with_profile(expect={"tenant": "t"}), max_lifetime=3600)
    for name in (*check.reads(rules), "exp", "iat"):
        compact = Compact(
            Header("ES256", None, "jwt"), {**CLAIMS, name: value}, b"{}", b"", b""
        )
        check.problem(rules, compact, NOW)


def test_a_refusal_names_every_claim_that_is_missing() -> None:
    """One run is enough to find them all."""
    with pytest.raises(InvalidTokenError) as caught:
        checked(sub="absent", aud="absent")
    assert caught.value.detail == "aud sub"


@pytest.mark.parametrize(
    ("exp", "nbf", "iat", "reason"),
    [
        (NOW - 30, NOW, NOW, "expired"),
        (NOW - 29, NOW + 30, NOW + 30, ""),
        (NOW, NOW + 31, NOW, "not_yet_valid"),
        (NOW, NOW, NOW + 31, "issued_in_future"),
    ],
)
def test_times_are_judged_in_one_place(
    exp: float, nbf: float, iat: float, reason: str
) -> None:
    """New tokens and remembered ones."""
    assert time_error(exp, nbf, iat, NOW, 30) == reason
