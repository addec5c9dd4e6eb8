"""WebSockets of revoked tokens: refused before accept, wherever the token came from."""

from __future__ import annotations

import pytest

from tests.wire.cases_revoked import BARE, KINDS, TOKEN, bearer, cookie
from tests.wire.test_websockets import COOKIE, Socket, shake
from tests.wire.tokens import origin
from tests.wire.worlds import App, Revocation

OWN = origin("https://api.example")
ENTRIES = [(token, entry) for _, token, entry, _ in KINDS]
NAMES = [name for name, *_ in KINDS]


def carried(token: str, carrier: str, *, denial: bool = True) -> Socket:
    """Return a handshake that brings *token* in this way."""
    if carrier == "subprotocol":
        return Socket((OWN,), ("bearer", token), denial)
    field = bearer(token) if carrier == "header" else cookie(token)
    return Socket((field, OWN), denial=denial)


@pytest.fixture(params=["header", "cookie", "subprotocol"])
def carrier(request: pytest.FixtureRequest) -> str:
    """Where a WebSocket may bring its token."""
    found: str = request.param
    return found


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(("token", "entry"), ENTRIES, ids=NAMES)
def test_a_revoked_token_opens_no_socket(
    token: str, entry: Revocation, known: bool, carrier: str, backend: str
) -> None:
    """By each kind of entry, in each carrier, whether it was known before or not."""
    app = App(revoked=(entry,), known=(token,) if known else ())
    socket = shake(carried(token, carrier), backend, COOKIE, app)
    assert socket.seen is None
    assert socket.status == 401
    assert b"The access token was revoked" in socket.sent[1]["body"]


def test_a_server_without_denial_closes_with_4401(carrier: str) -> None:
    """The code says that a new token is needed; the reason says why."""
    tried = carried(TOKEN, carrier, denial=False)
    socket = shake(tried, "asyncio", COOKIE, App(revoked=({"sid": "s1"},)))
    closed = {"type": "websocket.close", "code": 4401, "reason": "revoked_session"}
    assert socket.sent == [closed]


def test_a_token_that_was_not_revoked_opens_one(carrier: str) -> None:
    """What was revoked is another session, and another token."""
    app = App(revoked=({"sid": "s2"}, BARE))
    assert shake(carried(TOKEN, carrier), "asyncio", COOKIE, app).status == 101
