"""The guard in stages, for a real server: each does what the one before does, and more.

In a server each step of a request takes longer than alone, because the server's own
work lies in between. So the same server runs each stage, and the differences show what
a step takes there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jwtguard.asgi import GuardMiddleware, request_of

from .bare import bare_asgi
from .floors import FIELDS
from .site import Site

BARE, FLOOR, WHOLE = "bare application", "digest and fields alone", "the whole guard"
_FIELDS = [(name.encode(), value.encode()) for name, value in FIELDS]


def _bare(_site: Site) -> Any:
    return bare_asgi


async def _writing(_scope: Any, _receive: Any, send: Any) -> None:
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"2"), *_FIELDS]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


def _writes(_site: Site) -> Any:
    return _writing


def _reads(site: Site) -> Any:
    wanted = site.guard().policy.proxy_fields

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request_of(scope, False, wanted)
        await _writing(scope, receive, send)

    return app


def _decides(site: Site) -> Any:
    guard = site.guard()
    decide, wanted = guard.decide_at_once, guard.policy.proxy_fields

    async def app(scope: Any, receive: Any, send: Any) -> None:
        decide(request_of(scope, False, wanted))
        await _writing(scope, receive, send)

    return app


def _whole(site: Site) -> Any:
    return GuardMiddleware(bare_asgi, site.guard())


STAGES: dict[str, Callable[[Site], Any]] = {
    BARE: _bare,
    "the server writes three fields more": _writes,
    "the guard reads the request": _reads,
    "it looks the token up and decides": _decides,
    WHOLE: _whole,
}
"""The guard's stages, in order."""
MEASURED = (*STAGES, FLOOR)
"""What is served, the floor (see ``peers``) beside them."""
