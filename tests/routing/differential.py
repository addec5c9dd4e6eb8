"""Random targets through real routers: the handler that ran was allowed to.

The guard judges a path, and then somebody else's router reads it. Whatever the
spelling, the server and its root path, a handler runs only for a caller who meets the
rule that was written for that handler's own path.
"""

from __future__ import annotations

import asyncio
import atexit
import io
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from jwtguard import Guard, Policy, ScopeRule, TrustedIssuer
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.wsgi import GuardMiddleware as WSGIGuard
from tests.attacks.attacker import AUDIENCE, CLOCK, ONE, PUBLISHED, says
from tests.fuzz.choices import Choices
from tests.routing.asgi_apps import ASGI
from tests.routing.handlers import watched
from tests.routing.wsgi_apps import WSGI

ADMIN = ScopeRule(path="/admin/*", require=["admin"])
KEYS = ScopeRule(path="/users/*/keys", require=["keys"])
ANY = ScopeRule(path="/*")
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "public": {"public_paths": ["/static/*", "/healthz"]},
    "scopes": {
        "public_paths": ["/static/*", "/healthz"],
        "scopes": [ADMIN, KEYS, ANY],
    },
    "open": {"public_paths": ["/*", "/"], "scopes": [ADMIN, KEYS]},
    "optional": {"optional_paths": ["/static/*", "/healthz"], "scopes": [ADMIN, KEYS]},
}
OPEN = ("static", "healthz")
ASKED = {"report": "admin", "keys": "keys"}
CALLERS: Mapping[str, str | None] = {
    "nobody": None,
    "poor": says(scope="notes:read"),
    "rich": says(scope="admin keys"),
}

SEGMENTS = (
    "admin", "report", "users", "7", "keys", "static", "healthz", "notes", "api", "",
    "ADMIN", "Report", "KEYS", "Static", "adm%C4%B1n", "ADM%C4%B0N", "stat%C4%B1c",
    "adm%FFin", "re%FFport", "%FF", "%C3", "adm%69n", "%61dmin", "r%65port", ".", "..",
    "%2e", "%2e%2e", "%2f", "%2Fadmin", "%5c", ";x", "report;x", "report%00",
    "report%0a", "apiadmin", "API", "report.", "report%20", "report%3Fx", "%252e",
    "admin%2freport", "%EF%BF%BD", "key%EF%BD%93", "%E2%84%AAeys", "\u017f", "*",
    "{one}", "x%CC%87", "%",
)  # fmt: skip
WHOLE = (
    "/admin/report", "/users/7/keys", "/static/x", "/static/admin/report", "/healthz",
    "/static/api/admin/report", "/api/static/x", "/apiadmin/report",
    "/api/admin/report", "/notes/1", "/", "admin/report", "//admin/report",
    "http://a/admin/report", "*", "",
)  # fmt: skip
ROOTS = ("", "", "/api", "/api/", "api", "/", "/API", "/static", "/admin", "/a", "/i")


class Target(NamedTuple):
    """What a client sends, and what the server makes of it."""

    path: str
    """As it stands in the request line, without a query."""
    root: str
    prefixed: bool
    """The server puts the root in front of the path, or takes it off from there."""
    raw: bool
    """The server shows the target as it was sent."""


def make_target(choices: Choices) -> Target:
    """Return one target, and a way to serve it."""
    path = choices.pick(WHOLE)
    if choices.maybe() or choices.maybe():
        parts = [choices.pick(SEGMENTS) for _ in range(choices.number(5))]
        path = choices.pick(("/", "/", "/", "")) + "/".join(parts)
    if choices.maybe():
        at, part = choices.number(len(path) + 1), choices.pick(SEGMENTS)
        path = path[:at] + part + path[at:]
    return Target(
        path, choices.pick(ROOTS), choices.number(2) == 1, choices.number(2) == 1
    )


def allowed(settings: str, name: str, caller: str) -> bool:
    """Whether *caller* meets the rule that stands for the handler *name*."""
    if name in ASKED and settings != "public":
        return caller == "rich"
    if settings == "open" or name in OPEN:
        return True
    return caller != "nobody"


def routing(data: bytes) -> None:
    """No handler runs for a caller whom the rule for its path does not let in."""
    choices = Choices(data)
    app = choices.pick([*APPS])
    settings, caller = choices.pick([*SETTINGS]), choices.pick([*CALLERS])
    target = make_target(choices)
    for name in reached(app, settings, caller, target):
        assert allowed(settings, name, caller), (app, settings, caller, target, name)


def reached(app: str, settings: str, caller: str, target: Target) -> list[str]:
    """Return the handlers that a request to *target* runs."""
    send = _by_wsgi if app in WSGI else _by_asgi
    with watched() as names:
        send(_guarded(app, settings), caller, target)
    return list(names)


APPS = {**WSGI, **ASGI}
_MADE: dict[tuple[str, str], Any] = {}


def _guarded(app: str, settings: str) -> Any:
    """Return one application behind one guard, made once."""
    if (app, settings) not in _MADE:
        trusted = TrustedIssuer(url=ONE, keys=PUBLISHED)
        policy = Policy(audience=[AUDIENCE], issuers=[trusted], **SETTINGS[settings])
        guard = Guard(policy, clock=CLOCK)
        made: Any
        if app in WSGI:
            made = WSGIGuard(_calm_wsgi(APPS[app]()), guard)
        else:
            made = ASGIGuard(_Calm(APPS[app]()), guard)
        _MADE[app, settings] = made
    return _MADE[app, settings]


def _calm_wsgi(inner: Any) -> Any:
    """What breaks behind the guard breaks there: it has run, or has not."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            return list(inner(environ, start_response))
        except Exception:  # noqa: BLE001  # a router that chokes on the path
            start_response("500 Broken", [])
            return []

    return app


class _Calm:
    """Middleware as most write it: what it wraps can be seen."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception:  # noqa: BLE001  # a router that chokes on the path
            await send({"type": "http.response.start", "status": 500, "headers": []})


def _by_wsgi(app: Any, caller: str, target: Target) -> None:
    path = unquote_to_bytes(target.path).decode("latin-1")
    root = target.root
    if target.prefixed and root and path.startswith(root):  # as gunicorn does it
        path = path[len(root) :]
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": root,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "api.example",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if target.raw:
        environ["REQUEST_URI"] = target.path
    if CALLERS[caller] is not None:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {CALLERS[caller]}"
    list(app(environ, lambda *_: None))


def _by_asgi(app: Any, caller: str, target: Target) -> None:
    path, root = unquote(target.path), target.root
    if target.prefixed:  # as uvicorn does it
        path = root + path
    headers = [(b"host", b"api.example")]
    if CALLERS[caller] is not None:
        headers.append((b"authorization", f"Bearer {CALLERS[caller]}".encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "query_string": b"",
        "root_path": root,
        "headers": headers,
        "client": ("192.0.2.1", 5000),
        "server": ("api.example", 443),
        "state": {},
    }
    if target.raw:
        scope["raw_path"] = target.path.encode()
    _loop().run(_asked(app, scope))


async def _asked(app: Any, scope: Any) -> None:
    ended = asyncio.Event()
    incoming = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if incoming:
            return incoming.pop()
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            ended.set()

    await app(scope, receive, send)


_LOOPS: list[asyncio.Runner] = []


def _loop() -> asyncio.Runner:
    """Return one event loop for all requests: Django keeps threads for each."""
    if not _LOOPS:
        _LOOPS.append(asyncio.Runner())
        atexit.register(_LOOPS[0].close)
    return _LOOPS[0]
