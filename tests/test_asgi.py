"""ASGI: what applications find in their scope, lifespan, bodies, and sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from jwtguard import ConfigurationError, Guard
from jwtguard.asgi import Anonymous, GuardMiddleware, request_of
from jwtguard.errors import InvalidTokenError, KeysUnavailableError, MissingTokenError
from jwtguard.testing import JWTIssuer
from tests.waiting import HANG

App = Callable[[Any, Any, Any], Any]
PAGE = "https://www.example"


def run(app: App, scope: dict[str, Any], *incoming: dict[str, Any]) -> list[Any]:
    """Run *app* with these messages; return what it sent."""
    waiting, sent = list(incoming), []

    async def receive() -> dict[str, Any]:
        if not waiting:
            await anyio.sleep_forever()
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        with anyio.fail_after(HANG):
            await app(scope, receive, send)

    anyio.run(main)
    return sent


def scope_of(path: str = "/", kind: str = "http", **more: Any) -> dict[str, Any]:
    """Return a scope as servers make them."""
    headers = {"host": "api.example", **more.pop("headers", {})}
    return {
        "type": kind,
        "method": "GET",
        "path": path,
        "scheme": "https" if kind == "http" else "wss",
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        "client": ("192.0.2.1", 1),
        **more,
    }


async def ok(scope: Any, receive: Any, send: Any) -> None:
    """Answer 200."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


# What the application finds.


@pytest.mark.parametrize("path", ["/public", "/optional"])
def test_requests_without_a_token_are_anonymous_on_every_open_path(
    jwt_issuer: JWTIssuer, path: str
) -> None:
    """``scope["user"]`` and ``scope["auth"]`` are there in Starlette's manner."""
    guard = jwt_issuer.guard(public_paths=("/public",), optional_paths=("/optional",))
    scope = scope_of(path)
    assert run(GuardMiddleware(ok, guard), scope)[0]["status"] == 200
    assert scope["jwtguard.principal"] is None
    assert scope["jwtguard.refusal"] is None
    assert isinstance(scope["user"], Anonymous)
    assert not scope["user"].is_authenticated
    assert (scope["user"].display_name, scope["user"].identity) == ("", "")
    assert scope["auth"].scopes == []


def test_a_caller_is_a_starlette_user(jwt_issuer: JWTIssuer, jwt_guard: Guard) -> None:
    """And the scopes of the token are those of ``requires()``."""
    scope = scope_of(headers=jwt_issuer.headers(scope="b a"))
    run(GuardMiddleware(ok, jwt_guard), scope)
    who = scope["user"]
    assert who is scope["jwtguard.principal"]
    assert who.is_authenticated
    assert who.display_name == "alice"
    assert who.identity == f"{jwt_issuer.url} alice"
    assert scope["auth"].scopes == ["authenticated", "a", "b"]


# The path that the wrapped application routes on.


@pytest.mark.parametrize(
    ("path", "root", "status"),
    [
        ("/api/healthz", "/api", 200),
        ("/healthz", "/api", 200),
        ("/healthz", "", 200),
        ("/apihealthz", "/api", 401),
        ("/healthz/healthz", "/healthz", 200),
        ("/api", "/api", 401),
        ("/api/healthz", "", 401),
        ("/api/healthz", "/ap", 401),
    ],
)
def test_root_path_is_taken_off_at_a_segment_boundary(
    jwt_guard: Guard, jwt_issuer: JWTIssuer, path: str, root: str, status: int
) -> None:
    """As routers do it: a public path of a mounted application is its own."""
    guard = jwt_issuer.guard(public_paths=("/healthz",))
    sent = run(GuardMiddleware(ok, guard), scope_of(path, root_path=root))
    assert sent[0]["status"] == status


def test_a_peer_without_address_is_a_unix_socket(jwt_issuer: JWTIssuer) -> None:
    """Which counts as a proxy only where it was named."""
    fields = jwt_issuer.headers() | {"x-forwarded-proto": "https"}
    for proxies, status in (((), 403), (("unix",), 200)):
        guard = jwt_issuer.guard(trusted_proxies=proxies)
        for client in (None, ("", 0)):
            scope = scope_of(headers=fields, client=client, scheme="http")
            assert request_of(scope).peer == "unix"
            assert run(GuardMiddleware(ok, guard), scope)[0]["status"] == status


# A bad configuration.


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> GuardMiddleware:
    """A middleware that found no settings: making it raised nothing."""
    for name in ("ISSUER", "AUDIENCE", "CONFIG"):
        monkeypatch.delenv(f"JWTGUARD_{name}", raising=False)
    return GuardMiddleware(ok)


def test_a_bad_configuration_fails_the_startup(broken: GuardMiddleware) -> None:
    """The server is told why, and so is whoever runs the application by hand."""
    sent: list[Any] = []

    async def main() -> None:
        async def receive() -> dict[str, str]:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message)

        await broken({"type": "lifespan"}, receive, send)

    with pytest.raises(ConfigurationError, match="JWTGUARD_ISSUER"):
        anyio.run(main)
    (message,) = sent
    assert message["type"] == "lifespan.startup.failed"
    assert "JWTGUARD_ISSUER" in message["message"]
    assert "JWTGUARD_AUDIENCE" in message["message"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_without_lifespan_it_is_raised_on_the_first_request(
    broken: GuardMiddleware, kind: str
) -> None:
    """Never a pass; the guard cannot be had either."""
    with pytest.raises(ConfigurationError, match="JWTGUARD_AUDIENCE"):
        run(broken, scope_of(kind=kind))
    with pytest.raises(ConfigurationError, match="JWTGUARD_ISSUER"):
        _ = broken.guard


def test_a_good_one_leaves_lifespan_to_the_application(jwt_guard: Guard) -> None:
    """What a protocol of a later day carries no rule has looked at: it ends here."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    guarded = GuardMiddleware(app, jwt_guard)
    run(guarded, {"type": "lifespan"})
    with pytest.raises(ConfigurationError, match=r"something\.new"):
        run(guarded, {"type": "something.new"})
    assert seen == ["lifespan"]


# Errors that leave the application.


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MissingTokenError("no_credentials"), 401),
        (InvalidTokenError("expired"), 401),
        (KeysUnavailableError(), 503),
    ],
)
def test_our_error_is_answered(
    jwt_issuer: JWTIssuer, error: Exception, status: int
) -> None:
    """``averify`` may raise in a handler that does not catch."""
    guard = jwt_issuer.guard(public_paths=("/",))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise error

    sent = run(GuardMiddleware(app, guard), scope_of())
    assert sent[0]["status"] == status
    assert dict(sent[0]["headers"])[b"vary"] == b"Origin"


def test_after_the_head_it_is_raised(jwt_issuer: JWTIssuer) -> None:
    """Two answers to one request would be worse."""
    guard = jwt_issuer.guard(public_paths=("/",))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await ok(scope, receive, send)
        raise InvalidTokenError("expired")

    with pytest.raises(InvalidTokenError):
        run(GuardMiddleware(app, guard), scope_of())


CONNECT = {"type": "websocket.connect"}


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    ("kinds", "extensions", "expected"),
    [
        ((), {"websocket.http.response": {}}, "websocket.http.response.start"),
        ((), {}, "websocket.close"),
        (("websocket.accept",), {}, "websocket.close"),
        (("websocket.accept", "websocket.send"), None, "websocket.close"),
        (("websocket.accept", "websocket.close"), {}, None),
        (("websocket.close",), {}, None),
    ],
)
def test_our_error_ends_a_websocket(
    jwt_issuer: JWTIssuer,
    kinds: tuple[str, ...],
    extensions: Any,
    expected: str | None,
    signed: bool,
) -> None:
    """With a status before accept, with 4401 afterwards, and once."""
    guard = jwt_issuer.guard(optional_paths=("/",))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for kind in kinds:
            await send({"type": kind})
        await guard.averify("rubbish")

    headers = jwt_issuer.headers() if signed else {}
    scope = scope_of(kind="websocket", extensions=extensions, headers=headers)
    sent = run(GuardMiddleware(app, guard), scope, CONNECT)[len(kinds) :]
    if expected is None:
        assert sent == []
        return
    assert sent[0]["type"] == expected
    assert (sent[0].get("status") or sent[0]["code"]) in (401, 4401)


def test_other_errors_of_a_websocket_are_the_servers(jwt_issuer: JWTIssuer) -> None:
    """A bug of the application stays one, and keeps its traceback."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("a bug")

    scope = scope_of(kind="websocket", headers=jwt_issuer.headers())
    with pytest.raises(RuntimeError, match="a bug"):
        run(GuardMiddleware(app, jwt_issuer.guard()), scope, CONNECT)


@pytest.mark.parametrize("left", [True, False])
def test_the_end_of_a_token_troubles_no_socket_that_is_over(
    jwt_issuer: JWTIssuer, left: bool
) -> None:
    """The application hung up before, or the client did: nothing is left to close."""
    guard = jwt_issuer.guard(leeway=0)
    types: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        if not left:
            await send({"type": "websocket.close"})
        assert (await receive())["type"] == "websocket.disconnect"

    async def main() -> None:
        async def receive() -> dict[str, Any]:
            await anyio.sleep_forever()
            return {}

        async def send(message: Any) -> None:
            types.append(message["type"])
            if left and message["type"] == "websocket.close":
                raise OSError("the client has left")

        ends = jwt_issuer.clock.time() + 0.01
        token = jwt_issuer.token(claims={"exp": ends})
        scope = scope_of(kind="websocket", headers={"authorization": f"Bearer {token}"})
        await GuardMiddleware(app, guard)(scope, receive, send)

    anyio.run(main)
    assert types == ["websocket.accept", "websocket.close"]


def test_closing_twice_is_for_the_server_to_judge(
    jwt_issuer: JWTIssuer, jwt_guard: Guard
) -> None:
    """As it would be without a guard."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close"})
        await send({"type": "websocket.close"})

    scope = scope_of(kind="websocket", headers=jwt_issuer.headers())
    assert len(run(GuardMiddleware(app, jwt_guard), scope, CONNECT)) == 2


# Bodies of token paths.


def test_a_body_is_read_no_further_than_its_limit(jwt_issuer: JWTIssuer) -> None:
    """However much more a client would send."""
    guard = jwt_issuer.guard(token_paths=("/token",), max_body_bytes=5)
    scope = scope_of(
        "/token",
        method="POST",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    piece = {"type": "http.request", "body": b"abc", "more_body": True}
    sent = run(GuardMiddleware(ok, guard), scope, piece, piece)
    assert sent[0]["status"] == 413


def test_the_application_gets_the_judged_body_and_then_what_follows(
    jwt_issuer: JWTIssuer,
) -> None:
    """Byte for byte in one piece; a disconnect afterwards is still seen."""
    guard = jwt_issuer.guard(token_paths=("/token",))
    body = b"grant_type=password&client_id=spa"
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([await receive(), await receive()])
        await ok(scope, receive, send)

    scope = scope_of(
        "/token",
        method="POST",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    pieces: list[dict[str, Any]] = [
        {"type": "http.request", "body": body[:9], "more_body": True},
        {"type": "http.request", "body": body[9:]},
        {"type": "http.disconnect"},
    ]
    sent = run(GuardMiddleware(app, guard), scope, *pieces)
    assert sent[0]["status"] == 200
    assert seen[0] == {"type": "http.request", "body": body, "more_body": False}
    assert seen[1] == {"type": "http.disconnect"}


# Answers to preflights of public paths.


@pytest.mark.parametrize("grants", [True, False])
def test_a_preflight_of_a_public_path_goes_to_the_application(
    jwt_issuer: JWTIssuer, grants: bool
) -> None:
    """Its answer stands if it grants an origin; else ours replaces it whole."""
    guard = jwt_issuer.guard(public_paths=("/",))
    theirs = [(b"Access-Control-Allow-Origin", b"*")] if grants else []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": theirs})
        await send({"type": "http.response.body", "body": b"theirs"})

    scope = scope_of(
        method="OPTIONS",
        headers={
            "origin": "https://www.example",
            "access-control-request-method": "GET",
        },
    )
    sent = run(GuardMiddleware(app, guard), scope)
    bodies = b"".join(m.get("body", b"") for m in sent)
    assert (sent[0]["status"], bodies) == ((200, b"theirs") if grants else (204, b""))


def test_a_preflight_is_not_answered_with_our_error(jwt_issuer: JWTIssuer) -> None:
    """The browser would take it for a no, and never send the request itself."""
    guard = jwt_issuer.guard(public_paths=("/",))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise MissingTokenError("no_credentials")

    asked = {"origin": PAGE, "access-control-request-method": "GET"}
    scope = scope_of(method="OPTIONS", headers=asked)
    sent = run(GuardMiddleware(app, guard), scope)
    assert sent[0]["status"] == 204
    assert dict(sent[0]["headers"])[b"access-control-allow-origin"] == PAGE.encode()


# Header fields of answers.


@pytest.mark.parametrize("more", [(), ((b"vary", b"Accept"),)])
def test_an_answer_does_not_lose_the_fields_that_come_from_an_iterator(
    jwt_issuer: JWTIssuer, more: tuple[tuple[bytes, bytes], ...]
) -> None:
    """ASGI lets ``headers`` be any iterable, so it is gone through once."""
    guard = jwt_issuer.guard(public_paths=("/",))
    theirs = ((b"set-cookie", b"a=b"), *more, (b"x-frame-options", b"DENY"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": iter(theirs)})

    (start,) = run(GuardMiddleware(app, guard), scope_of())
    assert set(theirs) - set(more) <= set(start["headers"])
