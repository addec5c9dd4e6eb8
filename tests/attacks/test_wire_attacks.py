"""The attack table for requests: each row through the WSGI and the ASGI guard."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from jwtguard.core.model.decision import Respond
from jwtguard.core.model.request import Request
from tests.attacks.wire_rows import TABLE
from tests.wire.case import Case
from tests.wire.test_websockets import Socket, shake
from tests.wire.tokens import (
    BASE,
    EVIL,
    ISSUER,
    OTHER,
    WWW,
    bearer,
    cookie,
    origin,
    site,
)
from tests.wire.worlds import WORLDS, guard_of

# ruff: noqa: E501  # a table reads better with one row a line

GOOD = ISSUER.token()


def by_name(case: Case) -> str:
    return case.name.encode("ascii", "backslashreplace").decode()


@pytest.mark.parametrize("world", ["wsgi", "asyncio"])
@pytest.mark.parametrize("case", TABLE, ids=by_name)
def test_the_request_table(case: Case, world: str) -> None:
    """Both worlds give the answer that the row says, and no stranger may read it."""
    case.check(WORLDS[world](case.environ, case.ask, case.app))


def test_each_row_is_a_different_attack() -> None:
    """A row that stands twice would make the table look longer than it is."""
    names = [by_name(case) for case in TABLE]
    assert sorted(set(names)) == sorted(names)
    assert len(TABLE) > 200


SOCKETS: list[tuple[str, str, Socket, dict[str, str], int]] = [
    ("another page's script", "CSWSH", Socket((cookie(), origin(EVIL))), {"COOKIE": "token"}, 403),
    ("another client's page", "CSWSH", Socket((cookie(), origin(OTHER))), {"COOKIE": "token"}, 403),
    ("a page without name", "CSWSH", Socket((cookie(), origin("null"))), {"COOKIE": "token"}, 403),
    ("no origin, with the cookie", "CSWSH", Socket((cookie(),)), {"COOKIE": "token"}, 403),
    ("the browser says cross-site", "CSWSH", Socket((cookie(), *site("cross-site"))), {"COOKIE": "token"}, 403),
    ("wss for https", "RFC 6455 4.1", Socket((bearer(), origin("wss://www.example"))), {}, 403),
    ("two origins", "RFC 6454 7.3", Socket((bearer(), origin(WWW), origin(WWW))), {}, 403),
    ("two origins in one", "RFC 6454 7.3", Socket((bearer(), origin(f"{WWW}, {WWW}"))), {}, 403),
    ("a token in two places", "RFC 6750 2", Socket((bearer(),), ("bearer", GOOD)), {}, 400),
    ("bearer twice", "RFC 6455 11.3.4", Socket((), ("bearer", GOOD, "bearer", GOOD)), {}, 400),
    ("bearer, and nothing after it", "RFC 6455 11.3.4", Socket((), ("bearer",)), {}, 400),
    ("Bearer in capitals", "RFC 6455 11.3.4", Socket((), ("Bearer", GOOD)), {}, 401),
    ("a token before bearer", "RFC 6455 11.3.4", Socket((), (GOOD, "bearer")), {}, 400),
    ("a forged subprotocol token", "RFC 7515 5.2", Socket((), ("bearer", ISSUER.forged())), {}, 401),
    ("a subprotocol of 100 kB", "resource use", Socket((), ("bearer", "A" * 100_000)), {}, 431),
    ("over plain ws", "RFC 6750 5.3", Socket((bearer(),), scheme="ws"), {}, 403),
    ("a token path", "RFC 6749 3.2", Socket((bearer(),)), {"TOKEN_PATHS": "/live"}, 405),
    ("a scope that is missing", "RFC 6750 3.1", Socket((bearer(),)), {"SCOPES": "GET:/live=chat"}, 403),
]  # fmt: skip


@pytest.mark.parametrize(("what", "source", "socket", "settings", "status"), SOCKETS)
def test_the_handshake_table(
    what: str, source: str, socket: Socket, settings: dict[str, str], status: int
) -> None:
    """The application never sees the handshake, and the answer is the one promised."""
    done = shake(
        Socket(socket.headers, socket.subprotocols, True, socket.scheme),
        "asyncio",
        settings,
    )
    assert done.seen is None
    assert done.status == status


def test_a_flood_of_preflights_leaves_nothing_behind() -> None:
    """Whatever origins, methods and header names are made up: 403, and no memory kept."""
    guard = guard_of(BASE)

    def flood(count: int) -> None:
        for number in range(count):
            headers: Any = {
                "origin": (f"https://{number}.evil.example",),
                "access-control-request-method": (f"M{number}",),
            }
            request = Request(method="OPTIONS", path=f"/{number}", headers=headers)
            answer = guard.decide(request, lambda _: None)
            assert isinstance(answer, Respond)
            assert answer.status == 403
            assert not any(name.startswith("Access-") for name, _ in answer.headers)

    tracemalloc.start()
    flood(2000)  # what is bounded is full now
    before = tracemalloc.get_traced_memory()[0]
    flood(2000)
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert kept < 50_000
