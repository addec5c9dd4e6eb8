"""Applications that say who called, and which certificate fields they were shown."""

from __future__ import annotations

import json
import logging
import os
import ssl
import sys
from typing import TYPE_CHECKING, Any

from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.wsgi import GuardMiddleware as WSGIGuard

logging.basicConfig(level=logging.INFO)  # refusals, with their reasons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def _document(principal: Any, names: Iterable[str]) -> bytes:
    found = {
        "bound": principal and principal.bound,
        "fields": sorted(name for name in names if "cert" in name.lower()),
    }
    return json.dumps(found).encode()


def in_wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer in WSGI; variables of the server itself do not count as fields."""
    names = [name for name in environ if name.startswith("HTTP_")]
    body = _document(environ["jwtguard.principal"], names)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def in_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer in ASGI."""
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    names = [name.decode() for name, _ in scope["headers"]]
    body = _document(scope["jwtguard.principal"], names)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


if __name__ != "__main__":
    wsgi, asgi = WSGIGuard(in_wsgi), ASGIGuard(in_asgi)


def _context() -> ssl.SSLContext:
    made = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=os.environ["AUTHORITY"]
    )
    made.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])
    made.verify_mode = ssl.CERT_OPTIONAL
    return made


def _serve_werkzeug(port: int) -> None:
    from werkzeug.serving import run_simple

    app = WSGIGuard(in_wsgi)
    run_simple("127.0.0.1", port, app, ssl_context=_context(), threaded=True)


def _serve_cheroot(port: int) -> None:
    from cheroot.ssl.builtin import BuiltinSSLAdapter
    from cheroot.wsgi import Server

    server = Server(("127.0.0.1", port), WSGIGuard(in_wsgi))
    adapter = BuiltinSSLAdapter(os.environ["CERTIFICATE"], os.environ["KEY"])
    adapter.context = _context()
    server.ssl_adapter = adapter
    server.start()


if __name__ == "__main__":
    {"werkzeug": _serve_werkzeug, "cheroot": _serve_cheroot}[sys.argv[1]](
        int(sys.argv[2])
    )
