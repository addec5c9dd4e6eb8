"""Signing in and being signed in, by a guard with sessions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from jwtguard import TrustedIssuer
from jwtguard.adapters import Proceed, finish
from jwtguard.errors import (
    InsecureTransportError,
    InvalidCredentialsError,
    IssuerUnavailableError,
    TooManyGuessesError,
)
from jwtguard.testing import JWTIssuer
from tests.session_support import (
    EVIL,
    NAME,
    OTHER_SECRET,
    OWN,
    SECRET,
    Browser,
    Site,
    signed_in,
)

# Signing in.


def test_who_signs_in_stays_signed_in(site: Site) -> None:
    """The cookie alone brings the principal, with the token for other servers."""
    browser = site.browser()
    principal = browser.log_in()
    assert principal.subject == "alice"
    assert list(browser.jar) == [NAME]
    decision = browser.decide()
    assert isinstance(decision, Proceed)
    assert decision.carrier == "session"
    assert decision.principal is not None
    assert decision.principal.token == principal.token
    assert [name for name, _ in site.told if name == "signed_in"]


def test_the_token_server_is_asked_as_the_site(jwt_issuer: JWTIssuer) -> None:
    """RFC 6749 section 4.3.2, with its own authentication and the visitor's address."""
    site = Site(
        jwt_issuer, session_client_secret="s:e c", session_scope="notes:read openid"
    )
    signed_in(site)
    (form,), (headers,) = site.server.asked, site.server.headers
    assert form == {
        "grant_type": "password", "username": "alice", "password": "wonderland",
        "scope": "notes:read openid",
    }  # fmt: skip
    assert headers["authorization"] == "Basic d3d3OnMlM0FlK2M="
    assert headers["x-forwarded-for"] == "203.0.113.9"
    assert "cookie" not in headers


def test_a_public_client_names_itself_and_post_sends_the_secret(
    jwt_issuer: JWTIssuer,
) -> None:
    """RFC 6749 section 2.3.1."""
    public, post = (
        Site(jwt_issuer),
        Site(jwt_issuer, session_client_secret="s", relay_auth="post"),
    )
    for site, more in ((public, {}), (post, {"client_secret": "s"})):
        signed_in(site)
        assert site.server.asked[0].items() >= {"client_id": "www", **more}.items()
        assert "authorization" not in site.server.headers[0]
    assert "client_secret" not in public.server.asked[0]


def test_a_wrong_password_is_a_401(site: Site) -> None:
    """The response does not set a cookie."""
    with pytest.raises(InvalidCredentialsError) as caught:
        site.browser().log_in(password="wrong")
    assert (caught.value.status, caught.value.reason) == (401, "invalid_credentials")


@pytest.mark.parametrize("bad", ["", "x" * 1025, "\ud800", None, 7])
def test_what_cannot_be_sent_is_a_wrong_password(site: Site, bad: Any) -> None:
    """Bad input is normal input; the issuer is not asked."""
    for name, password in ((bad, "wonderland"), ("alice", bad)):
        with pytest.raises(InvalidCredentialsError):
            site.browser().log_in(name, password)
    assert site.server.asked == []


def test_guesses_are_counted_and_right_passwords_are_not(jwt_issuer: JWTIssuer) -> None:
    """They are counted as in the relay, with 429 and ``Retry-After``."""
    site = Site(jwt_issuer, relay_limit="2/minute")
    for _ in range(5):
        signed_in(site)
    for _ in range(2):
        with pytest.raises(InvalidCredentialsError):
            site.browser().log_in(password="wrong")
    with pytest.raises(TooManyGuessesError) as caught:
        site.browser().log_in()
    assert caught.value.status == 429
    assert 1 <= caught.value.retry_after <= 60
    assert len(site.server.asked) == 7


NO_ANSWER = [
    ("500", httpx.Response(500, json={"error": "server_error"})),
    ("html", httpx.Response(200, html="<html>maintenance")),
    ("redirect", httpx.Response(302, headers={"location": "https://x.example"})),
    ("no token", httpx.Response(200, json={"refresh_token": "r"})),
    (
        "another type",
        httpx.Response(200, json={"access_token": "t", "token_type": "mac"}),
    ),
    ("not a JWT", httpx.Response(200, json={"access_token": "t"})),
    ("list", httpx.Response(200, json=[1])),
    ("client", httpx.Response(401, json={"error": "invalid_client"})),
    ("odd error", httpx.Response(500, json={"error": {"secret": "x"}})),
]


@pytest.mark.parametrize(
    "answer", [a for _, a in NO_ANSWER], ids=[n for n, _ in NO_ANSWER]
)
def test_an_issuer_that_cannot_say_is_a_503(site: Site, answer: httpx.Response) -> None:
    """The issuer has not checked the password, so the guess is not counted."""
    site.server.answer = lambda _: answer
    for _ in range(9):
        with pytest.raises(IssuerUnavailableError) as caught:
            site.browser().log_in()
    assert caught.value.status == 503
    assert caught.value.detail
    site.server.answer = None
    signed_in(site)


def test_some_issuers_refuse_with_200_or_403(site: Site) -> None:
    """The error decides, not the status."""
    for status in (200, 400, 401, 403):
        refusal = httpx.Response(status, json={"error": "invalid_grant"})
        site.server.answer = lambda _, made=refusal: made
        with pytest.raises(InvalidCredentialsError):
            site.browser().log_in()


def test_an_issuer_that_limits_sign_ins_is_a_429(site: Site) -> None:
    """With its own ``Retry-After``."""
    site.server.answer = lambda _: httpx.Response(429, headers={"retry-after": "7"})
    with pytest.raises(TooManyGuessesError) as caught:
        site.browser().log_in()
    assert caught.value.fields == (("Retry-After", "7"),)


@pytest.mark.parametrize(
    "claims",
    [{"aud": "https://other.example"}, {"exp": 1}, {"iss": "https://x.example"}],
)
def test_a_token_that_the_guard_refuses_is_not_kept(
    site: Site, claims: dict[str, Any]
) -> None:
    """It is verified before there is a session."""
    site.server.claims = claims
    with pytest.raises(IssuerUnavailableError, match="issuer_unavailable"):
        site.browser().log_in()


@pytest.mark.parametrize(
    ("cnf", "reason"),
    [({"jkt": "key"}, "bound_token"), ({"x5t#S256": "cert"}, "certificate_missing")],
)
def test_a_session_cannot_keep_a_bound_token(
    site: Site, cnf: dict[str, str], reason: str
) -> None:
    """Its visitors have neither the key nor the certificate; the log says why."""
    site.server.claims = {"cnf": cnf}
    with pytest.raises(IssuerUnavailableError) as caught:
        site.browser().log_in()
    assert reason in caught.value.detail


def test_a_token_of_another_trusted_issuer_is_not_kept(jwt_issuer: JWTIssuer) -> None:
    """It is good for requests, but its issuer does not refresh this session."""
    other = JWTIssuer("https://other.example", clock=jwt_issuer.clock)
    audience = jwt_issuer.audience
    trusted = (
        TrustedIssuer(url=jwt_issuer.url, audience=audience),
        TrustedIssuer(url=other.url, audience=audience, keys=other.jwks()),
    )
    site = Site(jwt_issuer, issuers=trusted, session_issuer=jwt_issuer.url)
    token = other.token(subject="alice", claims={"aud": audience})
    assert site.browser().subject(authorization=f"Bearer {token}") == "alice"
    site.server.answer = lambda _: httpx.Response(200, json={"access_token": token})
    with pytest.raises(IssuerUnavailableError) as caught:
        site.browser().log_in()
    assert "another issuer" in caught.value.detail
    assert site.events("signed_in") == []


def test_a_session_that_does_not_fit_names_sizes_and_remedy(site: Site) -> None:
    """Servers would refuse the cookies, and lock the browser out."""
    site.server.claims = {"filler": "x" * 7000}
    with pytest.raises(IssuerUnavailableError) as caught:
        site.browser().log_in()
    assert caught.value.reason == "session_does_not_fit"
    assert "JWTGUARD_SESSION_STORE=state" in caught.value.detail
    assert "7600" in caught.value.detail


def test_a_large_session_takes_two_cookies(site: Site) -> None:
    """A later small session uses one cookie again."""
    site.server.claims = {"filler": "x" * 3500}
    browser = signed_in(site)
    assert sorted(browser.jar) == [f"{NAME}.0", f"{NAME}.1"]
    assert browser.subject() == "alice"
    first = dict(browser.jar)
    browser.jar = dict(reversed(first.items()))
    assert browser.subject() == "alice"
    browser.jar = {f"{NAME}.0": first[f"{NAME}.1"], f"{NAME}.1": first[f"{NAME}.0"]}
    assert browser.subject() == "401 session_invalid"
    browser.jar = dict(first)
    site.server.claims = {}
    browser.log_in()
    assert list(browser.jar) == [NAME]


def test_signing_in_over_plain_http_is_refused(site: Site) -> None:
    """Neither the password nor the cookie may be sent over it."""
    asked = site.browser().request("/login", "POST", scheme="http", **OWN)
    with pytest.raises(InsecureTransportError):
        site.guard.log_in(asked, "alice", "wonderland")
    loose = Site(site.issuer, require_https=False)
    with pytest.raises(InsecureTransportError):
        loose.guard.log_in(asked, "alice", "wonderland")
    assert site.server.asked == loose.server.asked == []


def test_on_loopback_over_http_a_session_works(site: Site) -> None:
    """For development, the cookie has another name and lacks ``Secure``."""
    browser = site.browser()
    here = {"scheme": "http", "peer": "127.0.0.1", "host": "localhost:8000"}
    own = {"origin": "http://localhost:8000"}
    asked = browser.request("/login", "POST", **here, **own)
    browser.keep(site.guard.log_in(asked, "alice", "wonderland").cookies)
    assert list(browser.jar) == ["jwtguard_session"]
    assert browser.subject(**here) == "alice"
    assert browser.subject() == "401 no_credentials"


def test_every_sign_in_has_a_session_of_its_own(site: Site) -> None:
    """The earlier session ends, so an attacker cannot plant one and share it."""
    browser = signed_in(site)
    old = Browser(site.guard, dict(browser.jar))
    browser.log_in("bob")
    assert browser.subject() == "bob"
    assert old.subject() == "401 revoked_token"
    while not site.server.revoked:
        assert site.server.begun.acquire(timeout=120)
    assert site.server.revoked == ["refresh-1-of-alice"]


# Being signed in.


def test_a_bearer_token_wins(site: Site) -> None:
    """The guard does not open the cookie then."""
    browser = signed_in(site)
    token = site.issuer.token(subject="carol")
    assert browser.subject(authorization=f"Bearer {token}") == "carol"
    assert browser.subject(authorization="Bearer x.y.z") == "401 malformed"
    browser.jar = {NAME: "tampered"}
    assert browser.subject(authorization=f"Bearer {token}") == "carol"


def test_pages_of_a_session_are_private(site: Site) -> None:
    """No cache may show one visitor's page to another."""
    decision = signed_in(site).decide()
    assert isinstance(decision, Proceed)
    headers = dict(finish(decision, 200, ()).headers)
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Vary"] == "Origin, Cookie"
    anonymous = site.browser().decide("/home")
    assert isinstance(anonymous, Proceed)
    assert dict(finish(anonymous, 200, ()).headers)["Vary"] == "Origin, Cookie"


@pytest.mark.parametrize("path", ["/x", "/home", "/login"])
def test_a_strangers_page_changes_nothing(site: Site, path: str) -> None:
    """CSRF: unsafe methods need an own origin, on public paths too."""
    browser = signed_in(site)
    assert browser.subject(path, "POST", **EVIL) == "403 foreign_origin"
    assert site.browser().subject(path, "POST", **EVIL) == "403 foreign_origin"
    assert browser.subject("/x", "POST") == "403 origin_missing"
    assert browser.subject("/x", "POST", **OWN) == "alice"
    assert browser.subject("/x", sec_fetch_site="cross-site") == "403 cross_site"
    link = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert browser.subject("/x", sec_fetch_site="cross-site", **link) == "alice"


def test_tampered_cut_and_foreign_cookies_are_refused(site: Site) -> None:
    """They get 401, or are anonymous on optional paths."""
    browser = signed_in(site)
    text = browser.jar[NAME]
    for bad in (
        text[:-1],
        text[1:],
        text + "A",
        text[:40] + ("x" if text[40] != "x" else "y") + text[41:],
        "é",
        "=",
        ".",
    ):
        browser.jar = {NAME: bad}
        assert browser.subject() == "401 session_invalid", bad
        decision = browser.decide("/home")
        assert isinstance(decision, Proceed)
        assert decision.principal is None
        assert decision.refusal == "session_invalid"
        assert browser.jar  # the next secret may know it: nothing is cleared
    browser.jar = {"other": text}
    assert browser.subject() == "401 no_credentials"


def test_another_site_with_the_same_secret_cannot_use_it(site: Site) -> None:
    """The name of the cookie is sealed in, and so is the issuer."""
    browser = signed_in(site)
    text = browser.jar[NAME]
    other = Browser(site.worker(session_cookie="__Host-other"), {"__Host-other": text})
    assert other.subject() == "401 session_invalid"


def test_of_repeated_cookies_the_one_that_opens_counts(site: Site) -> None:
    """A neighbour at the same domain can plant a cookie, but not sign anybody out."""
    browser = signed_in(site)
    good = f"{NAME}={browser.jar[NAME]}"
    browser.jar = {}
    for field in (f"{NAME}=x; {good}", f"{good}; {NAME}=x", f"{NAME}.0=a; {good}"):
        assert browser.subject(cookie=field) == "alice"


def test_a_cookie_over_the_limit_is_told_and_cleared(site: Site) -> None:
    """A browser that keeps such a cookie could not use the site again."""
    browser = Browser(site.guard, {NAME: "x" * 5000})
    assert browser.subject() == "431 session_too_long"
    assert browser.jar == {}


def test_secrets_are_rotated_without_a_sign_out(site: Site) -> None:
    """All open; without the old one everybody has to sign in again."""
    browser = signed_in(site)
    rotated = site.worker(secrets=(OTHER_SECRET, SECRET))
    assert Browser(rotated, browser.jar).subject() == "alice"
    alone = site.worker(secrets=(OTHER_SECRET,))
    assert Browser(alone, browser.jar).subject() == "401 session_invalid"
    (refused,) = [f for f in site.events("refused") if f["reason"] == "session_invalid"]
    assert "secret" in refused["detail"]


def test_another_issuer_in_the_settings_ends_old_sessions(site: Site) -> None:
    """A session belongs to the issuer that the site signs in at."""
    browser = signed_in(site)
    moved = JWTIssuer("https://other.example", clock=site.issuer.clock)
    assert Browser(Site(moved).guard, browser.jar).subject() == "401 session_invalid"


def test_a_session_ends_at_its_age(jwt_issuer: JWTIssuer) -> None:
    """Valid tokens do not extend it."""
    site = Site(jwt_issuer, session_max_age=100)
    browser = signed_in(site)
    jwt_issuer.clock.advance(99)
    assert browser.subject() == "alice"
    jwt_issuer.clock.advance(1)
    assert browser.subject() == "401 session_expired"


def test_without_a_refresh_token_a_session_lasts_as_its_token(site: Site) -> None:
    """The issuer decides whether it gives one."""
    token = site.issuer.token(subject="alice")
    site.server.answer = lambda _: httpx.Response(200, json={"access_token": token})
    browser = signed_in(site)
    site.issuer.clock.advance(299)
    assert browser.subject() == "alice"
    site.issuer.clock.advance(2)
    assert browser.subject() == "401 session_expired"


def test_scopes_roles_and_clients_count_as_for_any_token(jwt_issuer: JWTIssuer) -> None:
    """The rules for tokens also apply to sessions."""
    site = Site(jwt_issuer, clients_only=True)
    assert signed_in(site).subject() == "403 client_not_listed"
