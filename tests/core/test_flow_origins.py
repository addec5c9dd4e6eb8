"""Origins, clients and preflights, from the request to the decision."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jwtguard import Client
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import API, EVIL, SSR, WWW, House, field, request


def test_a_token_counts_only_at_its_own_clients_origin(house: House) -> None:
    """The page of one client cannot use the token of another."""
    mine = house.passes(request(token=house.token(), origin=WWW))
    assert ("Access-Control-Allow-Origin", WWW) in mine.decoration.cors
    for origin in (SSR, EVIL, "null", "", WWW.upper(), WWW + "/", [WWW, WWW]):
        answer = house.refuses(request(token=house.token(), origin=origin))
        assert (answer.status, answer.reason) == (403, "foreign_origin")
        assert field(answer, "Access-Control-Allow-Origin") is None
        assert field(answer, "Vary") == "Origin"
        assert json.loads(answer.body)["error"] == "invalid_origin"


def test_a_program_without_origin_is_not_treated_as_a_browser(house: House) -> None:
    """It passes with any client's token, even an unlisted one's."""
    for client_id in ("spa", "batch", "unlisted", None):
        token = house.token(client_id=client_id)
        assert house.passes(request(token=token)).decoration.cors == ()


@pytest.mark.parametrize("client_id", ["batch", "unlisted", None])
def test_a_token_of_no_listed_page_meets_no_foreign_origin(
    house: House, client_id: str | None
) -> None:
    """No client, or one without origins: only our own pages may use it."""
    token = house.token(client_id=client_id)
    assert house.reason(request(token=token, origin=WWW))[0] == 403
    own = house.passes(request(token=token, origin=f"https://{API}"))
    assert own.decoration.cors == ()


def test_clients_can_be_closed(jwt_issuer: JWTIssuer) -> None:
    """With ``clients_only`` tokens of others are refused whole."""
    house = House(jwt_issuer, clients_only=True)
    house.passes(request(token=house.token()))
    house.passes(request(token=house.token(client_id="batch")))
    for client_id in ("unlisted", "SPA", None):
        answer = house.refuses(request(token=house.token(client_id=client_id)))
        assert (answer.status, answer.reason) == (403, "client_not_listed")
        assert json.loads(answer.body)["error"] == "access_denied"
    assert house.told[-1]["client_id"] is None


def test_a_client_has_its_methods_cross_origin_only(house: House) -> None:
    """Its own server is not bound by what its pages may do; nor are our pages."""
    token = house.token()
    asked = request(method="DELETE", token=token, origin=WWW)
    answer = house.refuses(asked)
    assert (answer.status, answer.reason) == (403, "method_not_allowed_for_client")
    assert field(answer, "Access-Control-Allow-Origin") == WWW
    house.passes(request(method="HEAD", token=token, origin=WWW))
    house.passes(request(method="DELETE", token=token))
    house.passes(request(method="DELETE", token=token, origin=f"https://{API}"))
    for odd in ("OPTIONS", "TRACE", "get"):
        asked = request(method=odd, token=token, origin=WWW)
        assert house.refuses(asked).status == 403


def test_origins_can_come_from_the_token(jwt_issuer: JWTIssuer) -> None:
    """Where the policy believes the claim; without credentials."""
    house = House(jwt_issuer, origins_claim="allowed-origins", cookie="token")
    page = "https://page.example"
    token = house.token(client_id="x", claims={"allowed-origins": [page, "*"]})
    found = house.passes(request(token=token, origin=page))
    assert dict(found.decoration.cors)["Access-Control-Allow-Origin"] == page
    assert "Access-Control-Allow-Credentials" not in dict(found.decoration.cors)
    assert house.reason(request(token=token, origin=EVIL))[1] == "foreign_origin"
    assert house.reason(request(token=token, origin="*"))[1] == "foreign_origin"
    stolen = request(cookie=f"token={token}", origin=page)
    assert house.refuses(stolen).status == 403
    assert (
        house.refuses(request(method="TRACE", token=token, origin=page)).reason
        == "method_not_allowed_for_client"
    )


def test_a_preflight_is_answered_before_anything_else(house: House) -> None:
    """Without a token, on any path; a stranger's is told to the log."""
    ask = {"method": "OPTIONS", "access_control_request_method": "POST"}
    for path in ("/x", "//", "/a/../b"):
        assert house.refuses(request(path, origin=WWW, **ask)).status == 204
        assert house.refuses(request(path, origin=EVIL, **ask)).status == 403
    assert house.told[-1]["reason"] == "preflight_refused"
    assert house.refuses(request(method="OPTIONS", origin=WWW)).status == 401
    assert house.issuer.fetches == 0


def test_what_a_preflight_asks_for_in_vain_is_logged(house: House) -> None:
    """The browser blocks the page without a word: header and method are named."""
    ask: dict[str, Any] = {
        "origin": WWW, "access_control_request_method": "PURGE",
        "access_control_request_headers": "authorization,baggage, X-Trace\n",
    }  # fmt: skip
    assert house.refuses(request(method="OPTIONS", **ask)).status == 204
    told = house.told[-1]
    assert (told["event"], told["origin"]) == ("preflight_limited", WWW)
    assert (told["method"], told["headers"]) == ("PURGE", "baggage, X-Trace")
    ask["access_control_request_headers"] = "x" * 5000 + "\x1b,é"
    house.refuses(request(method="OPTIONS", **ask))
    assert house.told[-1]["headers"] == "x" * 200
    count = len(house.told)
    ask["access_control_request_method"] = "POST"
    ask["access_control_request_headers"] = "content-type"
    assert house.refuses(request(method="OPTIONS", **ask)).status == 204
    del ask["access_control_request_headers"]
    assert house.refuses(request(method="OPTIONS", **ask)).status == 204
    assert len(house.told) == count


def test_a_preflight_with_a_token_is_still_a_preflight(
    jwt_issuer: JWTIssuer,
) -> None:
    """No browser sends one; but a remembered token does not pass it on either."""
    spa = Client(id="spa", origins=(WWW,), methods=("GET", "OPTIONS"))
    house = House(jwt_issuer, clients=(spa,))
    asked = request(
        method="OPTIONS",
        token=house.token(),
        origin=WWW,
        access_control_request_method="GET",
    )
    for _ in range(3):
        assert house.refuses(asked).status == 204
        house.passes(asked._replace(method="GET"))


def test_a_preflight_of_a_public_path_goes_to_the_application(
    jwt_issuer: JWTIssuer,
) -> None:
    """With our answer beside it, should it grant nothing."""
    house = House(jwt_issuer, public_paths=("/static/*",))
    ask = {"method": "OPTIONS", "access_control_request_method": "GET"}
    found = house.passes(request("/static/x", origin=WWW, **ask))
    assert found.fallback is not None
    assert found.fallback.status == 204
    assert found.decoration.replace is False
    found = house.passes(request("/static/x", origin=EVIL, **ask))
    assert found.fallback is not None
    assert found.fallback.status == 403
    assert house.told == []
