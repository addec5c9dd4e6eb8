"""Attacks on sessions: what an earlier version let through."""

from __future__ import annotations

import time

import httpx
import pytest

from jwtguard import Client
from jwtguard.adapters import Proceed, Request, Respond, finish
from jwtguard.core.session.cookies import Shown
from jwtguard.core.session.forms import Posted
from jwtguard.core.session.stores import Held
from jwtguard.core.session.token_answers import Granted
from jwtguard.core.verify.watches import Watch
from jwtguard.errors import (
    InvalidOriginError,
    IssuerUnavailableError,
    TooManyGuessesError,
)
from jwtguard.testing import JWTIssuer
from tests.session_support import (
    HOST,
    NAME,
    OWN,
    Browser,
    Shared,
    Site,
    expire,
    signed_in,
    state_of,
)

FORM = {"content_type": "application/x-www-form-urlencoded"}
GOOD = b"username=alice&password=wonderland"
SPA = "https://spa.example"


@pytest.fixture
def site(jwt_issuer: JWTIssuer) -> Site:
    return Site(jwt_issuer, state=Shared(), session_path="/session")


def watched(site: Site, browser: Browser) -> Watch:
    """Return what ends the connection that *browser* opens now."""
    decision = browser.decide()
    assert isinstance(decision, Proceed)
    assert decision.principal is not None
    return site.guard.watch(decision.principal)


# Connections, and principals that were kept, outlive the token that they began with.


def test_signing_out_ends_connections_that_an_earlier_token_opened(site: Site) -> None:
    """The session was refreshed since; the connection is the session's all the same."""
    browser = signed_in(site)
    watch = watched(site, browser)
    expire(site, 285)
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1
    browser.log_out()
    assert watch.ended.done()


def test_signing_in_ends_connections_of_the_session_before(site: Site) -> None:
    """Another user signs in with the same browser."""
    browser = signed_in(site)
    watch = watched(site, browser)
    browser.log_in("bob")
    assert watch.ended.done()
    assert not watched(site, browser).ended.done()


def test_a_connection_of_a_session_that_has_just_ended_is_over(site: Site) -> None:
    """It was decided before, and is watched after."""
    browser = signed_in(site)
    decision = browser.decide()
    assert isinstance(decision, Proceed)
    assert decision.principal is not None
    expire(site, 285)
    assert browser.subject() == "alice"
    browser.log_out()
    assert site.guard.watch(decision.principal).ended.done()


def test_revoking_an_earlier_principal_ends_the_session(site: Site) -> None:
    """An application may keep the principal of a request, as of a WebSocket."""
    browser = signed_in(site)
    decision = browser.decide()
    assert isinstance(decision, Proceed)
    assert decision.principal is not None
    expire(site, 285)
    assert browser.subject() == "alice"
    site.guard.revoke(decision.principal)
    assert browser.subject() == "401 revoked_token"
    assert Browser(site.guard).log_in().subject == "alice"


def test_the_principal_of_a_sign_in_can_be_revoked_later(site: Site) -> None:
    """What ``log_in`` returns knows its session too."""
    browser = site.browser()
    principal = browser.log_in()
    expire(site, 285)
    assert browser.subject() == "alice"
    site.guard.revoke(principal)
    assert browser.subject() == "401 revoked_token"


def test_signing_out_while_the_state_is_away_holds(jwt_issuer: JWTIssuer) -> None:
    """The record cannot be read then; a copy of the cookie must not work later."""
    site = Site(jwt_issuer, state=Shared(), session_store="state")
    browser = signed_in(site)
    copy = Browser(site.guard, dict(browser.jar))
    state_of(site).away = True
    browser.log_out()
    assert browser.jar == {}
    state_of(site).away = False
    assert copy.subject() == "401 revoked_token"
    assert signed_in(site).subject() == "alice"


def test_a_cookie_that_does_not_open_ends_nothing(jwt_issuer: JWTIssuer) -> None:
    """Signing out with a made-up cookie, while the state is away."""
    site = Site(jwt_issuer, state=Shared(), session_store="state")
    state_of(site).away = True
    Browser(site.guard, {NAME: "A" * 200}).log_out()
    assert site.events("revoked") == []


# Guesses.

REFUSALS = [
    httpx.Response(401, json={"error": "invalid_credentials"}),
    httpx.Response(403, json={"error": "access_denied"}),
    httpx.Response(401, json={"message": "Bad credentials"}),
    httpx.Response(401, html="<h1>Unauthorized"),
    httpx.Response(400, json={"error": {"code": 7}}),
    httpx.Response(200, json={"error": "login_failed"}),
]


@pytest.mark.parametrize("answer", REFUSALS, ids=range(len(REFUSALS)))
def test_a_refusal_in_other_words_counts_as_a_guess(
    jwt_issuer: JWTIssuer, answer: httpx.Response
) -> None:
    """Else passwords could be tried without limit at issuers of their own dialect."""
    site = Site(jwt_issuer, relay_limit="2/minute")
    site.server.answer = lambda _: answer
    for _ in range(2):
        with pytest.raises(IssuerUnavailableError):
            site.browser().log_in()
    with pytest.raises(TooManyGuessesError):
        site.browser().log_in()
    assert len(site.server.asked) == 2


# Pages of others.


@pytest.mark.parametrize(
    "sent",
    [
        {"origin": SPA},
        {"origin": SPA, "sec_fetch_site": "same-site"},
        {"origin": SPA, "authorization": "Bearer x"},
        {"origin": "https://evil.example", "authorization": "Bearer x"},
    ],
)
def test_only_a_page_that_may_use_a_session_signs_in(
    jwt_issuer: JWTIssuer, sent: dict[str, str]
) -> None:
    """A listed client without credentials could plant a session, and not use it."""
    clients = (Client(id="spa", origins=SPA),)
    site = Site(jwt_issuer, session_path="/session", clients=clients)
    asked = site.browser().request("/session/login", "POST", **FORM, **sent)
    answer = site.guard.decide(asked, lambda _: GOOD)
    assert isinstance(answer, Respond)
    assert (answer.status, answer.reason) == (403, "foreign_origin")
    assert site.server.asked == []
    with pytest.raises(InvalidOriginError):
        site.guard.log_in(asked, "alice", "wonderland")


def test_such_a_page_signs_nobody_out_through_a_handler(jwt_issuer: JWTIssuer) -> None:
    """The path is public, and its handler calls ``log_out``."""
    site = Site(jwt_issuer, clients=(Client(id="spa", origins=SPA),))
    browser = signed_in(site)
    with pytest.raises(InvalidOriginError):
        site.guard.log_out(browser.request("/logout", "POST", origin=SPA))
    assert browser.subject() == "alice"


# Sizes, and what is shown.


def test_a_cookie_repeated_many_times_costs_little(site: Site) -> None:
    """800 KB of cookies, as gunicorn hands on: linear, not quadratic."""
    many = ";".join(f"{NAME}={n}" for n in range(30_000))
    asked = Request("GET", "/x", {"host": (HOST,), "cookie": (many,)})
    asked = asked._replace(scheme="https", peer="203.0.113.9")
    before = time.process_time()
    answer = site.guard.decide(asked)
    assert time.process_time() - before < 1
    assert isinstance(answer, Respond)
    assert answer.reason == "session_invalid"


def test_no_repr_shows_what_is_secret(site: Site) -> None:
    """They end up in logs, and in the reports of error trackers."""
    browser = site.browser()
    asked = browser.request("/login", "POST", **OWN)
    signed = site.guard.log_in(asked, "alice", "wonderland")
    value = signed.cookies[0].partition("=")[2].partition(";")[0]
    assert value not in repr(signed)
    assert "alice" in repr(signed)
    shown = Shown(NAME, True, ("secret",), frozenset((NAME,)), False)
    for one in (
        Posted(True, "alice", "secret"),
        Granted("secret", "secret"),
        Held(None, "secret", b"secret"),  # type: ignore[arg-type]
        shown,
    ):
        assert "secret" not in repr(one)


@pytest.mark.parametrize(
    "name",
    [
        "CDN-Cache-Control",
        "cloudflare-cdn-cache-control",
        "Surrogate-Control",
        "X-Accel-Expires",
    ],
)
def test_no_content_delivery_network_keeps_a_cookie(site: Site, name: str) -> None:
    """These fields count more than Cache-Control there (RFC 9213)."""
    browser = signed_in(site)
    said = ((name, "max-age=600"), ("Cache-Control", "public"), ("X-Other", "1"))
    decision = browser.decide()
    assert isinstance(decision, Proceed)
    assert (name, "max-age=600") in finish(decision, 200, said).headers
    expire(site, 285)
    decision = browser.decide()
    assert isinstance(decision, Proceed)
    headers = dict(finish(decision, 200, said).headers)
    assert "Set-Cookie" in headers
    assert name not in headers
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Other"] == "1"


# An issuer that hands out bad tokens.

BAD: list[dict[str, object]] = [
    {"aud": "other"},
    {"aud": "other", "exp": 9e11},
    {"exp": 1e9},
    {"nbf": 9e11},
    {"iat": 1e300},
]


@pytest.mark.parametrize("store", ["cookie", "state"])
@pytest.mark.parametrize("claims", BAD, ids=range(len(BAD)))
def test_a_refresh_that_brings_a_bad_token_signs_nobody_out(
    jwt_issuer: JWTIssuer, claims: dict[str, object], store: str
) -> None:
    """The old token is used until its end, and the new refresh token is kept."""
    site = Site(jwt_issuer, state=Shared(), session_store=store)
    browser = signed_in(site)
    site.server.claims = claims
    expire(site, 285)
    assert browser.subject() == "alice"
    assert browser.subject() == "alice"
    assert site.server.refreshes == 1
    (told,) = site.events("session_refresh_failed")
    assert "its token is refused here" in told["problem"]
    assert site.events("session_refreshed") == []
    site.server.claims = {}
    expire(site, 8)
    assert browser.subject() == "alice"
    assert (site.server.refreshes, site.server.reused) == (2, 0)
    assert len(site.events("session_refreshed")) == 1
    expire(site, 200)
    assert browser.subject() == "alice"
