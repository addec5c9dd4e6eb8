"""ASGI 3: translate the scope, ask the guard, obey. No rule lives here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from .application.endpoints import Endpoints, Guarding
from .application.interfaces import check_application
from .application.roots import ignores_root_path
from .callers import CALLERS
from .core.authorize.wrapping import NOTED
from .core.model.decision import Proceed, Respond
from .core.model.patterns import below
from .core.model.principal import Principal
from .core.model.proxy_fields import ProxyFields
from .core.model.request import NameTable, Request, is_read, new_request
from .core.respond.decorating import decorated_raw, raw, text, with_outbox_raw
from .errors import AuthError, ConfigurationError
from .gateway.asgi_lifespan import lifespan
from .gateway.asgi_messages import (
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    read_body,
    replaying,
    respond,
    telling,
)
from .gateway.asgi_preflights import replacing
from .gateway.asgi_refusals import teach_all
from .gateway.asgi_streams import EventStream, streaming
from .gateway.certificates import take_from_scope
from .gateway.ending import is_ours
from .gateway.given import guard_or_env
from .guard import Guard
from .places import (
    GUARD_KEY,
    OUTBOX_KEY,
    PRINCIPAL_KEY,
    REFUSAL_KEY,
    REFUSED_KEY,
    REQUEST_KEY,
)
from .websocket import Admitted, deny, serve

__all__ = [
    "GUARD_KEY", "OUTBOX_KEY", "PRINCIPAL_KEY", "REFUSAL_KEY", "GuardMiddleware",
    "introduce", "read_body", "request_of", "respond",
]  # fmt: skip


def _name_of(raw: bytes) -> str | None:
    name = raw.decode("latin-1")
    return name if is_read(name) else None


_NAMES = NameTable(_name_of)


class Anonymous:
    """Nobody, in Starlette's manner."""

    is_authenticated = False
    display_name = ""
    identity = ""


class Credentials:
    """What the caller may do, in Starlette's manner."""

    __slots__ = ("_principal",)

    def __init__(self, principal: Principal | None) -> None:
        self._principal = principal

    @property
    def scopes(self) -> list[str]:
        """The token's scopes, and ``authenticated`` for whoever has a token."""
        if self._principal is None:
            return []
        return ["authenticated", *sorted(self._principal.scopes)]


_ANONYMOUS = Anonymous()
_NO_CREDENTIALS = Credentials(None)


class GuardMiddleware(Guarding):
    """Lets only decided requests and WebSockets through to an ASGI application.

    *guard* None means ``Guard.from_env()``. A bad configuration, a decorator that has
    no effect, and an application that sets a ``root_path`` of its own never raise here,
    as frameworks build middleware inside lifespan: they fail the startup, and are
    raised there and on the first request. Only *app* that is no ASGI application is a
    ``TypeError`` here: no framework passes one.
    """

    def __init__(self, app: ASGIApp, guard: Guard | None = None) -> None:
        check_application(app, "ASGI")
        self.app = app
        self.endpoints = Endpoints(app, teach_all)
        self._whole_path = ignores_root_path(app)
        self._read: Callable[..., Request] = request_of
        self._guard: Guard | None = None
        self._problem: ConfigurationError | None = None
        try:
            self._guard = guard_or_env(guard)
        except ConfigurationError as error:
            self._problem = error

    @property
    def guard(self) -> Guard:
        """The guard; raises ``ConfigurationError`` if it could not be made."""
        if self._guard is None:
            problems = self._problem.problems if self._problem else ()
            raise ConfigurationError(*problems)
        return self._guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on to the application."""
        if scope["type"] != "http" or (CALLERS.noted and CALLERS.misses(scope)):
            await self._other(scope, receive, send)
            return
        guard, known = self._guard or self.guard, self.endpoints
        if known.count != NOTED.count or len(known.table) != known.size:
            self._look(scope)
        request = self._read(scope, self._whole_path, guard.policy.proxy_fields)
        decision = guard.decide_at_once(request)
        if decision is None:
            read = partial(read_body, receive)
            decision = await guard.adecide_in_full(request, read)
        if isinstance(decision, Respond):
            await respond(decision, send)
            return
        refused = _introduce(scope, decision, guard, request)
        if decision.body is not None:
            receive = replaying(decision.body, receive)
            send = telling(send, decision, guard)
        started: list[EventStream | None] = []
        finishing = _decorating if decision.fallback is None else replacing
        outgoing = finishing(send, decision, started, refused, guard)
        try:
            await self.app(scope, receive, outgoing)
        except (AuthError, OSError, ExceptionGroup) as error:
            if isinstance(error, AuthError) and not started:
                answer = guard.refuse(error, request, decision, refused)
                await respond(answer, send)
            elif not is_ours(error):
                raise
        finally:
            if started and started[0] is not None:
                started[0].stop()

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind != "lifespan" and CALLERS.misses(scope):
            with CALLERS.during(scope):
                await self(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind != "lifespan":  # whatever it carries, no rule has looked at it
            raise ConfigurationError(f"GuardMiddleware does not know {kind!r}")
        else:
            await lifespan(self, scope, receive, send)

    def _look(self, scope: Scope) -> None:
        """Check what the application has registered; and what it opens."""
        self.endpoints.check(self.guard, scope.get("app"))
        opener = self.endpoints.opener
        self._read = opener.reading(request_of, self.guard) if opener else request_of

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        guard, known = self.guard, self.endpoints
        if known.count != NOTED.count or len(known.table) != known.size:
            self._look(scope)
        request = self._read(scope, self._whole_path, guard.policy.proxy_fields)
        decision = await guard.adecide(request)
        if isinstance(decision, Respond):
            await receive()  # websocket.connect
            await deny(decision, scope, send)
            return
        refused = _introduce(scope, decision, guard, request)
        admitted = Admitted(guard, request, decision, refused)
        await serve(self.app, scope, receive, send, admitted)


def request_of(
    scope: Scope, whole_path: bool = False, wanted: ProxyFields | None = None
) -> Request:
    """Read what the rules need from *scope*.

    *whole_path*: the application routes on the path as it is, ``root_path`` included.
    *wanted*: fields that proxies set, which are taken out of *scope*.
    """
    headers: dict[str, tuple[str, ...]] = {}
    for raw_name, raw_value in scope["headers"]:
        name = _NAMES[raw_name]
        if name is not None:
            value = (raw_value.decode("latin-1"),)
            headers[name] = headers[name] + value if name in headers else value
    root = "" if whole_path else scope.get("root_path")
    client, raw_path = scope.get("client"), scope.get("raw_path")
    http = scope["type"] == "http"
    request = new_request(
        (
            scope["method"] if http else "GET",
            below(root, scope["path"]) if root else scope["path"],
            headers,
            scope.get("scheme", "http"),
            (client[0] if client else "") or "unix",
            scope.get("query_string", b"").decode("latin-1"),
            raw_path.decode("latin-1") if raw_path is not None else None,
            not http,
            () if http else scope.get("subprotocols", ()),
            root or "",
            None,
            "",
        )
    )
    if wanted is not None:
        request = take_from_scope(request, scope, wanted)
    return request


def _introduce(
    scope: Scope, decision: Proceed, guard: Guard, request: Request
) -> list[AuthError]:
    scope[REFUSAL_KEY] = decision.refusal
    scope[GUARD_KEY] = guard
    scope[OUTBOX_KEY] = decision.outbox
    refused: list[AuthError] = []
    scope[REFUSED_KEY] = refused
    scope[REQUEST_KEY] = request
    introduce(scope, decision.principal)
    return refused


def introduce(scope: Scope, principal: Principal | None) -> None:
    """Tell the application who calls."""
    scope[PRINCIPAL_KEY] = principal
    scope["user"] = _ANONYMOUS if principal is None else principal
    scope["auth"] = _NO_CREDENTIALS if principal is None else Credentials(principal)


def _decorating(
    send: Send,
    decision: Proceed,
    started: list[EventStream | None],
    refused: Sequence[AuthError],
    guard: Guard,
) -> Send:
    """Decorate the head of the application's answer, and note it in *started*."""
    outbox = decision.outbox

    def outgoing(message: Message) -> Awaitable[None]:
        nonlocal send
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))  # an iterator too
            if refused:
                caller, status = decision.principal, message["status"]
                given = raw(guard.handled(refused, status, text(given), caller))
            headers, events = decorated_raw(given, decision.decoration)
            if outbox is not None:
                headers = with_outbox_raw(headers, outbox)
            message["headers"] = headers
            stream = streaming(guard, decision.principal, send) if events else None
            started.append(stream)
            if stream is not None:
                send = stream.send
        return send(message)

    return outgoing
