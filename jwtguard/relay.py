"""The token endpoint in front of an issuer (RFC 6749 section 3.2, RFC 7009).

The browser talks to this API's own origin; the relay checks who asks and from where,
slows guessing down, and hands the form on. It is nobody's deputy: two grants, listed
clients, named fields.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Generator, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from .asgi import read_body as aread_body
from .asgi import request_of as asgi_request_of
from .asgi import respond as arespond
from .core.cors import decorate
from .core.discovery import FetchFailedError, find_endpoint
from .core.issuers import TrustedIssuer
from .core.messages import Ask, Call, Fields, Grant, Request, Respond
from .core.origins import client_address
from .errors import AuthError, ConfigurationError, GrantError
from .fetch import HTTPTransport, drive
from .guard import Guard
from .wsgi import read_body, request_of, respond

try:
    from limits import parse
    from limits.errors import ConfigurationError as NoStorageError
    from limits.storage import storage_from_string
    from limits.strategies import MovingWindowRateLimiter
except ImportError as error:
    raise ImportError(
        "jwtguard.relay needs the package limits: install jwtguard-middleware[relay]"
    ) from error

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TIMEOUT = 10.0
"""Seconds that the issuer has for its answer."""
ADDRESS_SHARE = 10
"""One address may guess this many times as often as one user name from it."""
_GRANTS = frozenset({"password", "refresh_token"})
_HANDED_BACK = frozenset(
    {"cache-control", "content-type", "pragma", "retry-after", "www-authenticate"}
)


class TokenRelay:
    """``/oauth/token`` and ``/oauth/revoke`` at your own origin, WSGI or ASGI.

    Mount it at ``/oauth``, and list ``/oauth/*`` in ``public_paths``: it applies the
    rules of token paths itself. *guard* None means ``Guard.from_env()``. The settings
    ``relay_url``, ``relay_client_secret``, ``relay_limit`` and ``relay_limit_storage``
    of its policy count. Raises ``ConfigurationError``.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.guard = guard if guard is not None else Guard.from_env()
        policy = self.guard.policy
        self._limiter = Limiter(policy.relay_limit, policy.relay_limit_storage)
        self._issuer = Upstream(self.guard, transport)

    def wsgi(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serve as a WSGI application."""
        flow = self._relay(request_of(environ))
        answer = self.guard.run(flow, lambda limit: read_body(environ, limit))
        return respond(answer, start_response)

    async def asgi(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Serve as an ASGI application; for HTTP alone."""
        if scope["type"] != "http":
            raise ConfigurationError(f"TokenRelay serves http, not {scope['type']}")
        flow = self._relay(asgi_request_of(scope))
        answer = await self.guard.arun(flow, lambda limit: aread_body(receive, limit))
        await arespond(answer, send)

    def _relay(self, request: Request) -> Generator[Ask, Any, Respond]:
        """Judge, count, hand on."""
        last = request.path.rstrip("/").rpartition("/")[2]
        if last not in ("", "token", "revoke"):
            return Respond(404, (("Content-Length", "0"),))
        revocation = last == "revoke"
        flow = self.guard.flow
        decision = yield from flow.token_request(request, revocation=revocation)
        if isinstance(decision, Respond):
            return decision
        grant, body, fields = decision.grant, decision.body, decision.headers.cors
        try:
            if grant is None or body is None:
                raise GrantError("form_malformed")
            self._check(grant)
            yield from self._slow_down(request, grant)
            proxies = tuple(self.guard.policy.proxies)
            caller = client_address(request, proxies)
            work = self._issuer.asking(request, grant, body, caller)
            answer: Respond | GrantError = yield Call(work)
            if isinstance(answer, GrantError):
                raise answer
        except AuthError as error:
            error.cors = fields
            return flow.refuse(error, request)
        headers = decorate(answer.headers, decision.headers)
        return Respond(answer.status, headers, answer.body)

    def _check(self, grant: Grant) -> None:
        if grant.grant_type and grant.grant_type not in _GRANTS:
            raise GrantError("unsupported_grant", code="unsupported_grant_type")
        named = self.guard.flow.clients.named(grant.client_id or "")
        if not named:
            raise GrantError(
                "grant_client_unknown", status=403, code="unauthorized_client"
            )

    def _slow_down(self, request: Request, grant: Grant) -> Generator[Ask, Any, None]:
        """RFC 6749 section 4.3.2: passwords are not to be tried out here.

        Counted by name and address, and by address: by name alone, anyone could lock
        anyone out.
        """
        if grant.grant_type != "password":
            return
        address = client_address(request, tuple(self.guard.policy.proxies))
        name = grant.form.get("username", [""])[0]
        wait = yield Call(lambda: self._limiter.guess(name, address))
        if wait:
            headers = (("Retry-After", str(wait)),)
            raise GrantError(
                "too_many_guesses",
                status=429,
                code="temporarily_unavailable",
                headers=headers,
            )


class Limiter:
    """Counts password guesses in a moving window, in memory or in Redis."""

    def __init__(self, limit: str, storage: str) -> None:
        try:
            self._limit = parse(limit)
            self._address_limit = type(self._limit)(
                self._limit.amount * ADDRESS_SHARE, self._limit.multiples
            )
            self._window = MovingWindowRateLimiter(storage_from_string(storage))
        except (ValueError, NoStorageError, ImportError) as error:
            raise ConfigurationError(
                f"relay_limit, relay_limit_storage: {error}"
            ) from None

    def guess(self, name: str, address: str) -> int:
        """Count one guess; return the seconds to wait, 0 if it may go on."""
        counted = (
            (self._limit, ("jwtguard", "user", name, address)),
            (self._address_limit, ("jwtguard", "address", address)),
        )
        for limit, key in counted:
            if not self._window.hit(limit, *key):
                reset = self._window.get_window_stats(limit, *key).reset_time
                return max(1, int(reset - time.time()) + 1)
        return 0


class Upstream:
    """The issuer's own endpoints: found, asked once, never followed elsewhere."""

    def __init__(self, guard: Guard, transport: httpx.BaseTransport | None) -> None:
        self._guard = guard
        self._transport = transport
        self._clients: dict[int, httpx.Client] = {}
        self._endpoints: dict[tuple[str, str], str] = {}

    def asking(
        self, request: Request, grant: Grant, body: bytes, caller: str
    ) -> Callable[[], Respond | GrantError]:
        """Return the work of handing the form on; it returns errors, not raises."""

        def ask() -> Respond | GrantError:
            try:
                return self._ask(request, grant, body, caller)
            except httpx.TimeoutException:
                return _broken("issuer_timeout", 504)
            except (httpx.HTTPError, httpx.InvalidURL, FetchFailedError):
                return _broken("issuer_unreachable", 502)

        return ask

    def _ask(self, request: Request, grant: Grant, body: bytes, caller: str) -> Respond:
        secret = self._guard.policy.relay_client_secret
        if secret and not grant.authenticated:
            body += b"&" + urlencode({"client_secret": secret}).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
            "User-Agent": "jwtguard",
            "X-Forwarded-For": caller,
        }
        authorization = request.header("authorization") or ""
        if authorization[:6].lower() == "basic ":
            headers["Authorization"] = authorization
        got = self._client().post(self._url(grant), content=body, headers=headers)
        if got.is_redirect:
            raise FetchFailedError("the token endpoint redirects")
        return Respond(got.status_code, _handed_back(got), got.content)

    def _url(self, grant: Grant) -> str:
        policy = self._guard.policy
        if grant.grant_type and policy.relay_url:
            return policy.relay_url
        name = "token_endpoint" if grant.grant_type else "revocation_endpoint"
        issuer = self._issuer_of(grant)
        key = (issuer.url, name)
        if key not in self._endpoints:
            flow = find_endpoint(issuer, name, policy.http_hosts)
            self._endpoints[key] = drive(flow, HTTPTransport(), lambda: TIMEOUT)
        return self._endpoints[key]

    def _issuer_of(self, grant: Grant) -> TrustedIssuer:
        listed = self._guard.flow.clients.named(grant.client_id or "")
        names = {client.issuer for client in listed} - {None}
        issuers = tuple(self._guard.policy.issuers)
        if len(names) > 1:
            raise FetchFailedError("the client is listed under several issuers")
        return next((i for i in issuers if i.url in names), issuers[0])

    def _client(self) -> httpx.Client:
        """One client for each process: connections do not survive a fork."""
        pid = os.getpid()
        if pid not in self._clients:
            self._clients[pid] = httpx.Client(
                timeout=TIMEOUT, transport=self._transport
            )
        return self._clients[pid]


def _handed_back(got: httpx.Response) -> Fields:
    kept = [
        (name, value)
        for name, value in got.headers.multi_items()
        if name.lower() in _HANDED_BACK
    ]
    return (*kept, ("Content-Length", str(len(got.content))))


def _broken(reason: str, status: int) -> GrantError:
    return GrantError(reason, status=status, code="temporarily_unavailable")
