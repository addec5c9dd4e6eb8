"""RFC 7662: an API that is a confidential client asks about an access token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx
from flask import Flask, Response, jsonify, request

from .access_tokens import AccessTokens
from .store import Store

INTROSPECT = "/oauth/introspect"


def add_introspection(
    app: Flask, store: Store, tokens: AccessTokens, base: str
) -> None:
    """Add the endpoint to *app*."""

    @app.post(base + INTROSPECT)
    def introspect() -> Response:
        # Section 2.1: an endpoint that answers anybody would help to try tokens.
        if not _is_client(store):
            answer = jsonify({"error": "invalid_client"})
            answer.status_code = 401
            answer.headers["WWW-Authenticate"] = 'Basic realm="introspection"'
            return answer
        return jsonify(tokens.answer_about(request.form.get("token", "")))


def _is_client(store: Store) -> bool:
    """RFC 6749 section 2.3.1: by Basic, or in the form."""
    form, given = request.form, request.authorization
    name, secret = form.get("client_id"), form.get("client_secret")
    if given is not None and given.type == "basic":
        name, secret = given.username, given.password
    client = store.client(name or "")
    return client is not None and client.check_client_secret(secret or "")


IN_PROCESS: Mapping[str, Any] = {
    "introspect": "opaque",
    "introspect_url": "https://issuer.invalid/introspect",
    "introspect_client_id": "issuer",
    "introspect_client_secret": "of-nobody",
}
"""How the issuer's own guard asks; what it sends does not leave the process."""


class InProcess:
    """Answers the questions of the issuer's own guard, without the network."""

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def handle_request(self, asked: httpx.Request) -> httpx.Response:
        """Answer one question (a transport of httpx)."""
        form = parse_qs(asked.read().decode())
        return httpx.Response(200, json=self._tokens.answer_about(form["token"][0]))
