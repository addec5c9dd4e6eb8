"""RFC 9449 section 7, RFC 8705 section 3: who may use a bound token, and how."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Client
from jwtguard.core.extract.credentials import Credentials
from jwtguard.core.extract.wire import Wire
from jwtguard.errors import InvalidTokenError
from jwtguard.testing import JWTIssuer
from tests.core.flow_support import House, request

CLIENTS = (Client(id="spa", dpop=True), Client(id="batch"))
BY_KEY = {"cnf": {"jkt": "thumbprint"}}
BY_CERTIFICATE = {"cnf": {"x5t#S256": "certificate"}}


def house_with(issuer: JWTIssuer, **settings: Any) -> House:
    return House(issuer, cookie="token", **settings)


def known(house: House, token: str) -> None:
    """Let *token* be remembered, as if a request had proved that it is its sender's."""
    verifier = house.guard._flow.verifier
    house.passes(request(token=house.token(client_id="batch")))  # has the keys fetched
    new = verifier._unverified(token)
    found = verifier._verified(new, new.keys_at_hand())
    verifier.token_cache.put(verifier.token_cache.get(token)[0], found)


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize(
    ("mode", "reason"),
    [("accept", "bound_token_as_bearer"), ("off", "bound_token")],
)
def test_a_bound_token_never_passes_as_a_bearer(
    jwt_issuer: JWTIssuer, remembered: bool, mode: str, reason: str
) -> None:
    """New or remembered, on every way to bring it; with a proof beside it, too."""
    house = house_with(jwt_issuer, dpop=mode)
    token = house.token(claims=BY_KEY)
    if remembered:
        known(house, token)
    by_header = (
        request(token=token),
        request(token=token, dpop="a.b.c"),
        request(authorization=f"bearer  {token}"),
        request(websocket=True, subprotocols=("bearer", token)),
    )
    for asked in by_header:
        assert house.reason(asked) == (401, reason)
    assert house.reason(request(cookie=f"token={token}")) == (401, "bound_token")
    with pytest.raises(InvalidTokenError, match=r"^bound_token$"):
        house.guard.verify(token)


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize("claims", [{}, BY_CERTIFICATE])
def test_a_token_without_a_key_is_refused_under_dpop(
    jwt_issuer: JWTIssuer, remembered: bool, claims: dict[str, Any]
) -> None:
    """A proof of any key would do, and so would prove nothing."""
    house = house_with(jwt_issuer)
    token = house.token(claims=claims)
    shown = Credentials(token, "header", "DPoP")
    wire = Wire("https", secure=True, certificate="certificate")
    if remembered:
        house.guard.run(house.guard._flow.verify(Credentials(token, "header"), wire))
    with pytest.raises(InvalidTokenError, match="unbound_token"):
        house.guard.run(house.guard._flow.verify(shown, wire))


@pytest.mark.parametrize("settings", [{"dpop": "require"}, {"clients": CLIENTS}])
def test_where_tokens_have_to_be_bound_others_are_refused(
    jwt_issuer: JWTIssuer, settings: dict[str, Any]
) -> None:
    """By the whole policy, or for one client; a second time as at first."""
    house = house_with(jwt_issuer, **settings)
    token = house.token(client_id="spa")
    for asked in (request(token=token), request(cookie=f"token={token}")):
        for _ in range(2):
            assert house.reason(asked) == (401, "unbound_token")
    if "clients" in settings:
        assert house.passes(request(token=house.token(client_id="batch")))


def test_a_certificate_is_compared_on_each_use(jwt_issuer: JWTIssuer) -> None:
    """Absent and another one are two reasons; the right one does for ``require``."""
    house = house_with(jwt_issuer, dpop="require")
    shown = Credentials(house.token(claims=BY_CERTIFICATE), "header")
    assert house.reason(request(token=shown.token)) == (401, "certificate_missing")
    with pytest.raises(InvalidTokenError, match="certificate_missing"):
        house.guard.verify(shown.token)
    for certificate, reason in (
        ("certificate", None), (None, "certificate_missing"),
        ("other", "certificate_mismatch"), ("certificate", None),
    ):  # fmt: skip
        wire = Wire("https", secure=True, certificate=certificate)
        flow = house.guard._flow.verify(shown, wire)
        if reason is None:
            assert house.guard.run(flow).facts.x5t == "certificate"
            continue
        with pytest.raises(InvalidTokenError, match=reason):
            house.guard.run(flow)


def test_key_and_certificate_must_both_hold(jwt_issuer: JWTIssuer) -> None:
    """A token that is bound twice needs both."""
    house = house_with(jwt_issuer)
    token = house.token(claims={"cnf": {"jkt": "k", "x5t#S256": "certificate"}})
    for certificate, reason in (
        (None, "certificate_missing"), ("certificate", "bound_token_as_bearer"),
    ):  # fmt: skip
        wire = Wire("https", secure=True, certificate=certificate)
        with pytest.raises(InvalidTokenError, match=reason):
            house.guard.run(
                house.guard._flow.verify(Credentials(token, "header"), wire)
            )
