"""OpenID Connect RP-Initiated Logout 1.0 and Back-Channel Logout 1.0."""

from __future__ import annotations

import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from flask import Flask, Response, jsonify, redirect, request
from jwt import InvalidTokenError
from werkzeug.exceptions import BadRequest

from ..core.model.effects import FetchFailedError, Outgoing
from ..outside.http import HTTPClient
from .grants import TokenGenerator
from .keys import Keys
from .store import OAuthClient, Session, Store

END_SESSION = "/oauth/logout"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = 120
"""Seconds that a logout token lives (Back-Channel Logout section 2.4)."""
TIMEOUT = 5.0


class Logout:
    """Ends sessions, and posts a logout token to each client that has to hear of it."""

    def __init__(self, store: Store, generator: TokenGenerator, keys: Keys) -> None:
        self._store = store
        self._generator = generator
        self._keys = keys
        self._http = HTTPClient()

    def end(self, session: Session) -> list[dict[str, Any]]:
        """End one session; return what became of the logout token."""
        self._store.end(session)
        subject = {"sub": session.user.name, "sid": session.sid}
        client = self._store.clients[session.client_id]
        return self._sent([client], subject)

    def end_all(self, name: str) -> list[dict[str, Any]]:
        """End all sessions of a user; the logout tokens name the user alone."""
        for session in self._store.sessions(name):
            self._store.end(session)
        return self._sent(list(self._store.clients.values()), {"sub": name})

    def session_of(self, id_token: str) -> Session | None:
        """Return the session of an ID token of ours, which may have expired."""
        for key in self._keys.public()["keys"]:
            try:
                claims = jwt.decode(
                    id_token,
                    jwt.PyJWK(key),
                    algorithms=[self._keys.alg],
                    # RP-Initiated Logout section 2: the hint says who is signed in,
                    # also long after it has expired.
                    options={"verify_aud": False, "verify_exp": False},
                )
            except InvalidTokenError:
                continue
            if "azp" in claims and claims.get("iss") == self._generator.issuer:
                return self._store.session(str(claims.get("sid")))
        raise BadRequest("id_token_hint must be an ID token of this issuer")

    def _sent(
        self, clients: list[OAuthClient], subject: dict[str, str]
    ) -> list[dict[str, Any]]:
        return [
            {"client_id": name, "uri": uri, **self._post(uri, name, subject)}
            for client in clients
            if (uri := client.settings.backchannel_logout_uri) is not None
            for name in [client.get_client_id()]
        ]

    def _post(self, uri: str, name: str, subject: dict[str, str]) -> dict[str, Any]:
        """Back-Channel Logout section 2.5: a form, and no second attempt."""
        form = urlencode({"logout_token": self._token(name, subject)}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self._http(Outgoing("POST", uri, kind, form, timeout=TIMEOUT))
        except FetchFailedError as error:
            return {"failure": error.kind}
        return {"status": answer.status}

    def _token(self, client: str, subject: dict[str, str]) -> str:
        now = int(time.time())
        return self._keys.sign(
            "logout+jwt",
            {
                "iss": self._generator.issuer,
                "aud": client,
                "iat": now,
                "exp": now + LIFETIME,
                "jti": secrets.token_hex(8),
                "events": {EVENT: {}},
                **subject,
            },
        )


def add_logout(app: Flask, logout: Logout, store: Store, base: str) -> None:
    """Add the endpoint for browsers, and the control for developers."""

    @app.route(base + END_SESSION, methods=["GET", "POST"])
    def end_session() -> Any:
        """RP-Initiated Logout section 2: the ID token says whose session ends."""
        session = logout.session_of(request.values.get("id_token_hint", ""))
        back = request.values.get("post_logout_redirect_uri")
        client_id = request.values.get("client_id") or (session and session.client_id)
        # Checked before the session ends: otherwise a mistyped URL would sign out and
        # then show an error.
        if back is not None and not _is_page_of(store.client(client_id or ""), back):
            raise BadRequest("post_logout_redirect_uri must be a page of the client")
        if session is not None:
            logout.end(session)
        if back is None:
            return Response("You are signed out.", content_type="text/plain")
        state = request.values.get("state")
        separator = "&" if "?" in back else "?"
        state = f"{separator}{urlencode({'state': state})}" if state else ""
        return redirect(back + state, 303)

    @app.post("/dev/logout")
    def dev_logout() -> Response:
        """End the session ``sid``, or all sessions of ``user``."""
        given = request.form.to_dict()
        if given.keys() == {"user"} and store.user(given["user"]) is not None:
            return jsonify({"sent": logout.end_all(given["user"])})
        session = store.session(given.get("sid", ""))
        if given.keys() == {"sid"} and session is not None:
            return jsonify({"sent": logout.end(session)})
        raise BadRequest("write sid=... of a session, or user=... of a user")


def _is_page_of(client: OAuthClient | None, url: str) -> bool:
    """Whether *url* is at an origin of the client: it need not be registered."""
    # Browsers read a backslash as a slash, urlsplit does not: the two would see
    # different hosts.
    if client is None or not url.isprintable() or "\\" in url:
        return False
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" in client.settings.origins
