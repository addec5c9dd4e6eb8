"""An event stream of Flask behind the guard; it prints when it is closed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Flask, Response

from jwtguard.flask import JWTGuard, current_principal
from jwtguard.guard import Guard

guard = Guard.from_env()
app = Flask(__name__)
JWTGuard(app, guard)


@app.get("/healthz")
def health() -> dict[str, int]:
    """Say by how many names open connections are watched."""
    return {"watched": len(guard._flow.revocations.watches._by_key)}


@app.post("/sign-out")
def sign_out() -> str:
    """End the caller's tokens."""
    who = current_principal
    guard.revoke_tokens(issuer=who.issuer, subject=who.subject)
    return ""


@app.get("/events")
def events() -> Response:
    """Send one event after the other."""

    def chunks() -> Iterator[str]:
        try:
            while True:
                yield "data: 1\n\n"
                time.sleep(0.02)
        finally:
            print("closed /events", flush=True)

    return Response(chunks(), mimetype="text/event-stream")
