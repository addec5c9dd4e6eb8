"""An introspection endpoint for the table: what it answers depends on the token."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import httpx

from jwtguard.core.model.effects import Incoming
from tests.wire.tokens import ISSUER

SETTINGS = {
    "INTROSPECT": "opaque",
    "INTROSPECT_URL": f"{ISSUER.url}/introspect",
    "INTROSPECT_CLIENT_ID": "api",
    "INTROSPECT_CLIENT_SECRET": "of-the-api",
}
NOW = int(ISSUER.clock.time())
ACTIVE: dict[str, Any] = {
    "active": True, "sub": "alice", "client_id": "spa", "scope": "notes:read",
    "aud": ISSUER.audience, "exp": NOW + 300, "token_type": "Bearer",
}  # fmt: skip


def of(document: Any, status: int = 200, **fields: str) -> Incoming:
    """Return an answer with this JSON."""
    headers = {"content-type": "application/json", **fields}
    return Incoming(status, headers, json.dumps(document).encode())


ANSWERS = {
    "opaque-alice": of(ACTIVE),
    "opaque-of-a-program": of({**ACTIVE, "sub": None, "client_id": "batch"}),
    "opaque-ended": of({"active": False}),
    "opaque-string": of({**ACTIVE, "active": "true"}),
    "opaque-number": of({**ACTIVE, "active": 1}),
    "opaque-nothing": of({}),
    "opaque-expired": of({**ACTIVE, "exp": NOW - 60}),
    "opaque-for-another": of({**ACTIVE, "aud": "https://other.example"}),
    "opaque-for-anybody": of({k: v for k, v in ACTIVE.items() if k != "aud"}),
    "opaque-of-another": of({**ACTIVE, "iss": "https://other.example"}),
    "opaque-refresh": of({**ACTIVE, "token_use": "refresh_token"}),
    "opaque-bound": of({**ACTIVE, "cnf": {"jkt": "thumbprint"}}),
    "opaque-dpop": of({**ACTIVE, "token_type": "DPoP"}),
    "opaque-list": of([ACTIVE]),
    "opaque-html": Incoming(200, {"content-type": "text/html"}, b"<h1>Sign in</h1>"),
    "opaque-json-as-html": Incoming(
        200, {"content-type": "text/html"}, json.dumps(ACTIVE).encode()
    ),
    "opaque-moved": Incoming(302, {"location": "https://evil.example/"}, b""),
    "opaque-denied": of({"error": "invalid_client"}, 401),
    "opaque-forbidden": of({}, 403),
    "opaque-busy": of({}, 429, **{"retry-after": "17"}),
    "opaque-broken": of({}, 500),
    "opaque-long": of({**ACTIVE, "pad": "x" * 70_000}),
}


class Endpoint:
    """Answers for the issuer of the table, from memory."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a question about a token; all others are not active."""
        if request.method != "POST":
            raise httpx.ConnectError("nobody is there")
        form = parse_qs(request.read().decode())
        got = ANSWERS.get(form["token"][0], ANSWERS["opaque-ended"])
        return httpx.Response(got.status, headers=dict(got.headers), content=got.body)
