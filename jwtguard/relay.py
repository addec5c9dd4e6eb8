"""The token endpoint in front of an issuer (RFC 6749 section 3.2, RFC 7009).

The browser talks to this API's own origin; the relay checks who asks and from where,
slows guessing down, and hands the form on. It is nobody's deputy: two grants, listed
clients, named fields.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Generator, Iterable, MutableMapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from .asgi import read_body as aread_body
from .asgi import request_of as asgi_request_of
from .asgi import respond as arespond
from .core.cors import VARY, decorate
from .core.discovery import FetchFailedError, find_endpoint
from .core.issuers import TrustedIssuer
from .core.messages import Ask, Call, Fields, Grant, Request, Respond
from .core.origins import client_address
from .errors import AuthError, ConfigurationError, GrantError
from .fetch import FAILURES, HTTPTransport, drive
from .guard import Guard
from .guesses import Guesses
from .sockets import REFUSED
from .wsgi import read_body, request_of, respond

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TIMEOUT = 10.0
"""Seconds that the issuer has for its answer."""
_GRANTS = frozenset({"password", "refresh_token"})
_KEPT_BACK = frozenset(
    {
        # of the connection, or of how the body was packed (RFC 9110 section 7.6.1)
        "connection", "content-encoding", "content-length", "keep-alive",
        "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade", "date", "server", "via",
        # for the issuer's own host: from here they would bind ours
        "alt-svc", "clear-site-data", "nel", "report-to", "reporting-endpoints",
        "set-cookie", "set-cookie2", "strict-transport-security",
    }
)  # fmt: skip


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
        self._guesses = Guesses(
            policy.relay_limit,
            policy.relay_limit_storage,
            self.guard.emit,
            self.guard.clock,
        )
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
        if scope["type"] == "websocket":  # whoever mounts us hands these on too
            await receive()
            await send({"type": "websocket.close", "code": REFUSED})
            return
        if scope["type"] != "http":
            raise ConfigurationError(f"TokenRelay serves http, not {scope['type']}")
        flow = self._relay(asgi_request_of(scope))
        answer = await self.guard.arun(flow, lambda limit: aread_body(receive, limit))
        await arespond(answer, send)

    def _relay(self, request: Request) -> Generator[Ask, Any, Respond]:
        """Judge, count, hand on."""
        last = request.path.rstrip("/").rpartition("/")[2]
        if last not in ("", "token", "revoke"):
            return Respond(404, (("Content-Length", "0"), VARY))
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
        if grant.grant_type != "password":
            return
        address = client_address(request, tuple(self.guard.policy.proxies))
        name = grant.form.get("username", [""])[0]
        wait = yield Call(lambda: self._guesses.count(name, address))
        if wait:
            headers = (("Retry-After", str(wait)),)
            raise GrantError(
                "too_many_guesses",
                status=429,
                code="temporarily_unavailable",
                headers=headers,
            )


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
            except (FetchFailedError, *FAILURES) as error:
                refusal = _broken("issuer_unreachable", 502)
                refusal.detail = type(error).__name__  # its text may name a proxy
                return refusal

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
        """One client for each process: connections do not survive a fork.

        It keeps no cookies: one caller's would go along with the next caller's request.
        """
        pid = os.getpid()
        if pid not in self._clients:
            nobodys = CookieJar(DefaultCookiePolicy(allowed_domains=()))
            self._clients[pid] = httpx.Client(
                timeout=TIMEOUT, transport=self._transport, cookies=nobodys
            )
        return self._clients[pid]


def _handed_back(got: httpx.Response) -> Fields:
    raw = ((n.decode("latin-1"), v.decode("latin-1")) for n, v in got.headers.raw)
    kept = [
        (name, value)
        for name, value in raw
        if name.lower() not in _KEPT_BACK
        and not name.lower().startswith("access-control-")
    ]
    return (*kept, ("Content-Length", str(len(got.content))))


def _broken(reason: str, status: int) -> GrantError:
    return GrantError(reason, status=status, code="temporarily_unavailable")
