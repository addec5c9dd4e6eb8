"""The smallest WSGI application behind the guard: who calls, in which process."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from jwtguard import load_policy
from jwtguard.errors import KeysUnavailableError, MissingTokenError
from jwtguard.guard import Guard
from jwtguard.outside.http import HTTPClient
from jwtguard.wsgi import GuardMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from jwtguard.core.model.effects import Incoming


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Say who called, what was sent, and which worker answers."""
    principal = environ["jwtguard.principal"]
    document = {
        "subject": principal and principal.subject,
        "worker": os.getpid(),
        "body": environ["wsgi.input"].read().decode(),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(document).encode()]


def lazy(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Find out that the caller may not have it when the first bytes are asked for."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    if "refuse" in environ["QUERY_STRING"]:
        raise MissingTokenError("no_credentials")
    yield b"lazy"


def routed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Choose between the two."""
    if environ["PATH_INFO"] == "/lazy":
        return lazy(environ, start_response)
    return hello(environ, start_response)


def suppressing(token: str) -> None:
    """Ask for keys that will not come."""
    with suppress(KeysUnavailableError):
        guard.verify(token)


guard = Guard.from_env()
app = GuardMiddleware(routed, guard)
if "USE_BEFORE_FORK" in os.environ:  # with --preload: keys and locks exist already
    guard.verify(os.environ["USE_BEFORE_FORK"])
if "FETCH_DURING_FORK" in os.environ:  # and here locks are held, and a thread runs
    asked = threading.Event()

    def transport(url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        """Fetch as ever, but say when it began."""
        asked.set()
        return HTTPClient().get(url, headers, timeout)

    guard = Guard(load_policy(os.environ), transport=transport)
    app = GuardMiddleware(routed, guard)
    first = os.environ["FETCH_DURING_FORK"]
    threading.Thread(target=suppressing, args=(first,), daemon=True).start()
    asked.wait(120)
