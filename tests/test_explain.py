"""Refusals explain themselves: what was expected, what was found, what may help."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from jwtguard import AuthError, Client, Guard, Policy, TrustedIssuer
from jwtguard.core.messages import Got
from jwtguard.core.paths import ScopeRule
from jwtguard.explain import Check, Dated, explain, token_in
from jwtguard.hints import difference, of_issuer, of_origin
from jwtguard.testing import AUDIENCE, ISSUER, FakeClock, JWTIssuer
from jwtguard.tried import request_of, try_request


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
        "grants",
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
        (f"{ISSUER}/", "a trailing slash too many"),
        (ISSUER.replace("https", "http"), "http instead of https"),
        (ISSUER.upper().replace("HTTPS", "https"), "upper and lower case"),
        (f"{ISSUER}/realms/other", "another realm"),
        ("https://elsewhere.example", "another issuer's"),
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
        ("https://a", "https://a/", "a slash at the end"),
        ("http://localhost:1", "http://127.0.0.1:1", "the name of loopback"),
        ("https://www.a", "https://a", "www."),
        ("http://A/", "https://a", "several small things"),
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
        ("https://id.example", "generic", ["Keycloak", "Auth0"]),
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


def test_an_id_token_is_told_by_its_audience(jwt_issuer: JWTIssuer) -> None:
    """Where nothing else gives it away: ``aud`` is the client."""
    token = jwt_issuer.token(claims={"aud": "spa"})
    assert "access_token" in checks(jwt_issuer, token)["audience"].hint
    token = jwt_issuer.token(claims={"aud": f"{AUDIENCE}/"})
    assert "trailing slash" in checks(jwt_issuer, token)["audience"].hint


# Clocks.


def test_a_clock_that_is_off_is_measured(jwt_issuer: JWTIssuer) -> None:
    """The issuer's Date against this machine's time, to the second."""
    guard, clock = dated(jwt_issuer)
    jwt_issuer.skew(120)
    found = {one.name: one for one in explain(guard, jwt_issuer.token(), clock)}
    assert clock.ahead == pytest.approx(120, abs=1)
    assert found["clock"].passed
    assert "ahead of this one" in found["clock"].found
    assert "NTP" in found["clock"].hint
    assert found["times"].reason == "issued_in_future"
    assert "s ahead of this one: set the one" in found["times"].hint


def test_clocks_that_agree_are_not_to_blame(jwt_issuer: JWTIssuer) -> None:
    """An old token is old, and one for later was made so."""
    guard, clock = dated(jwt_issuer)
    found = {one.name: one for one in explain(guard, jwt_issuer.expired(), clock)}
    assert "agree" in found["clock"].found
    assert "ended 3600 s ago; the clocks agree" in found["times"].hint
    later = jwt_issuer.token(claims={"nbf": int(jwt_issuer.clock.time()) + 500})
    found = {one.name: one for one in explain(guard, later, clock)}
    assert "on purpose" in found["times"].hint


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

    def answer(url: str, headers: Mapping[str, str], timeout: float) -> Got:
        return Got(200, {} if date is None else {"date": date}, b"{}")

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
        '{"token_type": "Bearer", "access_token": "a.b.c", "id_token": "d.e.f"}',
    ],
)
def test_a_token_may_be_pasted_as_it_was_found(text: str) -> None:
    """Bare, quoted, with its header, or in the token server's answer."""
    assert token_in(text) == "a.b.c"


@pytest.mark.parametrize("text", ["{", "{}", '{"access_token": 1}', "{" * 9999, ""])
def test_what_holds_no_token_is_no_error(text: str) -> None:
    """It is explained as a malformed token."""
    assert token_in(text) == text


# A request.


def tried(issuer: JWTIssuer, token: str = "", **asked: Any) -> dict[str, Check]:
    """Return what is decided about a request, by name of the check."""
    settings = asked.pop("settings", {})
    guard = issuer.guard(**settings)
    asked = {"method": "GET", "path": "/", "origin": "", "cookie": False, **asked}
    token = token or issuer.token()
    return {
        one.name: one
        for one in try_request(guard, request_of(guard, token, **asked), token)
    }


def test_a_request_is_taken_step_by_step(jwt_issuer: JWTIssuer) -> None:
    """Path rule, preflight, decision."""
    found = tried(jwt_issuer, path="/notes", origin="https://www.example")
    assert list(found) == ["path", "preflight", "request"]
    assert all(one.passed for one in found.values())
    assert "let through as alice" in found["request"].found
    found = tried(jwt_issuer, path="/x", settings={"public_paths": ["/x"]})
    assert "public" in found["path"].found
    assert "nobody" in found["request"].found


def test_a_foreign_page_fails_twice(jwt_issuer: JWTIssuer) -> None:
    """Its preflight, and the request; the hint names the nearest origin."""
    found = tried(jwt_issuer, origin="http://www.example")
    assert found["preflight"].reason == "preflight_refused"
    assert "http instead of https" in found["preflight"].hint
    assert found["request"].reason == "foreign_origin"
    assert "client spa lists https://www.example" in found["request"].hint


def test_another_client_s_page(jwt_issuer: JWTIssuer) -> None:
    """The browser is let ask; the token is not that client's."""
    clients = [
        Client(id="spa", origins=["https://www.example"]),
        Client(id="admin", origins=["https://admin.example"], methods=["GET"]),
    ]
    settings = {"clients": clients}
    found = tried(jwt_issuer, origin="https://admin.example", settings=settings)
    assert found["preflight"].passed
    assert "belongs to client admin" in found["request"].hint
    assert "made for spa" in found["request"].hint
    found = tried(
        jwt_issuer, method="DELETE", origin="https://admin.example", settings=settings
    )
    assert found["preflight"].reason == "method_not_allowed_for_client"


def test_scopes_by_path_are_told(jwt_issuer: JWTIssuer) -> None:
    """What the path needs, or that no rule opens it."""
    settings = {"scopes": [ScopeRule(path="/notes/*", require=["notes:read"])]}
    found = tried(jwt_issuer, path="/notes/1", settings=settings)
    assert "notes:read" in found["path"].found
    assert found["request"].reason == "scope_missing"
    found = tried(jwt_issuer, path="/other", settings=settings)
    assert found["request"].reason == "no_rule"
    assert "JWTGUARD_SCOPES" in found["request"].hint
    found = tried(jwt_issuer, path="/a//b", settings=settings)
    assert found["path"].reason == "path_ambiguous"


def test_a_token_in_a_cookie(jwt_issuer: JWTIssuer) -> None:
    """An unsafe request needs its own origin to go with the cookie."""
    settings = {"cookie": "__Host-t", "public_url": ["https://site.example"]}
    asked: dict[str, Any] = {"method": "POST", "cookie": True, "settings": settings}
    assert tried(jwt_issuer, **asked)["request"].reason == "origin_missing"
    own = tried(jwt_issuer, origin="https://site.example", **asked)
    assert "own origin" in own["preflight"].found
    assert own["request"].passed
    foreign = tried(jwt_issuer, "rubbish", origin="https://evil.example", **asked)
    assert foreign["request"].reason == "foreign_origin"
    assert foreign["request"].hint == "no client lists it: JWTGUARD_CLIENTS"


def test_a_site_on_loopback(jwt_issuer: JWTIssuer) -> None:
    """Where the public URL is plain http on loopback, the request is so too."""
    settings = {"public_url": ["http://localhost:8000"]}
    assert tried(jwt_issuer, settings=settings)["request"].passed


def test_a_token_path_has_no_access_token(jwt_issuer: JWTIssuer) -> None:
    """There is a form to judge, and we have none."""
    settings = {"token_paths": ["/oauth/token"]}
    found = tried(jwt_issuer, method="POST", path="/oauth/token", settings=settings)
    assert list(found) == ["path"]
    assert "form" in found["path"].found


def test_hints_for_origins() -> None:
    """Another port, and what to add where nothing comes near."""
    clients = [Client(id="spa", origins=["https://www.example"])]
    assert "another port" in of_origin("https://www.example:8443", "spa", clients)
    hint = of_origin("https://new.example", "spa", clients)
    assert hint.endswith("JWTGUARD_CLIENTS=spa=https://new.example")
    assert of_issuer("https://a", ["https://b"]).startswith("the token is another")


def test_the_clock_of_the_kit_is_told(jwt_clock: FakeClock) -> None:
    """An issuer in memory dates its answers by its own clock."""
    issuer = JWTIssuer(alg="ES256", clock=jwt_clock)
    got = issuer.transport(f"{ISSUER}/jwks", {}, 1)
    assert got.headers["date"].endswith("GMT")
