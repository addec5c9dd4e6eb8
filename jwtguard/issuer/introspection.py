"""RFC 7662: an API that is a confidential client asks about an access token."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, jsonify, request

from ..core.model.issuers import TrustedIssuer
from ..core.model.policy import Policy
from ..errors import AuthError
from ..guard import Guard
from .keys import Keys
from .store import Store

INTROSPECT = "/oauth/introspect"


def add_introspection(
    app: Flask, issuer: str, keys: Keys, store: Store, base: str
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
        claims = _claims(request.form.get("token", ""), issuer, keys)
        if claims is None or store.session(str(claims.get("sid"))) is None:
            return jsonify({"active": False})
        return jsonify({"active": True, "token_type": "Bearer", **claims})


def _is_client(store: Store) -> bool:
    """RFC 6749 section 2.3.1: by Basic, or in the form."""
    form, given = request.form, request.authorization
    name, secret = form.get("client_id"), form.get("client_secret")
    if given is not None and given.type == "basic":
        name, secret = given.username, given.password
    client = store.client(name or "")
    return client is not None and client.check_client_secret(secret or "")


def _claims(token: str, issuer: str, keys: Keys) -> dict[str, Any] | None:
    """Return the claims of an access token that is good now, or None."""
    trusted = TrustedIssuer(
        url=issuer, audience="unchecked", profile="rfc9068", keys=keys.public()
    )
    try:
        return Guard(Policy(issuers=(trusted,))).verify(token).claims
    except AuthError:
        return None
