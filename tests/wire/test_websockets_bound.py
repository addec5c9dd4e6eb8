"""WebSockets with bound tokens (RFC 9449): by subprotocol, and by header fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.wire.cases_bound import KEY, SECRETS, TOKEN
from tests.wire.test_websockets import Socket, shake
from tests.wire.tokens import EVIL, ISSUER, WWW, origin, raw

URL = "wss://api.example/live"


def proof(**given: Any) -> str:
    asked = {"method": "GET", "url": URL, "token": TOKEN, **given}
    return KEY.proof(asked.pop("method"), asked.pop("url"), **asked)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    """Both event loops."""
    found: str = request.param
    return found


@pytest.mark.parametrize("url", [URL, "https://api.example/live"])
def test_a_page_brings_token_and_proof_as_subprotocols(url: str, backend: str) -> None:
    """The application sees neither, and ``dpop`` is chosen."""
    sent = proof(url=url)
    offered = ("chat", "dpop", TOKEN, sent, "v2")
    socket = shake(Socket((origin(WWW),), offered), backend)
    assert socket.status == 101
    assert socket.seen is not None
    assert socket.seen["user"].bound == "dpop"
    assert socket.seen["subprotocols"] == ["chat", "v2"]
    fields = dict(socket.seen["headers"])
    assert fields[b"sec-websocket-protocol"] == b"chat, v2"
    assert TOKEN not in str(socket.seen["headers"])
    assert sent not in str(socket.seen["headers"])
    assert socket.sent[0]["subprotocol"] == "dpop"


def test_a_program_brings_two_header_fields(backend: str) -> None:
    """And chooses its own subprotocols."""
    headers = (raw(f"DPoP {TOKEN}"), ("DPoP", proof()))
    socket = shake(Socket(headers, ("chat",)), backend)
    assert socket.status == 101
    assert socket.seen is not None
    assert socket.seen["subprotocols"] == ["chat"]
    assert "subprotocol" not in socket.sent[0]


REFUSED: dict[str, tuple[Socket, Mapping[str, str], int, str]] = {
    "no proof": (Socket((), ("dpop", TOKEN)), {}, 400, "invalid_request"),
    "only the word": (Socket((), ("chat", "dpop")), {}, 400, "invalid_request"),
    "both words": (
        Socket((), ("dpop", TOKEN, "a.b.c", "bearer", TOKEN)),
        {},
        400,
        "invalid_request",
    ),
    "a bad proof": (Socket((), ("dpop", TOKEN, "x")), {}, 401, "invalid_dpop_proof"),
    "a proof for POST": (
        Socket((), ("dpop", TOKEN, proof(method="POST"))),
        {},
        401,
        "invalid_dpop_proof",
    ),
    "a proof for another path": (
        Socket((), ("dpop", TOKEN, proof(url="wss://api.example/x"))),
        {},
        401,
        "invalid_dpop_proof",
    ),
    "a proof for plain ws": (
        Socket((), ("dpop", TOKEN, proof(url="ws://api.example/live"))),
        {},
        401,
        "invalid_dpop_proof",
    ),
    "a bound token as a bearer": (
        Socket((), ("bearer", TOKEN)),
        {},
        401,
        "invalid_token",
    ),
    "an unbound token": (
        Socket((), ("dpop", ISSUER.token(), proof())),
        {},
        401,
        "invalid_token",
    ),
    "a foreign page": (
        Socket((origin(EVIL),), ("dpop", TOKEN, proof())),
        {},
        403,
        "invalid_origin",
    ),
    "a nonce is needed": (
        Socket((), ("dpop", TOKEN, proof())),
        {"SECRETS": SECRETS, "DPOP_NONCE": "require"},
        401,
        "use_dpop_nonce",
    ),
    "DPoP off": (
        Socket((), ("dpop", TOKEN, proof())),
        {"DPOP": "off"},
        401,
        "missing_token",
    ),
}


@pytest.mark.parametrize("denial", [True, False], ids=["denial", "close"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_before_accept(name: str, denial: bool, backend: str) -> None:
    """As any handshake: with the answer, or with a close code."""
    made, settings, status, code = REFUSED[name]
    socket = shake(Socket(made.headers, made.subprotocols, denial), backend, settings)
    assert socket.seen is None
    if not denial:
        assert socket.status == (4401 if status == 401 else 4403)
        return
    assert socket.status == status
    assert f'"{code}"'.encode() in socket.sent[1]["body"]
    challenges = [v for n, v in socket.sent[0]["headers"] if n == b"www-authenticate"]
    schemes = {
        "invalid_dpop_proof": ["DPoP"], "use_dpop_nonce": ["DPoP"],
        "missing_token": ["Bearer"], "invalid_origin": [],
        "invalid_token": ["Bearer", "DPoP"] if "bearer" in name else ["DPoP"],
        "invalid_request": ["DPoP"],
    }  # fmt: skip
    assert [value.partition(b" ")[0].decode() for value in challenges] == schemes[code]
