"""An issuer in memory whose tokens are really signed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from threading import Lock
from typing import Any

import jwt

from ..core.model.effects import FetchFailedError, Incoming
from ..core.model.issuers import TrustedIssuer
from ..core.model.policy import Client, Policy
from ..core.model.profiles import PROFILES, Profile
from ..guard import Guard
from ..outside.sending import Sender, Transport
from .clock import FakeClock
from .dpop import DPoPKey
from .keys import jwk_of, new_key
from .serving import serve
from .session import session_headers

ISSUER = "https://issuer.example"
AUDIENCE = "https://api.example"

_Changes = Mapping[str, Any] | None


class JWTIssuer:
    """An issuer in memory: signs tokens, publishes keys, can break on request.

    *alg* is RS256, ES256, ES384, ES512, EdDSA or another of their families. *profile*
    (a name, or a ``Profile``) says whose habits it has: client, scope and roles stand
    in the claims where that family keeps them. ``fetches`` counts how often its keys
    were asked for.
    """

    def __init__(
        self,
        url: str = ISSUER,
        *,
        audience: str = AUDIENCE,
        alg: str = "RS256",
        profile: str | Profile = "generic",
        clock: FakeClock | None = None,
    ) -> None:
        self.url = url
        self.audience = audience
        self.alg = alg
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.clock = clock or FakeClock()
        self.fetches = 0
        self.published: list[dict[str, Any]] = []
        self._lock = Lock()
        self._skew = 0.0
        self._down = False
        self.rotate()

    def token(
        self,
        *,
        subject: str = "alice",
        scope: str = "",
        roles: Sequence[str] = (),
        client_id: str = "spa",
        expires_in: float = 300,
        typ: str | None = "at+jwt",
        claims: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """Return a signed access token (RFC 9068), changed by *claims* and *headers*.

        A claim that is None is left out. *expires_in* is in seconds. *roles* need a
        profile that reads them: those of jwtguard all do.
        """
        now = int(self.clock.time() + self._skew)
        given = {
            "iss": self.url,
            "sub": subject,
            "aud": self.audience,
            self.profile.client_claims[0]: client_id,
            self.profile.scope_claims[0]: scope,
            "iat": now if expires_in > 0 else now + expires_in - 300,
            "exp": now + expires_in,
            "jti": secrets.token_hex(8),
            **self.profile.expect,
            **self._role_claim(roles),
            **(claims or {}),
        }
        return self._signed(given, typ, headers)

    def _signed(self, given: dict[str, Any], typ: str | None, headers: _Changes) -> str:
        claims = {name: value for name, value in given.items() if value is not None}
        head = {"typ": typ, "kid": self._kid, **(headers or {})}
        return jwt.encode(claims, self._private, self.alg, headers=head)

    def _role_claim(self, roles: Sequence[str]) -> dict[str, Any]:
        if not roles:
            return {}
        if not self.profile.role_claims:
            text = f"tokens of profile {self.profile.name} have no roles: "
            raise ValueError(f"{text}set role_claims of the profile")
        value: Any = list(roles)
        for name in reversed(self.profile.role_claims[0].split(".")):
            value = {name: value}
        claim: dict[str, Any] = value
        return claim

    def headers(self, token: str | None = None, /, **given: Any) -> dict[str, str]:
        """Return the request header with *token*, or one that says what is *given*."""
        return {"Authorization": f"Bearer {token or self.token(**given)}"}

    def session(self, guard: Guard, /, **token: Any) -> dict[str, str]:
        """Return the request header of somebody who is signed in at *guard*.

        Its session holds a token with the options *token*, as ``token`` takes them;
        it is not refreshed. Raises ``ConfigurationError`` if *guard* has no sessions.
        """
        return session_headers(guard, self.token(**token))

    def dpop(self, alg: str = "ES256") -> DPoPKey:
        """Return a new key of a client (RFC 9449), for tokens bound to it and proofs.

        *alg* is ES256, ES384, ES512, EdDSA, Ed25519, or one of the RS and PS family.
        """
        # Keycloak marks its access tokens otherwise when they are bound.
        marked = self.profile.expect.get("typ") == "Bearer"
        return DPoPKey(alg, issue=self.token, clock=self.clock, keycloak=marked)

    # Ready-made wrong tokens.

    def expired(self, **token: Any) -> str:
        """Return a token that ended an hour ago."""
        return self.token(expires_in=-3600, **token)

    def forged(self, **token: Any) -> str:
        """Return a token with this issuer's key id, signed by somebody else."""
        head, body, _ = self.token(**token).split(".")
        other = jwt.encode({}, new_key(self.alg), self.alg).rpartition(".")[2]
        return f"{head}.{body}.{other}"

    def id_token(self, *, subject: str = "alice", client_id: str = "spa") -> str:
        """Return an ID token (OpenID Connect Core section 2)."""
        profile = self.profile
        gone = (*profile.client_claims, *profile.scope_claims, *profile.expect, "jti")
        claims = {"aud": client_id, **dict.fromkeys(gone), "nonce": "n"}
        return self.token(subject=subject, typ="JWT", claims=claims)

    def logout_token(
        self,
        *,
        subject: str | None = "alice",
        sid: str | None = None,
        client_id: str = "spa",
        claims: _Changes = None,
        headers: _Changes = None,
    ) -> str:
        """Return a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).

        It names a subject, a session or both, and is meant for a client. *claims* and
        *headers* change it as in ``token``. Post it as ``logout_token`` of a form.
        """
        now = int(self.clock.time() + self._skew)
        event = "http://schemas.openid.net/event/backchannel-logout"
        given = {
            "iss": self.url, "aud": client_id, "iat": now, "exp": now + 120,
            "sub": subject, "sid": sid, "jti": secrets.token_hex(8),
            "events": {event: {}}, **(claims or {}),
        }  # fmt: skip
        return self._signed(given, "logout+jwt", headers)

    def wrong_audience(self, **token: Any) -> str:
        """Return a token that is meant for another API."""
        claims = {"aud": "https://other.example", **(token.pop("claims", None) or {})}
        return self.token(claims=claims, **token)

    # What happens to issuers.

    def rotate(self, *, withdraw: bool = False) -> None:
        """Sign with a new key from now on; *withdraw* stops publishing the old ones."""
        self._private = new_key(self.alg)
        self._kid = secrets.token_hex(4)
        if withdraw:
            self.published.clear()
        self.published.append(jwk_of(self._private, self._kid, self.alg))

    def withdraw(self) -> None:
        """Publish the current key alone."""
        del self.published[:-1]

    def down(self) -> None:
        """Answer nothing any more."""
        self._down = True

    def up(self) -> None:
        """Answer again."""
        self._down = False

    def skew(self, seconds: float) -> None:
        """Let the issuer's clock run *seconds* ahead of the guard's."""
        self._skew = seconds

    def jwks(self) -> dict[str, Any]:
        """Return the JWK set (RFC 7517 section 5)."""
        return {"keys": list(self.published)}

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document (RFC 8414 section 2)."""
        return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}

    def transport(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        """Answer the guard's requests, from memory."""
        if self._down:
            raise FetchFailedError(f"{url}: the issuer is down")
        if url == f"{self.url}/jwks":
            with self._lock:
                self.fetches += 1
            return self._answer(self.jwks())
        if url.startswith(self.url) and url.endswith(
            "/.well-known/openid-configuration"
        ):
            return self._answer(self.metadata())
        return Incoming(404, {}, b"")

    def answer(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Incoming:
        """Answer one request; raise ``FetchFailedError`` while the issuer is down."""
        found = self.transport(url, headers, 0)
        return found if method == "GET" else Incoming(405, {"allow": "GET"}, b"")

    def _answer(self, document: Mapping[str, Any]) -> Incoming:
        """Return *document*, dated by this issuer's own clock."""
        date = formatdate(self.clock.time() + self._skew, usegmt=True)
        return Incoming(200, {"date": date}, json.dumps(document).encode())

    def policy(self, **settings: Any) -> Policy:
        """Return a policy that trusts this issuer and lists the client ``spa``."""
        issuer = TrustedIssuer(
            url=self.url, audience=self.audience, profile=self.profile
        )
        spa = Client(id="spa", origins=("https://www.example",), refresh=True)
        return Policy(**{"issuers": (issuer,), "clients": (spa,), **settings})

    def guard(self, **settings: Any) -> Guard:
        """Return a guard by ``policy(**settings)`` that needs no network.

        ``render`` and ``on_event`` are arguments of ``Guard``, and no settings.
        """
        # Typed parameters would make mypy refuse `guard(**settings)` of a dict.
        names = {"render", "on_event"} & settings.keys()
        own = {name: settings.pop(name) for name in names}
        return Guard(
            self.policy(**settings),
            clock=self.clock, transport=self._guard_transport(), **own,
        )  # fmt: skip

    def _guard_transport(self) -> Transport | Sender:
        return self.transport

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve its endpoints over a real socket, for ``JWTGUARD_ISSUER``.

        The issuer is called by the URL that is yielded from now on.
        """
        before = self.url
        try:
            with serve(self) as self.url:
                yield self.url
        finally:
            self.url = before
