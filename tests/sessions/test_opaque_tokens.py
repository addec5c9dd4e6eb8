"""Sessions whose access tokens are opaque: their issuer says how long they are good."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from jwtguard import TrustedIssuer
from jwtguard.testing import JWTIssuer
from tests.session_support import Site, signed_in


def site_of(issuer: JWTIssuer, store: str, ends: float | None) -> Site:
    """Return a site whose issuer hands out opaque tokens, with an end or without."""
    trusted = TrustedIssuer(
        url=issuer.url, audience=issuer.audience, introspect="opaque",
        introspect_url=f"{issuer.url}/introspect", introspect_client_id="api",
        introspect_client_secret="secret",
    )  # fmt: skip
    site = Site(issuer, issuers=(trusted,), session_store=store)
    end = {} if ends is None else {"exp": int(issuer.clock.time() + ends)}

    def answer(form: dict[str, str]) -> httpx.Response:
        said: dict[str, Any] = {"access_token": "opaque-1", "refresh_token": "r"}
        if "grant_type" not in form:
            said = {"sub": "alice", "aud": issuer.audience, "active": True, **end}
        return httpx.Response(200, json={**said, "token_type": "Bearer"})

    site.server.answer = answer
    return site


@pytest.mark.parametrize("store", ["cookie", "state"])
def test_a_token_without_an_end(jwt_issuer: JWTIssuer, store: str) -> None:
    """RFC 7662 section 2.2: ``exp`` is optional. The session has an end of its own."""
    site = site_of(jwt_issuer, store, None)
    browser = signed_in(site)
    assert browser.subject() == "alice"
    jwt_issuer.clock.advance(site.guard.policy.session_max_age)
    assert browser.subject() == "401 session_expired"


def test_it_is_good_until_its_end(jwt_issuer: JWTIssuer) -> None:
    """It cannot be refreshed, as nobody can tell whose the next token is."""
    browser = signed_in(site_of(jwt_issuer, "cookie", 300))
    jwt_issuer.clock.advance(280)
    assert browser.subject() == "alice"
    jwt_issuer.clock.advance(60)
    assert browser.subject() == "401 expired"
