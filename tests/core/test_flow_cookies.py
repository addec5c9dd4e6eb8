"""Tokens in cookies and login CSRF, from the request to the decision."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client
from jwtguard.core.model.decision import Proceed, Respond
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import (
    API,
    EVIL,
    LINK,
    OWN,
    SSR,
    WWW,
    House,
    by_cookie,
    field,
    request,
)


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("GET", {}, "passes"),
        ("GET", OWN, "passes"),
        ("POST", OWN, "passes"),
        ("DELETE", {"sec_fetch_site": "same-origin"}, "passes"),
        ("POST", {"origin": "null", "sec_fetch_site": "same-origin"}, "passes"),
        ("POST", {"origin": SSR}, "passes"),
        ("GET", {"origin": SSR, "sec_fetch_site": "cross-site"}, "passes"),
        ("GET", {"sec_fetch_site": "none", **LINK}, "passes"),
        ("GET", {"sec_fetch_site": "cross-site", **LINK}, "passes"),
        ("GET", {"sec_fetch_site": "same-site", **LINK}, "passes"),
        ("POST", {}, "origin_missing"),
        ("POST", {"sec_fetch_site": "none"}, "origin_missing"),
        ("PATCH", {}, "origin_missing"),
        ("get", {}, "origin_missing"),
        ("POST", {"origin": "null"}, "foreign_origin"),
        ("POST", {"origin": ""}, "foreign_origin"),
        ("POST", {"origin": EVIL}, "foreign_origin"),
        ("POST", {"origin": WWW}, "foreign_origin"),
        ("POST", {"origin": f"http://{API}"}, "foreign_origin"),
        ("POST", {"origin": f"https://{API}.evil.example"}, "foreign_origin"),
        ("POST", {"sec_fetch_site": "cross-site"}, "foreign_origin"),
        ("POST", {"sec_fetch_site": "same-site", **LINK}, "foreign_origin"),
        ("POST", {"origin": [f"https://{API}", EVIL]}, "foreign_origin"),
        ("GET", {"sec_fetch_site": "cross-site"}, "cross_site"),
        ("GET", {"sec_fetch_site": "same-site"}, "cross_site"),
        ("HEAD", {"sec_fetch_site": "cross-site"}, "cross_site"),
        ("GET", {"origin": EVIL, "sec_fetch_site": "cross-site", **LINK}, "cross_site"),
        ("GET", {"origin": EVIL}, "cross_site"),
        ("GET", {"origin": "null"}, "cross_site"),
        (
            "GET",
            {
                "sec_fetch_site": "cross-site",
                "sec_fetch_mode": "navigate",
                "sec_fetch_dest": "iframe",
            },
            "cross_site",
        ),
    ],
)
def test_a_cookie_counts_only_where_the_request_may_come_from(
    cookies: House, method: str, fields: dict[str, Any], expected: str
) -> None:
    """It comes by itself, so a foreign page could ride on it."""
    decision = by_cookie(cookies, method, **fields)
    if expected == "passes":
        assert isinstance(decision, Proceed)
        assert decision.carrier == "cookie"
        assert decision.decoration.private
        assert decision.decoration.vary == ("Origin", "Cookie")
        granted = dict(decision.decoration.cors).get("Access-Control-Allow-Origin")
        assert granted == (SSR if fields.get("origin") == SSR else None)
    else:
        assert (decision.status, decision.reason) == (403, expected)
        assert field(decision, "Access-Control-Allow-Origin") is None


def test_a_credentialed_origin_is_that_clients_alone(cookies: House) -> None:
    """The token of another client is not to be had from there."""
    decision = by_cookie(cookies, "POST", origin=SSR, client_id="spa")
    assert decision.reason == "foreign_origin"


def test_two_clients_at_one_origin_do_not_share_credentials(
    jwt_issuer: JWTIssuer,
) -> None:
    """The page may use the cookie of the client that was promised it, and no other."""
    both = (
        Client(id="ssr", origins=(SSR,), credentials=True),
        Client(id="spa", origins=(SSR,)),
    )
    house = House(jwt_issuer, clients=both, cookie="token")
    for method in ("GET", "POST"):
        assert isinstance(by_cookie(house, method, origin=SSR), Proceed)
        refused = by_cookie(house, method, origin=SSR, client_id="spa")
        assert refused.reason == "foreign_origin"


def test_the_own_origin_gets_cors_fields_if_a_client_lists_it(
    jwt_issuer: JWTIssuer,
) -> None:
    """It passes in any case, and reads the answer like any page of that client."""
    own = f"https://{API}"
    house = House(jwt_issuer, clients=(Client(id="spa", origins=(own,)),))
    bearer = {"authorization": f"Bearer {house.token()}"}
    decision = house.decide(request("/x", "POST", origin=own, **bearer))
    assert isinstance(decision, Proceed)
    assert dict(decision.decoration.cors)["Access-Control-Allow-Origin"] == own


def test_a_websocket_by_cookie_needs_an_origin(cookies: House) -> None:
    """Its handshake is a GET, but no safe one."""
    for fields, expected in (
        ({}, "origin_missing"),
        ({"origin": EVIL}, "foreign_origin"),
        ({"origin": WWW}, "foreign_origin"),
        ({"sec_fetch_site": "cross-site", **LINK}, "foreign_origin"),
    ):
        decision = by_cookie(cookies, websocket=True, scheme="wss", **fields)
        assert decision.reason == expected
    for good in (OWN, {"origin": SSR}):
        decision = by_cookie(cookies, websocket=True, scheme="wss", **good)
        assert isinstance(decision, Proceed)


def test_a_websocket_by_subprotocol_may_lack_an_origin(house: House) -> None:
    """Then it is no browser; with one, it must be the client's."""
    offer: dict[str, Any] = {"websocket": True, "scheme": "wss"}
    token = house.token()
    asked = request(subprotocols=("bearer", token), **offer)
    assert house.passes(asked).carrier == "subprotocol"
    assert house.passes(asked._replace(headers={"origin": (WWW,)}))
    foreign = asked._replace(headers={"origin": (EVIL,)})
    assert house.reason(foreign) == (403, "foreign_origin")


@pytest.mark.parametrize("path", ["/login", "/home", "/x"])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"origin": EVIL}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": [WWW, WWW]}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"origin": EVIL, "authorization": "Basic x"}, False),
        ({"origin": EVIL, "authorization": "Bearerx y"}, False),
        (OWN, True),
        ({"origin": WWW}, True),
        ({}, True),
        ({"sec_fetch_site": "same-origin"}, True),
    ],
)
def test_login_csrf_is_stopped_on_every_path(
    cookies: House, path: str, fields: dict[str, Any], expected: bool
) -> None:
    """A foreign page may not log a visitor in or out, though no token is needed."""
    decision = cookies.decide(request(path, "POST", **fields))
    if not expected:
        assert isinstance(decision, Respond)
        assert (decision.status, decision.reason) == (403, "foreign_origin")
    elif path == "/x":
        assert isinstance(decision, Respond)
        assert decision.status == 401
    else:
        assert isinstance(decision, Proceed)


def test_without_a_cookie_setting_a_public_form_is_anybodys(
    jwt_issuer: JWTIssuer,
) -> None:
    """There is nothing that a browser would send by itself."""
    house = House(jwt_issuer, public_paths=("/login",))
    house.passes(request("/login", "POST", origin=EVIL))


def test_the_own_origin_follows_host_without_a_public_url(
    jwt_issuer: JWTIssuer,
) -> None:
    """And only then."""
    house = House(jwt_issuer, cookie="token")
    assert isinstance(by_cookie(house, "POST", **OWN), Proceed)
    for host in ("evil.example", None, ["api.example", "api.example"]):
        assert by_cookie(house, "POST", host=host, **OWN).status == 403
    told = House(jwt_issuer, cookie="token", public_url=(f"https://{API}",))
    assert isinstance(by_cookie(told, "POST", host="evil.example", **OWN), Proceed)
    mirrored = by_cookie(told, "POST", host="evil.example", origin=EVIL)
    assert mirrored.reason == "foreign_origin"


def test_the_own_origin_has_the_scheme_that_a_trusted_proxy_tells(
    jwt_issuer: JWTIssuer,
) -> None:
    """TLS ends there: the page is on https, though the request came on http."""
    house = House(jwt_issuer, cookie="token", trusted_proxies=("10.0.0.0/8",))
    proxied = {"scheme": "http", "peer": "10.0.0.1", "x_forwarded_proto": "https"}
    assert isinstance(by_cookie(house, "POST", **proxied, **OWN), Proceed)
    downgraded = by_cookie(house, "POST", **proxied, origin=f"http://{API}")
    assert downgraded.reason == "foreign_origin"
