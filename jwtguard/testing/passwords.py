"""An issuer in memory where users sign in with a password (RFC 6749 section 4.3)."""

from __future__ import annotations

import json
import secrets
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

import httpx

from ..core.model.effects import FetchFailedError, Incoming
from ..outside.sending import Sender, Transport
from .issuer import JWTIssuer
from .sending import response_to

Form = Mapping[str, str]


class _User(NamedTuple):
    """Somebody who may sign in."""

    password: str
    token: Mapping[str, Any]
    """Options of ``JWTIssuer.token``."""

    def __repr__(self) -> str:
        """Leave out the password."""
        return "_User()"


class _Login(NamedTuple):
    """What a refresh token stands for."""

    username: str
    client_id: str
    scope: str


class PasswordIssuer(JWTIssuer):
    """An issuer in memory with a token endpoint, for tests of a login form.

    ``add_user`` says who may sign in. The endpoint accepts every client, issues the
    scope that is requested, and rotates refresh tokens. ``grants`` lists the
    ``grant_type`` of each request.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.grants: list[str] = []
        self._users: dict[str, _User] = {}
        self._logins: dict[str, _Login] = {}
        """By refresh token."""

    def add_user(self, username: str, password: str, /, **token: Any) -> None:
        """Let *username* sign in with *password*.

        *token* are options of ``token()`` for each token of the user; the subject is
        *username* unless they name another.
        """
        self._users[username] = _User(password, {"subject": username, **token})

    def remove_user(self, username: str) -> None:
        """Refuse the password and the refresh tokens of *username* from now on."""
        self._users.pop(username, None)

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document, with the endpoints in it."""
        return {
            **super().metadata(),
            "token_endpoint": f"{self.url}/token",
            "revocation_endpoint": f"{self.url}/revoke",
        }

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer the guard's requests, from memory."""
        return response_to(request, self.answer)

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Incoming:
        """Answer one request; raise ``FetchFailedError`` while the issuer is down."""
        endpoints = {f"{self.url}/token": self._grant, f"{self.url}/revoke": self._end}
        if method != "POST" or url not in endpoints:
            return super().answer(method, url, headers, body)
        if self._down:
            raise FetchFailedError(f"{url}: the issuer is down")
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        client = form.get("client_id") or _client_of(headers.get("authorization", ""))
        if not client:
            return _told(401, error="invalid_client")
        with self._lock:
            return endpoints[url]({**form, "client_id": client})

    def _grant(self, form: Form) -> Incoming:
        """Issue tokens for a password or a refresh token."""
        kind = form.get("grant_type", "")
        self.grants.append(kind)
        if kind == "password":
            login = self._by_password(form)
        elif kind == "refresh_token":
            login = self._logins.get(form.get("refresh_token", ""))
        else:
            return _told(400, error="unsupported_grant_type")
        if (
            login is None
            or login.client_id != form["client_id"]
            or login.username not in self._users
        ):
            return _told(400, error="invalid_grant")
        if kind == "refresh_token":
            del self._logins[form["refresh_token"]]
        return self._tokens(login)

    def _by_password(self, form: Form) -> _Login | None:
        name = form.get("username", "")
        user = self._users.get(name)
        if user is None or user.password != form.get("password"):
            return None
        return _Login(name, form["client_id"], form.get("scope", ""))

    def _tokens(self, login: _Login) -> Incoming:
        options: dict[str, Any] = {
            "client_id": login.client_id,
            "scope": login.scope,
            **self._users[login.username].token,
        }
        refresh = secrets.token_urlsafe(24)
        self._logins[refresh] = login
        told = {"token_type": "Bearer", "expires_in": options.get("expires_in", 300)}
        access = self.token(**options)
        return _told(200, access_token=access, refresh_token=refresh, **told)

    def _end(self, form: Form) -> Incoming:
        """Revoke a refresh token (RFC 7009); whatever else is sent gets 200 too."""
        self._logins.pop(form.get("token", ""), None)
        return Incoming(200, {}, b"")

    def _guard_transport(self) -> Transport | Sender:
        return self


def _client_of(authorization: str) -> str:
    """Return the client id of HTTP Basic (RFC 6749 section 2.3.1)."""
    scheme, _, given = authorization.partition(" ")
    try:
        pair = b64decode(given, validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        return ""
    return unquote_plus(pair.decode("utf-8", "replace").partition(":")[0])


def _told(status: int, **members: Any) -> Incoming:
    fields = {"content-type": "application/json", "cache-control": "no-store"}
    return Incoming(status, fields, json.dumps(members).encode())
