"""Certificate-bound tokens through the guard: known tokens, WebSockets, the log."""

from __future__ import annotations

from typing import Any

import pytest

from jwtguard import Guard
from jwtguard.adapters import Proceed, Request
from jwtguard.testing import JWTIssuer
from tests.certificates import Certificate, certificate
from tests.wire.cases_mtls import CLAIMS, SETTINGS
from tests.wire.test_websockets import Socket, shake
from tests.wire.tokens import ISSUER, origin, raw

MINE, OTHER = certificate("mine"), certificate("other")
BOUND = {"cnf": {"x5t#S256": MINE.thumbprint}}
FIELD: dict[str, Any] = {
    "client_cert": "X-Client-Cert:rfc9440",
    "trusted_proxies": "10.0.0.0/8",
}


def request(
    token: str, by: Certificate | None, peer: str = "10.0.0.1", **more: Any
) -> Request:
    headers = {"authorization": (f"Bearer {token}",)}
    if by is not None:
        headers["x-client-cert"] = (by.in_form("rfc9440"),)
    return Request("GET", "/", headers, peer=peer, **more)


def reason(guard: Guard, asked: Request) -> str:
    found = guard.decide(asked)
    return "" if isinstance(found, Proceed) else found.reason


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_known_token_is_compared_again(jwt_issuer: JWTIssuer, scheme: str) -> None:
    """What is remembered of a token never stands for its certificate."""
    guard = jwt_issuer.guard(require_https=False, **FIELD)
    token = jwt_issuer.token(claims=BOUND)
    for _ in range(3):
        for by, expected in (
            (MINE, ""), (OTHER, "certificate_mismatch"), (None, "certificate_missing"),
        ):  # fmt: skip
            assert reason(guard, request(token, by, scheme=scheme)) == expected
        stranger = request(token, MINE, peer="192.0.2.1", scheme=scheme)
        assert reason(guard, stranger) == "certificate_missing"


def test_the_server_s_own_word(jwt_issuer: JWTIssuer) -> None:
    """With ``tls``, DER or PEM of the request count, and header fields do not."""
    guard, token = jwt_issuer.guard(client_cert="tls"), jwt_issuer.token(claims=BOUND)
    for shown in (MINE.der, MINE.pem):
        found = guard.decide(request(token, OTHER, certificate=shown))
        assert isinstance(found, Proceed)
        assert found.principal is not None
        assert found.principal.bound == "mtls"
        assert found.principal.thumbprint == MINE.thumbprint
    assert reason(guard, request(token, MINE)) == "certificate_missing"


def test_the_log_says_what_was_wrong_with_the_field(jwt_issuer: JWTIssuer) -> None:
    """A proxy that is set up wrongly is found by its refusals."""
    told: list[str] = []

    def note(_: str, fields: Any) -> None:
        told.append(fields.get("detail", ""))

    def asks(asked: Request, **settings: Any) -> None:
        policy, keys = jwt_issuer.policy(**settings), jwt_issuer.transport
        clock = jwt_issuer.clock
        Guard(policy, clock=clock, transport=keys, on_event=note).decide(asked)

    token = jwt_issuer.token(claims=BOUND)
    asks(request(token, None), **FIELD)
    asks(request(token, MINE, peer="192.0.2.1"), **FIELD)
    asks(request(token, OTHER), **FIELD)
    asks(request(token, MINE))
    stranger = "the request does not come from JWTGUARD_TRUSTED_PROXIES"
    assert [text for text in told if text] == [
        "X-Client-Cert: the proxy sent none",
        f"X-Client-Cert: not read: {stranger}",
        "JWTGUARD_CLIENT_CERT is off, or there is no request",
    ]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("carrier", ["header", "subprotocol"])
def test_a_websocket_needs_the_certificate(backend: str, carrier: str) -> None:
    """The handshake is a request like any other."""
    token = ISSUER.token(claims=CLAIMS)
    settings = {**SETTINGS, "TRUSTED_PROXIES": "0.0.0.0/0 unix"}
    for by, status in ((MINE, 101), (OTHER, 401), (None, 401)):
        field = () if by is None else (("X-Client-Cert", by.in_form("rfc9440")),)
        shown = (raw(f"Bearer {token}"),) if carrier == "header" else ()
        offered = ("bearer", token) if carrier == "subprotocol" else ()
        socket = Socket((*shown, *field, origin("https://api.example")), offered)
        assert shake(socket, backend, settings).status == status
