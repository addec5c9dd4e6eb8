"""An issuer in memory that answers questions about its tokens (RFC 7662)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt

from ..core.model.effects import FetchFailedError, Incoming
from ..core.model.issuers import TrustedIssuer
from ..core.model.policy import Policy
from ..core.relay.upstream import basic
from ..outside.sending import Sender, Transport
from .issuer import JWTIssuer
from .sending import response_to

CLIENT, SECRET = "api", "of-the-api"  # of an issuer in memory


class OpaqueIssuer(JWTIssuer):
    """An issuer in memory with opaque tokens and an introspection endpoint.

    ``opaque_token`` takes the options of ``JWTIssuer.token``. ``introspections`` counts
    the questions of the client ``api``, whose secret is ``of-the-api``. *reply* may
    replace an answer: it is called with the answer's members and returns a status,
    header fields and a body. Its guards introspect opaque tokens;
    ``guard(introspect="always")`` also JWTs.
    """

    reply: Callable[[Mapping[str, Any]], tuple[int, Mapping[str, str], bytes]] | None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.introspections = 0
        self.reply = None
        self._tokens: dict[str, dict[str, Any]] = {}
        self._ended: set[str] = set()

    def opaque_token(self, *, prefix: str = "", **token: Any) -> str:
        """Return a new token that says nothing to anybody but this issuer."""
        made = prefix + secrets.token_urlsafe(24)
        self._tokens[made] = self._claims_of(self.token(**token))
        return made

    def end(self, token: str) -> None:
        """Call *token*, opaque or a JWT, inactive from now on."""
        self._ended.add(token)

    def answer_about(self, token: str) -> dict[str, Any]:
        """Return what the endpoint says of *token* (RFC 7662 section 2.2)."""
        claims = self._tokens.get(token)
        if claims is None:
            with suppress(jwt.InvalidTokenError):  # it may be any text
                claims = self._claims_of(token)
        if claims is None or token in self._ended:
            return {"active": False}
        ends = claims.get("exp")
        if ends is not None and ends <= self.clock.time():
            return {"active": False}
        return {"active": True, "token_type": "Bearer", **claims}

    def _claims_of(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return claims

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document, with the endpoint in it."""
        return {
            **super().metadata(),
            "introspection_endpoint": f"{self.url}/introspect",
        }

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer the guard's requests, from memory."""
        return response_to(request, self.answer)

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Incoming:
        """Answer one request; raise ``FetchFailedError`` while the issuer is down."""
        if method != "POST" or url != f"{self.url}/introspect":
            return super().answer(method, url, headers, body)
        if self._down:
            raise FetchFailedError(f"{url}: the issuer is down")
        with self._lock:
            self.introspections += 1
        if headers.get("authorization") != basic(CLIENT, SECRET):
            return Incoming(401, {}, b'{"error": "invalid_client"}')
        token = parse_qs(body.decode(errors="replace")).get("token")
        if token is None:
            return Incoming(400, {}, b'{"error": "invalid_request"}')
        found = self.answer_about(token[0])
        if self.reply is not None:
            return Incoming(*self.reply(found))
        told = {"content-type": "application/json"}
        return Incoming(200, told, json.dumps(found).encode())

    def sign(
        self, claims: Mapping[str, Any], typ: str, headers: Mapping[str, Any]
    ) -> str:
        """Return *claims* as a JWT of this issuer: a signed answer (RFC 9701)."""
        return self._signed(dict(claims), typ, headers)

    def policy(self, *, introspect: str = "opaque", **settings: Any) -> Policy:
        """Return a policy that trusts this issuer, and asks it about tokens.

        Settings that only issuers have are those of this one.
        """
        of_issuer = {field.name for field in fields(TrustedIssuer)}
        own = {name: settings.pop(name) for name in [*settings] if name in of_issuer}
        issuer = TrustedIssuer(
            **{
                "url": self.url, "audience": self.audience, "profile": self.profile,
                "introspect": introspect, "introspect_client_id": CLIENT,
                "introspect_client_secret": SECRET,
                "introspect_timeout": 60,  # however busy the machine is
                **own,
            }
        )  # fmt: skip
        return super().policy(**{"issuers": (issuer,), **settings})

    def _guard_transport(self) -> Transport | Sender:
        return self
