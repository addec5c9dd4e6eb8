"""The floors: what a guard in Python needs at least, with little or no checking."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from . import floor
from .bare import bare_asgi, bare_wsgi
from .site import ORIGIN, Site

_DIGESTS = dict.fromkeys([b""])
FIELDS = (
    ("access-control-allow-origin", ORIGIN),
    ("access-control-expose-headers", "WWW-Authenticate, Retry-After"),
    ("vary", "Origin"),
)
"""What a page needs in the answer; the guard adds the same."""

Find = Callable[[str], Any]
"""From a token to its claims; None: the request is refused."""


def _digest(token: str) -> Any:
    _DIGESTS.get(sha256(token.encode()).digest())
    return True


def least_asgi(_site: Site) -> Any:
    """The least that a guard with a memory can do: find, hash, look up, add fields."""
    return _asgi(_digest)


def least_wsgi(_site: Site, inner: Any = bare_wsgi) -> Any:
    """Do the same for WSGI."""
    return _wsgi(_digest, inner)


def plain_asgi(site: Site) -> Any:
    """Find the token, verify it in plain Python, add the fields."""
    return _asgi(floor.verifier(site))


def plain_wsgi(site: Site, inner: Any = bare_wsgi) -> Any:
    """Do the same for WSGI."""
    return _wsgi(floor.verifier(site), inner)


def _asgi(find: Find) -> Any:
    fields = [(name.encode(), value.encode()) for name, value in FIELDS]
    refusal = {"type": "http.response.start", "status": 401, "headers": []}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                found = find(value[7:].decode("latin-1"))
        if found is None:
            await send(refusal)
            await send({"type": "http.response.body", "body": b""})
            return
        scope["principal"] = found

        def outgoing(message: Any) -> Any:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *fields]
            return send(message)

        await bare_asgi(scope, receive, outgoing)

    return app


def _wsgi(find: Find, inner: Any) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        sent = environ.get("HTTP_AUTHORIZATION")
        found = find(sent[7:]) if sent else None
        if found is None:
            start_response("401 Unauthorized", [])
            return [b""]
        environ["principal"] = found

        def start(status: str, fields: Any, exc_info: Any = None) -> Any:
            return start_response(status, [*fields, *FIELDS])

        return inner(environ, start)

    return app
