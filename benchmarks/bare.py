"""The bare applications: they answer, and do nothing else."""

from __future__ import annotations

from typing import Any


async def bare_asgi(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer an ASGI request."""
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


def bare_wsgi(_environ: Any, start_response: Any) -> list[bytes]:
    """Answer a WSGI request."""
    fields = [("Content-Type", "text/plain"), ("Content-Length", "2")]
    start_response("200 OK", fields)
    return [b"ok"]
