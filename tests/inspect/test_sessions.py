"""``jwtguard check`` and ``jwtguard explain`` know sessions."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import TrustedIssuer
from jwtguard.adapters import Request
from jwtguard.inspect.check_policy import check
from jwtguard.inspect.check_sessions import session_findings
from jwtguard.inspect.explain_session import (
    explain_session,
    read_input,
    session_in,
)
from jwtguard.testing import JWTIssuer
from tests.session_support import NAME, OTHER_SECRET, Shared, Site, signed_in

PAGE = "https://www.example"


def found(site: Site) -> list[tuple[str, str, str]]:
    return [(one.level, one.what, one.text) for one in check(site.guard)]


def told(site: Site, level: str, subject: str, text: str) -> bool:
    return any((level, subject) == one[:2] and text in one[2] for one in found(site))


def test_check_says_where_the_tokens_are(jwt_issuer: JWTIssuer) -> None:
    """And which endpoints are used."""
    site = Site(jwt_issuer, public_url=PAGE, session_path="/session")
    assert told(site, "ok", "sessions", "client www, tokens in the cookie")
    assert told(site, "ok", "sessions", "answered at /session")
    assert told(site, "ok", "sessions: token endpoint", f"{jwt_issuer.url}/token")
    assert told(site, "ok", "sessions: revocation endpoint", "/revoke")
    assert told(site, "weak", "sessions", "JWTGUARD_STATE=redis://")
    weak = [one for one in found(site) if "session" in one[1] and one[0] == "weak"]
    assert len(weak) == 1
    site.guard.state.shared = True
    assert not [one for one in session_findings(site.guard, {}) if one.level == "weak"]


@pytest.mark.parametrize(
    ("settings", "level", "subject", "text"),
    [
        ({"session_cookie": "sid"}, "weak", "session cookie", "__Host-"),
        ({}, "weak", "session cookie", "JWTGUARD_PUBLIC_URL"),
        ({"public_url": "http://site"}, "wrong", "session cookie", "plain http"),
        ({"public_url": "http://localhost:8000"}, "note", "session cookie", "loopback"),
        ({"session_store": "state"}, "weak", "sessions", "memory://"),
    ],
)
def test_check_finds_what_is_weak_or_wrong(
    jwt_issuer: JWTIssuer, settings: dict[str, Any], level: str, subject: str, text: str
) -> None:
    """Each with the setting that helps."""
    assert told(Site(jwt_issuer, **settings), level, subject, text)


@pytest.mark.parametrize(
    ("store", "text"),
    [
        ("cookie", "refuses a copied cookie at once"),
        ("cookie", "after a restart, the cookies of visitors who were signed out"),
        ("state", "each worker knows its own sessions"),
        ("state", "a restart ends them all"),
    ],
)
def test_check_says_what_is_lost_and_not_shared(
    jwt_issuer: JWTIssuer, store: str, text: str
) -> None:
    """Several are wrong; how many a command line asks for is not known."""
    site = Site(jwt_issuer, public_url=PAGE, session_store=store)
    for environ, level in (({}, "weak"), ({"WEB_CONCURRENCY": "2"}, "wrong")):
        (one,) = [
            one
            for one in session_findings(site.guard, environ)
            if "memory://" in one.text
        ]
        assert (one.level, text in one.text) == (level, True)
        assert ("WEB_CONCURRENCY is 2" in one.text) is bool(environ)
        assert ("command line" in one.text) is not bool(environ)
    site.guard.state.shared = True
    assert not [one for one in session_findings(site.guard) if "memory" in one.text]


def test_check_needs_the_token_endpoint(jwt_issuer: JWTIssuer) -> None:
    """Without it, visitors cannot sign in."""
    site = Site(jwt_issuer)
    site.server.metadata = jwt_issuer.metadata  # type: ignore[method-assign]
    assert told(site, "wrong", "sessions: token endpoint", "has no token_end")
    assert told(site, "weak", "sessions: revocation endpoint", "has no revoc")


def test_a_login_page_makes_sense_with_sessions(jwt_issuer: JWTIssuer) -> None:
    """A session carries the token, so no cookie of JWTGUARD_COOKIE is needed."""
    assert not told(Site(jwt_issuer, login_url="/login"), "wrong", "login url", "")


@pytest.mark.parametrize("store", ["cookie", "state"])
@pytest.mark.parametrize(
    "form", ["value", "Cookie: {name}={value}", "a=b; {name}={value}"]
)
def test_explain_opens_a_cookie(jwt_issuer: JWTIssuer, store: str, form: str) -> None:
    """The contents are shown without tokens."""
    site = Site(jwt_issuer, state=Shared(), session_store=store)
    browser = signed_in(site)
    value = browser.jar[NAME]
    text = value if form == "value" else form.format(name=NAME, value=value)
    shown = session_in(site.guard, text)
    assert shown is not None
    checks, token = explain_session(site.guard, shown)
    assert all(one.passed for one in checks)
    assert token is not None
    said = str(checks)
    assert "refreshed 0 times" in said
    assert token not in said
    assert "refresh-1" not in said


def test_explain_opens_a_value_from_loopback(jwt_issuer: JWTIssuer) -> None:
    """On http://localhost the cookie has another name; the value does not show it."""
    guard = Site(jwt_issuer).guard
    headers = {"host": ("localhost:8000",), "origin": ("http://localhost:8000",)}
    request = Request("POST", "/login", headers, scheme="http", peer="127.0.0.1")
    (cookie,) = guard.log_in(request, "alice", "wonderland").cookies
    name, _, value = cookie.partition(";")[0].partition("=")
    assert name == "jwtguard_session"
    shown = session_in(guard, value)
    assert shown is not None
    checks, token = explain_session(guard, shown)
    assert all(one.passed for one in checks)
    assert token is not None


def test_explain_says_why_a_cookie_does_not_open(jwt_issuer: JWTIssuer) -> None:
    """Another secret, or a changed one."""
    site = Site(jwt_issuer)
    value = signed_in(site).jar[NAME]
    other = site.worker(secrets=(OTHER_SECRET,))
    for guard, text in ((other, value), (site.guard, value[:-2])):
        shown = session_in(guard, text)
        assert shown is not None
        (one,), token = explain_session(guard, shown)
        assert (one.passed, one.reason, token) == (False, "session_invalid", None)
        assert one.hint


def test_explain_takes_a_token_for_a_token(jwt_issuer: JWTIssuer) -> None:
    """With sessions, a token is still read as a token; without them, any text is."""
    site = Site(jwt_issuer)
    for text in (jwt_issuer.token(), "a.b.c", "a=b", "", "AQ", "x" * 3):
        assert session_in(site.guard, text) is None
    assert session_in(jwt_issuer.guard(), "AQ" + "A" * 98) is None


OPAQUE = "op_" + "x" * 97


@pytest.mark.parametrize(
    "form",
    [
        "{}", "Bearer {}", "bearer  {}", "DPoP {}", "Authorization: Bearer {}",
        "authorization:Bearer {}", '{{"access_token": "{}"}}', " \"{}\"\n",
        '{{"token_type": "Bearer", "access_token":"{}"}}\n',
    ],
)  # fmt: skip
@pytest.mark.parametrize("token", [OPAQUE, "AQ" + "x" * 98])
def test_explain_takes_an_opaque_token_for_a_token(
    jwt_issuer: JWTIssuer, form: str, token: str
) -> None:
    """In every form that explain reads; also one that begins like a session cookie."""
    site = Site(jwt_issuer, issuers=[opaque(jwt_issuer)])
    checks, found, session = read_input([site.guard], form.format(token))
    assert not session
    assert found == token
    assert all(one.passed for one in checks)
    both = form in ("{}", ' "{}"\n') and token != OPAQUE
    assert [one.found for one in checks] == [
        "no session cookie of this site: read as an opaque token"
    ] * both


def opaque(jwt_issuer: JWTIssuer) -> TrustedIssuer:
    """An issuer that is asked about opaque tokens."""
    return TrustedIssuer(
        url=jwt_issuer.url, audience=jwt_issuer.audience, introspect="opaque",
        introspect_client_id="api", introspect_client_secret="s",
        introspect_url=f"{jwt_issuer.url}/introspect",
    )  # fmt: skip


@pytest.mark.parametrize("form", ["{}", "{}x", f"Set-Cookie: {NAME}={{}}; Path=/"])
@pytest.mark.parametrize("cut", [0, 2])
def test_what_our_secret_has_sealed_is_no_token(
    jwt_issuer: JWTIssuer, form: str, cut: int
) -> None:
    """A session cookie is never shown to the issuer, even if it does not open."""
    site = Site(jwt_issuer, issuers=[opaque(jwt_issuer)])
    value = signed_in(Site(jwt_issuer)).jar[NAME]
    text = form.format(value[: len(value) - cut])
    checks, token, session = read_input([site.guard], text)
    assert checks[0].name == "session"
    assert token != text
    whole = cut == 0 and form != "{}x"
    assert checks[0].passed is whole
    assert (token is not None) is whole
    assert session is whole
