"""Refusals explain themselves: what was expected, what was found, what may help."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from jwtguard import AuthError, Guard, Policy, TrustedIssuer
from jwtguard.core.model.effects import Incoming
from jwtguard.core.respond.near_misses import difference
from jwtguard.core.verify.jose import Compact, Header
from jwtguard.inspect.explain_claims import claim_checks
from jwtguard.inspect.explain_token import Dated, explain, token_in
from jwtguard.inspect.hints import of_form
from jwtguard.inspect.shown import Check, escaped
from jwtguard.testing import AUDIENCE, ISSUER, FakeClock, JWTIssuer


@pytest.fixture
def jwt_clock() -> FakeClock:
    """A clock without fractions of a second."""
    return FakeClock(1_800_000_000)


def dated(issuer: JWTIssuer) -> tuple[Guard, Dated]:
    """Return a guard that trusts *issuer*, and the transport that tells its time."""
    clock = Dated(issuer.transport, issuer.clock.time)
    return Guard(issuer.policy(), clock=issuer.clock, transport=clock), clock


def checks(issuer: JWTIssuer, token: str, **settings: Any) -> dict[str, Check]:
    """Return every check of *token*, by name."""
    return {one.name: one for one in explain(issuer.guard(**settings), token)}


def guarding(issuer: JWTIssuer, trusted: TrustedIssuer) -> Guard:
    """Return a guard with one trusted issuer, in the time and network of *issuer*."""
    policy = Policy(issuers=[trusted])
    return Guard(policy, clock=issuer.clock, transport=issuer.transport)


def by_name(guard: Guard, token: str, clock: Dated | None = None) -> dict[str, Check]:
    """Return every check of *token* by *guard*, by name."""
    return {one.name: one for one in explain(guard, token, clock)}


def first_failure(issuer: JWTIssuer, token: str, **settings: Any) -> Check:
    """Return the check that the guard stops at."""
    return next(c for c in explain(issuer.guard(**settings), token) if not c.passed)


# The token.


def test_the_order_is_that_of_the_guard(jwt_issuer: JWTIssuer) -> None:
    """The first failed check has the very reason of the refusal."""
    names = [one.name for one in explain(jwt_issuer.guard(), jwt_issuer.token())]
    assert names == [
        "size", "form", "issuer", "algorithm", "key", "signature", "binding", "kind",
        "type", "mark", "required", "strings", "times", "audience", "subject", "client",
        "grants", "revoked",
    ]  # fmt: skip
    for make in ("expired", "forged", "id_token", "wrong_audience"):
        token = getattr(jwt_issuer, make)()
        with pytest.raises(AuthError) as refused:
            jwt_issuer.guard().verify(token)
        assert first_failure(jwt_issuer, token).reason == refused.value.reason


def test_every_failure_says_what_was_expected_and_found(jwt_issuer: JWTIssuer) -> None:
    """Both, where there is something to find."""
    found = first_failure(jwt_issuer, jwt_issuer.wrong_audience())
    assert (found.expected, found.found) == (AUDIENCE, "aud https://other.example")


@pytest.mark.parametrize(
    ("iss", "hint"),
    [
        (f"{ISSUER}/", "an extra trailing slash"),
        (ISSUER.replace("https", "http"), "http instead of https"),
        (ISSUER.upper().replace("HTTPS", "https"), "a difference in case"),
        (f"{ISSUER}/realms/other", "another realm"),
        ("https://elsewhere.example", "another issuer"),
    ],
)
def test_near_misses_of_the_issuer(jwt_issuer: JWTIssuer, iss: str, hint: str) -> None:
    """What people get wrong most is named, and not only shown."""
    found = first_failure(jwt_issuer, jwt_issuer.token(claims={"iss": iss}))
    assert found.reason == "unknown_issuer"
    assert hint in found.hint


@pytest.mark.parametrize(
    ("found", "wanted", "words"),
    [
        ("https://a", "https://a/", "a missing trailing slash"),
        ("http://localhost:1", "http://127.0.0.1:1", "another name of loopback"),
        ("https://www.a", "https://a", "the prefix www."),
        ("http://A/", "https://a", "several small differences"),
        ("https://a", "https://b", ""),
    ],
)
def test_small_differences_have_a_name(found: str, wanted: str, words: str) -> None:
    """And large ones have none."""
    assert difference(found, wanted) == words


@pytest.mark.parametrize(
    ("url", "profile", "words"),
    [
        ("https://id.example/realms/main", "generic", ["Keycloak", "Audience"]),
        ("https://id.example", "keycloak", ["Keycloak", "dedicated"]),
        ("https://tenant.eu.auth0.com/", "auth0", ["Auth0", f"audience={AUDIENCE}"]),
        ("https://login.example/v2.0", "entra", ["Entra", "api://"]),
        ("https://okta.example/oauth2/x", "okta", ["Okta"]),
        ("https://id.example", "generic", ["Keycloak", "unchecked"]),
    ],
)
def test_how_an_audience_is_added(url: str, profile: str, words: list[str]) -> None:
    """The hint names the switch of the very issuer, with our audience in it."""
    issuer = JWTIssuer(url, alg="ES256")
    trusted = TrustedIssuer(url=url, audience=[AUDIENCE], profile=profile)
    policy = Policy(issuers=[trusted])
    guard = Guard(policy, clock=issuer.clock, transport=issuer.transport)
    claims = {"aud": "account", "typ": "Bearer", "azp": "spa", "cid": "spa"}
    token = issuer.token(typ="JWT", claims=claims)
    (found,) = (one for one in explain(guard, token) if one.name == "audience")
    assert found.reason == "wrong_audience"
    for word in words:
        assert word in found.hint


@pytest.mark.parametrize("alone", ["Keycloak", "Auth0", "Entra", "Okta", "Cognito"])
def test_the_remedy_of_one_server_is_told_and_no_other(alone: str) -> None:
    """Where the profile says whose tokens they are."""
    issuer = JWTIssuer("https://id.example", alg="ES256")
    profile = alone.lower()
    trusted = TrustedIssuer(url=issuer.url, audience=[AUDIENCE], profile=profile)
    guard = guarding(issuer, trusted)
    hint = by_name(guard, issuer.token(claims={"aud": "x"}))["audience"].hint
    named = {name for name in ("Keycloak", "Auth0", "Entra", "Okta", "Cognito")
             if name in hint}  # fmt: skip
    assert named == {alone}
    assert "JWTGUARD_AUDIENCE=unchecked" in hint


def test_a_mapper_that_is_there_is_not_asked_for_again() -> None:
    """Keycloak adds ``account`` by itself; another audience comes from a mapper."""
    issuer = JWTIssuer("https://id.example/realms/main", alg="ES256")
    guard = guarding(issuer, TrustedIssuer(url=issuer.url, audience=[AUDIENCE]))
    token = issuer.token(claims={"aud": ["account", "notes-api"]})
    hint = by_name(guard, token)["audience"].hint
    assert "adds notes-api: change" in hint
    assert "new mapper" not in hint


def test_an_id_token_is_told_by_its_audience(jwt_issuer: JWTIssuer) -> None:
    """Where nothing else gives it away: ``aud`` is the client."""
    bare = {"client_id": None, "azp": "spa", "scope": None, "aud": "spa"}
    token = jwt_issuer.token(typ="JWT", claims=bare)
    assert "send access_token" in checks(jwt_issuer, token)["kind"].hint
    token = jwt_issuer.token(claims={"aud": f"{AUDIENCE}/"})
    assert "trailing slash" in checks(jwt_issuer, token)["audience"].hint


def test_an_access_token_for_the_client_is_not_taken_for_an_id_token(
    jwt_issuer: JWTIssuer,
) -> None:
    """Some issuers write the client into ``aud`` of every token; scopes tell."""
    token = jwt_issuer.token(typ="JWT", scope="a", claims={"aud": "spa"})
    hint = checks(jwt_issuer, token)["audience"].hint
    assert "ID token" not in hint
    assert "this access token does not name the API" in hint


# Every obstacle in one run.


def test_one_run_shows_every_obstacle(jwt_issuer: JWTIssuer) -> None:
    """The signature, the times, the audience and the client, whatever fails first."""
    claims = {"aud": "x", "sub": 1, "azp": "other", "nonce": "n", "exp": 1000}
    token = jwt_issuer.token(typ="JWT", claims=claims)
    reasons = [one.reason for one in checks(jwt_issuer, token).values() if one.reason]
    assert reasons == [
        "id_token", "expired", "wrong_audience", "malformed_claim", "client_ambiguous"
    ]  # fmt: skip


def test_a_long_token_is_still_taken_apart(jwt_issuer: JWTIssuer) -> None:
    """Its claims may be as wrong as its length."""
    token = jwt_issuer.token(claims={"aud": "x", "groups": ["g" * 99] * 200})
    found = checks(jwt_issuer, token)
    assert found["size"].reason == "token_too_long"
    assert found["audience"].reason == "wrong_audience"


def test_another_issuer_s_name_hides_nothing(jwt_issuer: JWTIssuer) -> None:
    """A near miss is checked to the end; keys are not asked for another realm."""
    token = jwt_issuer.token(claims={"iss": f"{ISSUER}/", "aud": "x"})
    found = checks(jwt_issuer, token)
    assert found["issuer"].reason == "unknown_issuer"
    assert found["signature"].passed
    assert found["audience"].reason == "wrong_audience"
    token = jwt_issuer.token(claims={"iss": "https://elsewhere.example", "aud": "x"})
    found = checks(jwt_issuer, token)
    assert "signature" not in found
    assert found["audience"].reason == "wrong_audience"


def test_of_several_issuers_the_nearest_is_taken(jwt_issuer: JWTIssuer) -> None:
    """Where none comes near, there are no rules to go on with."""
    other = JWTIssuer("https://other.example", alg="ES256")
    issuers = [TrustedIssuer(url=one.url) for one in (other, jwt_issuer)]
    policy = Policy(issuers=issuers, audience=[AUDIENCE])
    guard = Guard(policy, clock=jwt_issuer.clock, transport=jwt_issuer.transport)
    found = by_name(guard, jwt_issuer.token(claims={"iss": f"{ISSUER}/"}))
    assert jwt_issuer.url in found["rules"].found
    assert found["audience"].passed
    found = by_name(guard, jwt_issuer.token(claims={"iss": "https://x.example"}))
    assert list(found) == ["size", "form", "issuer"]


def test_a_token_without_iss_is_not_another_issuer_s(jwt_issuer: JWTIssuer) -> None:
    """What is missing is required by ``require``, and not by JWTGUARD_ISSUER."""
    found = checks(jwt_issuer, jwt_issuer.token(claims={"iss": None}))
    assert found["issuer"].reason == found["required"].reason == "missing_claim"
    assert "`require`" in found["required"].hint
    for hint in (found["issuer"].hint, found["required"].hint):
        assert "another issuer" not in hint
        assert "JWTGUARD_ISSUER" not in hint


@pytest.mark.parametrize("claim", ["sub", "aud", "exp"])
def test_what_is_missing_is_explained_once(jwt_issuer: JWTIssuer, claim: str) -> None:
    """Audience and subject have checks of their own, and those have the hint."""
    token = jwt_issuer.token(claims={claim: None})
    found = [one for one in checks(jwt_issuer, token).values() if one.reason]
    assert {one.reason for one in found} == {"missing_claim"}
    assert len([one for one in found if one.hint]) == 1
    token = jwt_issuer.token(claims={"sub": None, "aud": None, "exp": None})
    assert checks(jwt_issuer, token)["required"].found == "iss (exp aud sub)"


# What issuers do differently.


@pytest.mark.parametrize(
    "url", ["https://id.example/realms/main", "https://id.example"]
)
def test_keycloak_without_the_scope_basic(url: str) -> None:
    """Keycloak 25 and later: ``sub`` comes from a client scope of that name."""
    issuer = JWTIssuer(url, alg="ES256")
    guard = guarding(issuer, TrustedIssuer(url=url, audience=[AUDIENCE]))
    token = issuer.token(claims={"sub": None, "typ": "Bearer", "azp": "spa"})
    found = by_name(guard, token)["subject"]
    assert found.found == "no sub"
    assert "client scope `basic`" in found.hint
    plain = by_name(guard, issuer.token(claims={"sub": None}))["subject"].hint
    assert ("basic" in plain) == ("/realms/" in url)


def test_token_use_is_cognito_s(jwt_issuer: JWTIssuer) -> None:
    """Its access tokens have no ``aud``, which the profile knows."""
    token = jwt_issuer.token(claims={"aud": None, "token_use": "access"})
    hint = checks(jwt_issuer, token)["audience"].hint
    assert "JWTGUARD_PROFILE=cognito" in hint
    assert "JWTGUARD_AUDIENCE=unchecked" in hint


def test_a_session_token_of_clerk(jwt_issuer: JWTIssuer) -> None:
    """Its ``azp`` is an origin, and nothing marks it as an access token."""
    bare = {"client_id": None, "scope": None, "azp": "https://www.example"}
    hint = checks(jwt_issuer, jwt_issuer.token(typ="JWT", claims=bare))["mark"].hint
    assert "session token" in hint
    assert "set `mark` of the issuer" in hint


def test_the_profile_that_the_token_looks_like(jwt_issuer: JWTIssuer) -> None:
    """A header type or claims that another profile would accept."""
    trusted = TrustedIssuer(url=ISSUER, audience=[AUDIENCE], profile="rfc9068")
    guard = guarding(jwt_issuer, trusted)
    claims: dict[str, Any] = {"realm_access": {"roles": []}, "jti": None}
    found = by_name(guard, jwt_issuer.token(typ="JWT", claims=claims))
    for name in ("type", "required"):
        assert "JWTGUARD_PROFILE=keycloak" in found[name].hint
    found = by_name(guard, jwt_issuer.token(claims={"jti": None}))
    assert "profile rfc9068 requires jti" in found["required"].hint


def test_no_metadata_names_the_settings(jwt_issuer: JWTIssuer) -> None:
    """Where the metadata or the keys may be, if not where the issuer's name says."""
    trusted = TrustedIssuer(url=f"{ISSUER}/elsewhere", audience=[AUDIENCE])
    guard = guarding(jwt_issuer, trusted)
    found = by_name(guard, jwt_issuer.token(claims={"iss": trusted.url}))["key"]
    assert found.reason == "keys_unavailable"
    assert "404" in found.hint
    assert "JWTGUARD_DISCOVERY_URL" in found.hint
    assert "JWTGUARD_JWKS_URL" in found.hint


def test_a_key_that_is_published_is_not_called_unpublished(
    jwt_issuer: JWTIssuer,
) -> None:
    """An Ed448 key is there, but nothing here verifies with it."""
    own = jwt_issuer.jwks()["keys"]
    ed448 = {"kty": "OKP", "crv": "Ed448", "kid": "goldilocks", "x": "AA"}
    keys = json.dumps({"keys": [*own, ed448]})
    trusted = TrustedIssuer(url=ISSUER, audience=[AUDIENCE], keys=keys)
    guard = guarding(jwt_issuer, trusted)
    found = by_name(guard, jwt_issuer.token(headers={"kid": "goldilocks"}))["key"]
    assert found.reason == "unknown_key"
    assert "is published, but not supported" in found.hint
    found = by_name(guard, jwt_issuer.token(headers={"kid": "x"}))["key"]
    assert "rotated" in found.hint


def test_a_refresh_token_of_the_development_issuer_is_called_one() -> None:
    """It is opaque, and begins as no token of others does."""
    assert "refresh token" in of_form("refresh.Zm9v")
    assert "from jwtguard issuer" in of_form("refresh.Zm9v")
    assert "opaque token" in of_form("Zm9v")
    assert "the token is empty" in of_form("")


# What is printed.


HOSTILE = "a\x1b[2Jb\nc\u202ed\x9be\u2066f\x00g\ud800"


def test_whatever_the_token_says_cannot_control_the_terminal(
    jwt_issuer: JWTIssuer,
) -> None:
    """Terminal escapes, line breaks and marks of direction are shown as escapes."""
    hostile = HOSTILE[:-1]
    names = ("iss", "sub", "aud", "azp", "client_id", "scope", "typ", "iat", "nonce")
    for name in names:
        claims = {name: hostile, f"{hostile}{name}": hostile}
        for one in explain(jwt_issuer.guard(), jwt_issuer.token(claims=claims)):
            for text in (one.expected, one.found, one.hint):
                assert text.isprintable()
    token = jwt_issuer.token(typ=hostile, headers={"kid": hostile})
    assert all(one.found.isprintable() for one in explain(jwt_issuer.guard(), token))
    assert escaped(HOSTILE) == (r"a\x1b[2Jb\nc\u202ed\x9be\u2066f\x00g\ud800")


def test_a_long_value_is_cut(jwt_issuer: JWTIssuer) -> None:
    """Nobody reads a page of one claim."""
    found = checks(jwt_issuer, jwt_issuer.token(claims={"sub": "x" * 5000}))["subject"]
    assert found.found == f"sub {'x' * 200}... (cut)"


@pytest.mark.parametrize(
    ("claims", "passed", "words"),
    [
        ({"exp": 1_800_000_300_000}, True, "the token never ends"),
        ({"iat": 1_800_000_000_000}, False, "it lies in the future"),
        ({"iat": 1_800_000_000_000, "exp": 1_800_000_300_000}, False, "iat look like"),
    ],
)
def test_times_in_milliseconds_are_named(
    jwt_clock: FakeClock, claims: dict[str, Any], passed: bool, words: str
) -> None:
    """One never ends, the other lies in the future: both are shown as they are."""
    issuer = JWTIssuer(alg="ES256", clock=jwt_clock)
    found = checks(issuer, issuer.token(claims=claims))["times"]
    assert found.passed is passed
    assert words in found.hint
    for name, value in claims.items():
        assert f"{name} {value} (milliseconds?)" in found.found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1800000000", "iat 1800000000 (not a number)"),
        (True, "iat true (not a number)"),
        (10**400, f"iat {str(10**400)[:200]}... (cut) (no date)"),
        (9e14, "iat 900000000000000.0 (no date)"),
        (None, "iat null (not a number)"),
    ],
)
def test_no_time_is_dropped(jwt_issuer: JWTIssuer, value: Any, text: str) -> None:
    """What is not a date is shown as it was written."""
    assert text in _times_found(jwt_issuer, value)


def _times_found(issuer: JWTIssuer, iat: Any) -> str:
    rules = issuer.guard().issuers[ISSUER].rules
    claims = {"iss": ISSUER, "iat": iat}
    compact = Compact(Header("ES256", None, "jwt"), claims, b"{}", b"", b"")
    found = claim_checks(rules, compact, 1_800_000_000.0, None)
    return next(one.found for one in found if one.name == "times")


def test_a_finding_about_time_shows_what_was_compared(jwt_clock: FakeClock) -> None:
    """Both moments, and the leeway."""
    issuer = JWTIssuer(alg="ES256", clock=jwt_clock)
    found = checks(issuer, issuer.expired())["times"]
    assert found.expected == (
        "exp after 2027-01-15 07:59:30, nbf and iat up to 2027-01-15 08:00:30 "
        "(now 2027-01-15 08:00:00 UTC, leeway 30 s)"
    )
    guard, clock = dated(issuer)
    issuer.skew(120)
    told = by_name(guard, issuer.token(), clock)["clock"].found
    assert "issuer 2027-01-15 08:02:00, this machine 2027-01-15 08:00:00" in told
    assert "leeway 30 s" in told


# Clocks.


def test_a_clock_that_is_off_is_measured(jwt_issuer: JWTIssuer) -> None:
    """The issuer's Date against this machine's time, to the second."""
    guard, clock = dated(jwt_issuer)
    jwt_issuer.skew(120)
    found = {one.name: one for one in explain(guard, jwt_issuer.token(), clock)}
    assert clock.ahead == pytest.approx(120, abs=1)
    assert not found["clock"].passed
    assert found["clock"].reason == "issued_in_future"
    assert "ahead of this one" in found["clock"].found
    assert "NTP" in found["clock"].hint
    assert found["times"].reason == "issued_in_future"
    assert "s ahead of this one: correct the wrong one" in found["times"].hint


def test_a_clock_that_is_off_fails_with_the_times_alone(jwt_issuer: JWTIssuer) -> None:
    """A token that is accepted all the same passes, with the hint."""
    guard, clock = dated(jwt_issuer)
    jwt_issuer.skew(120)
    now = int(guard.clock.time())
    token = jwt_issuer.token(claims={"iat": now, "nbf": None})
    found = {one.name: one for one in explain(guard, token, clock)}
    assert all(one.passed for one in found.values())
    assert "NTP" in found["clock"].hint
    assert found["clock"].reason == ""


def test_clocks_that_agree_are_not_to_blame(jwt_issuer: JWTIssuer) -> None:
    """An old token is old, and one for later was made so."""
    guard, clock = dated(jwt_issuer)
    found = {one.name: one for one in explain(guard, jwt_issuer.expired(), clock)}
    assert "agree" in found["clock"].found
    assert "expired 3600 s ago; the clocks agree" in found["times"].hint
    later = jwt_issuer.token(claims={"nbf": int(jwt_issuer.clock.time()) + 500})
    found = {one.name: one for one in explain(guard, later, clock)}
    assert "deliberately" in found["times"].hint


def test_without_the_issuer_s_date_the_token_tells(jwt_issuer: JWTIssuer) -> None:
    """``iat`` in the future says by how much at least."""
    jwt_issuer.skew(100)
    found = first_failure(jwt_issuer, jwt_issuer.token())
    assert "100 s or more ahead" in found.hint
    jwt_issuer.skew(0)
    assert "compare the clocks" in first_failure(jwt_issuer, jwt_issuer.expired()).hint


@pytest.mark.parametrize("date", [None, "yesterday", ""])
def test_a_date_that_says_nothing_is_left_alone(date: str | None) -> None:
    """The answer is handed on all the same."""

    def answer(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        return Incoming(200, {} if date is None else {"date": date}, b"{}")

    clock = Dated(answer, time.time)
    assert clock("https://x.example", {}, 1).body == b"{}"
    assert clock.ahead is None


# What is pasted.


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c",
        " a.b.c\n",
        "Bearer a.b.c",
        "authorization: bearer a.b.c",
        "Authorization: Bearer a.b.c\r\n",
        '"a.b.c"',
        "logout_token=a.b.c",
        '{"token_type": "Bearer", "access_token": "a.b.c", "id_token": "d.e.f"}',
    ],
)
def test_a_token_may_be_pasted_as_it_was_found(text: str) -> None:
    """Bare, quoted, with its header, or in the token server's answer."""
    assert token_in(text) == "a.b.c"


@pytest.mark.parametrize("text", ["{", "{}", '{"access_token": 1}', "{" * 9999, ""])
def test_text_without_a_token_does_not_raise(text: str) -> None:
    """It is explained as a malformed token."""
    assert token_in(text) == text
