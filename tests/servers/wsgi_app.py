"""The smallest WSGI application behind the guard: who calls, in which process."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from jwtguard.guard import Guard
from jwtguard.wsgi import GuardMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Say who called, what was sent, and which worker answers."""
    principal = environ["jwtguard.principal"]
    said = {
        "subject": principal and principal.subject,
        "worker": os.getpid(),
        "body": environ["wsgi.input"].read().decode(),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(said).encode()]


guard = Guard.from_env()
app = GuardMiddleware(hello, guard)
if "USE_BEFORE_FORK" in os.environ:  # with --preload: keys and locks exist already
    guard.verify(os.environ["USE_BEFORE_FORK"])
