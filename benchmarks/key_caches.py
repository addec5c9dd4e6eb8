"""Who holds keys: jwtguard, and four ways that people use today, as documented.

Each verifies a token, and can be made to believe that time has passed.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import anyio.to_thread
import jwt

from jwtguard import Guard, Policy, TrustedIssuer

from .issuer_process import Issuer


class Clock:
    """Real time, and what was added to it."""

    def __init__(self) -> None:
        self.added = 0.0

    def time(self) -> float:
        """Tokens do not age here: keys do."""
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() + self.added


class KeyCache(ABC):
    """One peer. ``drivers``: how it is run; ``lifetime``: of its keys, in s."""

    name: ClassVar[str]
    drivers: ClassVar[tuple[str, ...]]
    lifetime: ClassVar[float]

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.clock = Clock()
        self.set_up()

    @abstractmethod
    def set_up(self) -> None:
        """Make it, with its defaults."""

    def verify(self, token: str) -> None:
        """Verify *token* in this thread, or raise."""
        raise NotImplementedError

    async def averify(self, token: str) -> None:
        """Verify *token*; a blocking library in a worker thread, as frameworks do."""
        await anyio.to_thread.run_sync(self.verify, token)

    def age(self, seconds: float) -> None:
        """Let *seconds* pass for the keys it holds."""
        self.clock.added += seconds

    async def close(self) -> None:  # noqa: B027  # most have nothing to close
        """Let go of connections."""

    def _decode(self, token: str, key: Any) -> None:
        jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            audience=self.issuer.audience,
            issuer=self.issuer.url,
        )


class JWTGuard(KeyCache):
    """With defaults, but remembering no tokens: each request needs its key."""

    name = "jwtguard"
    drivers = ("threads", "asyncio", "trio")
    lifetime = 600

    def set_up(self) -> None:
        trusted = TrustedIssuer(
            url=self.issuer.url,
            audience=(self.issuer.audience,),
            jwks_url=self.issuer.jwks_url,
        )
        self.guard = Guard(Policy(issuers=(trusted,), token_cache=0), clock=self.clock)

    def verify(self, token: str) -> None:
        self.guard.verify(token)

    async def averify(self, token: str) -> None:
        await self.guard.averify(token)


class PyJWKClient(KeyCache):
    name = "PyJWKClient"
    drivers = ("threads",)
    lifetime = 300

    def set_up(self) -> None:
        self.client = jwt.PyJWKClient(self.issuer.jwks_url)

    def verify(self, token: str) -> None:
        self._decode(token, self.client.get_signing_key_from_jwt(token))

    def age(self, seconds: float) -> None:
        held: Any = self.client.jwk_set_cache
        if held is not None and held.jwk_set_with_timestamp is not None:
            held.jwk_set_with_timestamp.timestamp -= seconds
        state = vars(self.client)
        if state.get("_last_successful_fetch") is not None:
            state["_last_successful_fetch"] -= seconds


class JWKSClient(KeyCache):
    name = "jwks-client"
    drivers = ("asyncio",)
    lifetime = 300

    def set_up(self) -> None:
        import httpware
        import jwks_client

        # Its own defaults, but for a circuit breaker that can be made to age too.
        breaker = httpware.AsyncCircuitBreaker(_now=self.clock.monotonic)
        self.http = httpware.AsyncClient(
            timeout=10.0,
            max_response_body_bytes=1024 * 1024,
            middleware=[breaker, httpware.AsyncRetry()],
        )
        self.client = jwks_client.JWKSClient(
            self.issuer.jwks_url, http_client=self.http, clock=self.clock.monotonic
        )
        self.verifier = jwks_client.JWTVerifier(
            self.client,
            algorithms=["ES256"],
            audience=self.issuer.audience,
            issuer=self.issuer.url,
        )

    async def averify(self, token: str) -> None:
        await self.verifier.verify(token)

    async def close(self) -> None:
        await self.http.aclose()


class PyJWTKeyFetcher(KeyCache):
    name = "pyjwt-key-fetcher"
    drivers = ("asyncio",)
    lifetime = 3600

    def set_up(self) -> None:
        import pyjwt_key_fetcher

        issuer = self.issuer.url
        self.fetcher = pyjwt_key_fetcher.AsyncKeyFetcher(
            valid_issuers=[issuer],
            static_issuer_config={issuer: {"jwks_uri": self.issuer.jwks_url}},
        )
        self._set_age = self._provider_age = 0.0

    async def averify(self, token: str) -> None:
        key = await self.fetcher.get_key(token)
        self._decode(token, key["key"])

    def age(self, seconds: float) -> None:
        """Its ages are constants: 300 s for the set, 3600 s for the provider."""
        from pyjwt_key_fetcher.provider import Provider

        self._set_age += seconds
        self._provider_age += seconds
        if self._set_age >= 300:
            cached: Any = vars(Provider)["_fetch_jwk_map"]
            vars(cached.cache)["_cache"].clear()
            self._set_age = 0.0
        if self._provider_age >= 3600:
            vars(self.fetcher)["_cache"].clear()
            self._provider_age = 0.0

    async def close(self) -> None:
        client: Any = vars(self.fetcher)["_http_client"]
        await client.session.close()


class AuthlibStyle(KeyCache):
    """Fetch the set, import it with Authlib's joserfc, on each request."""

    name = "fetch each time"
    drivers = ("threads",)
    lifetime = 0

    def set_up(self) -> None:
        import requests
        from joserfc import jwk
        from joserfc import jwt as jose

        self._requests, self._jose, self._jwk = requests, jose, jwk

    def verify(self, token: str) -> None:
        answer = self._requests.get(self.issuer.jwks_url, timeout=30)
        answer.raise_for_status()
        keys = self._jwk.KeySet.import_key_set(answer.json())
        claims = self._jose.decode(token, keys, algorithms=["ES256"]).claims
        if claims["iss"] != self.issuer.url or claims["aud"] != self.issuer.audience:
            raise ValueError("not for us")


ALL: tuple[type[KeyCache], ...] = (
    JWTGuard,
    PyJWKClient,
    JWKSClient,
    PyJWTKeyFetcher,
    AuthlibStyle,
)
