"""PEP 3333: the body of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def read_body(environ: WSGIEnvironment, limit: int) -> bytes | None:
    """Read the body, up to one byte more than *limit*; None if it ended early."""
    stream = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH") or None
    chunked = environ.get("HTTP_TRANSFER_ENCODING")
    if length is None and not environ.get("wsgi.input_terminated"):
        return b"" if chunked is None else None
    wanted = limit + 1 if length is None else int(length)
    body = bytearray()
    try:
        while len(body) < wanted:
            piece = stream.read(wanted - len(body))
            if not piece:
                break
            body += piece
    except (OSError, EOFError, ValueError):
        return None
    return None if length is not None and len(body) < wanted else bytes(body)
