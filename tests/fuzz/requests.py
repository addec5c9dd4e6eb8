"""Any request, through both worlds: one decision, no crash, nothing for strangers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from jwtguard import Client, Guard, Policy, TrustedIssuer
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.core.model.decision import Decision, Respond
from jwtguard.core.model.request import Request
from jwtguard.core.model.scope_rule import ScopeRule
from jwtguard.wsgi import GuardMiddleware as WSGIGuard
from tests.attacks.attacker import AUDIENCE, CLOCK, ONE, PUBLISHED, signed
from tests.fuzz.choices import Choices

WWW, EVIL = "https://www.example", "https://evil.example"
TOKEN = signed()
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {
        "token_paths": ["/oauth/token"],
        "revocation_paths": ["/oauth/revoke"],
        "public_paths": ["/static/*"],
        "optional_paths": ["/page"],
        "scopes": [ScopeRule(path="/notes/*", methods=["GET"], require=["admin"])],
        "cookie": "token",
        "trusted_proxies": ["10.0.0.0/8"],
    },
    {
        "cookie": "token",
        "clients_only": True,
        "origins_claim": "origins",
        "login_url": "/login",
    },
)
GUARDS = tuple(
    tuple(
        Guard(
            Policy(
                audience=[AUDIENCE],
                issuers=[TrustedIssuer(url=ONE, keys=PUBLISHED)],
                clients=[
                    Client(id="spa", origins=[WWW], refresh=True, credentials=True),
                    Client(id="batch"),
                ],
                token_cache=size,
                **settings,
            ),
            clock=CLOCK,
        )
        for size in (4096, 0)
    )
    for settings in SETTINGS
)
"""Each policy twice: with a memory for tokens, and without."""
POOL: Mapping[str, tuple[str, ...]] = {
    "authorization": (f"Bearer {TOKEN}", "Bearer x", "Basic c3BhOng=", "Bearer", ""),
    "cookie": (f"token={TOKEN}", "token=x; token=y", "a=b", "token"),
    "origin": (WWW, EVIL, "null", "", "*", f"{WWW}, {EVIL}"),
    "host": ("api.example", "localhost", "[::1]:80", ""),
    "content-type": ("application/x-www-form-urlencoded", "text/plain"),
    "content-length": ("0", "9", "-1", "x", "9" * 30),
    "content-encoding": ("gzip", "identity"),
    "access-control-request-method": ("GET", "PUT", ""),
    "sec-fetch-site": ("same-origin", "same-site", "cross-site", "none"),
    "sec-fetch-mode": ("navigate", "cors"),
    "sec-fetch-dest": ("document", "iframe"),
    "x-forwarded-proto": ("https", "http", "https,http"),
    "x-forwarded-for": ("127.0.0.1", "10.0.0.1, 192.0.2.1", "x"),
    "forwarded": ("proto=https",),
    "via": ("1.1 x",),
}
AUTHORIZATIONS = (f"Bearer {TOKEN}",) * 3 + POOL["authorization"]
PATHS = (
    "/", "/notes/1", "/oauth/token", "/oauth/revoke", "/static/x", "/page", "/login",
    "/\ud800",
)  # fmt: skip
METHODS = ("GET", "POST", "OPTIONS", "HEAD", "DELETE", "get", "TRACE", "QUERY")
PEERS = ("192.0.2.1", "127.0.0.1", "10.0.0.1", "::1", "unix", "x", "::ffff:10.0.0.1")
BODIES = (
    b"",
    b"grant_type=password&client_id=spa",
    b"grant_type=refresh_token&client_id=spa",
    b"token=x&client_id=batch",
    b"\xff",
    b"a=1&a=2",
)


def make_request(choices: Choices) -> tuple[Request, bytes]:
    """Return a request as an adapter would make it, and its body."""
    headers = {
        name: (choices.spliced(choices.pick(POOL[name])),)
        for name in choices.some([*POOL], 6)
    }
    if not choices.maybe():
        headers["authorization"] = (choices.pick(AUTHORIZATIONS),)
    path = choices.pick(PATHS)
    path = choices.spliced(path) + choices.text(6) if choices.maybe() else path
    body = choices.pick(BODIES) + (choices.octets(40) if choices.maybe() else b"")
    made = Request(
        method=choices.pick(METHODS),
        path=path,
        headers=headers,
        scheme=choices.pick(("https", "https", "https", "http")),
        peer=choices.pick(PEERS),
        query=choices.text(8) if choices.maybe() else "",
        raw_path=choices.pick((None, path, path + "%2f")),
    )
    return made, body


def request(data: bytes) -> None:
    """Threads and event loops decide alike, and with a memory as without one.

    No crash; strangers read nothing.
    """
    choices = Choices(data)
    guard, forgetful = choices.pick(GUARDS)
    made, body = make_request(choices)
    decision = guard.decide(made, lambda limit: body[: limit + 1])
    assert decision == _adecided(guard, made, body), "threads and event loops differ"
    anew = forgetful.decide(made, lambda limit: body[: limit + 1])
    assert decision == anew, "what is remembered changes the decision"
    if isinstance(decision, Respond):
        _check(decision.status, decision.headers, made, guard)
    _check(*_by_wsgi(guard, made, body), made, guard)
    _check(*_by_asgi(guard, made, body), made, guard)


def _adecided(guard: Guard, made: Request, body: bytes) -> Decision:
    async def read(limit: int) -> bytes | None:
        return body[: limit + 1]

    found: Decision = _finish(guard.adecide(made, read))
    return found


def _finish(coroutine: Any) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits, although everything is there")


def _check(status: int, headers: Any, made: Request, guard: Guard) -> None:
    assert status < 500, status
    fields = [(name.lower(), value) for name, value in headers]
    allowed = [value for name, value in fields if name == "access-control-allow-origin"]
    assert not allowed or allowed == list(made.headers["origin"])
    if allowed not in ([], [WWW]):  # only a preflight, and it promises nothing
        assert guard.policy.origins_claim
        assert made.method == "OPTIONS"
        assert "access-control-allow-credentials" not in dict(fields)
    assert all("\n" not in value and "\r" not in value for _, value in fields)
    assert TOKEN not in str(fields)
    assert any(name == "vary" for name, _ in fields)
    for target in (value for name, value in fields if name == "location"):
        assert target.partition("?")[0] == "/login"
        assert target.isascii()


def _by_wsgi(guard: Guard, made: Request, body: bytes) -> tuple[int, Any]:
    found: list[Any] = []

    def start(status: str, headers: Any, _: Any = None) -> Any:
        found[:] = [int(status[:3]), headers]

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return []

    environ = {
        "REQUEST_METHOD": made.method,
        "PATH_INFO": made.path,
        "QUERY_STRING": made.query,
        "REMOTE_ADDR": "" if made.peer == "unix" else made.peer,
        "wsgi.url_scheme": made.scheme,
        "wsgi.input": io.BytesIO(body),
    }
    for name, values in made.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = values[0]
    if "content-encoding" in made.headers:
        environ["HTTP_CONTENT_ENCODING"] = environ.pop("CONTENT_ENCODING")
    list(WSGIGuard(app, guard)(environ, start))
    return found[0], found[1]


def _by_asgi(guard: Guard, made: Request, body: bytes) -> tuple[int, Any]:
    found: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        found.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    headers = [
        (name.encode(), value.encode("latin-1"))
        for name, values in made.headers.items()
        for value in values
    ]
    raw = made.raw_path
    scope = {
        "type": "http",
        "method": made.method,
        "path": made.path,
        "raw_path": raw.encode("latin-1", "replace") if raw is not None else None,
        "query_string": made.query.encode("latin-1"),
        "scheme": made.scheme,
        "client": None if made.peer == "unix" else (made.peer, 1),
        "headers": headers,
    }
    _finish(ASGIGuard(app, guard)(scope, receive, send))
    start = found[0]
    fields = [
        (name.decode(), value.decode("latin-1")) for name, value in start["headers"]
    ]
    return start["status"], fields
