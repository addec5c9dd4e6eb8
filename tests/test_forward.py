"""The caller's token goes to named servers, and to no other, redirects included."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from jwtguard import ConfigurationError, Guard, JWTGuardError, Principal
from jwtguard.asgi import GuardMiddleware as ASGIGuard
from jwtguard.flask import JWTGuard, current_principal
from jwtguard.forward import BearerForward, BoundTokenError, ForeignTargetError
from jwtguard.starlette import GuardMiddleware, principal_of
from jwtguard.testing import JWTIssuer
from jwtguard.wsgi import GuardMiddleware as WSGIGuard

API, OTHER = "https://api.example", "https://other.example"
ALICE = Principal(subject="alice", issuer="i", token="a.b.c")
Answer = Callable[[httpx.Request], httpx.Response]


class Net:
    """A network of handlers that keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.moved: dict[str, str] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.seen.append((url, request.headers.get("authorization")))
        if url in self.moved:
            return httpx.Response(307, headers={"Location": self.moved[url]})
        return httpx.Response(200)

    def carried(self, start: str) -> bool:
        """Whether the token was on any request to a URL that begins with *start*."""
        return any(token and url.startswith(start) for url, token in self.seen)


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def client(net: Net) -> Iterator[httpx.Client]:
    with httpx.Client(
        transport=httpx.MockTransport(net), follow_redirects=True
    ) as made:
        yield made


def test_the_token_goes_to_the_named_server(net: Net, client: httpx.Client) -> None:
    """With the principal's own token, on every path of it."""
    forward = BearerForward(ALICE, API, OTHER)
    for url in (f"{API}/notes?x=1", f"{API}:443/", f"{OTHER}/", "HTTPS://API.example/"):
        assert client.get(url, auth=forward).status_code == 200
    assert {token for _, token in net.seen} == {"Bearer a.b.c"}


FOREIGN = [
    "http://api.example/",
    "https://api.example:8443/",
    "https://api.example.evil/",
]
FOREIGN += [
    "https://evil.example/https://api.example",
    "https://api.example@evil.example/",
]
FOREIGN += ["https://apiXexample/", "https://evil.example/?https://api.example/"]
FOREIGN += ["https://sub.api.example/", "https://evil.example#@api.example/"]
FOREIGN += ["https://api.example%2eevil.example/", "https://api.example./"]


@pytest.mark.parametrize("url", FOREIGN)
def test_any_other_target_raises_before_anything_is_sent(
    net: Net, client: httpx.Client, url: str
) -> None:
    """Another scheme, port or host, and whatever only looks like the right one."""
    with pytest.raises((ForeignTargetError, httpx.InvalidURL)):
        client.get(url, auth=BearerForward(ALICE, API))
    assert net.seen == []


def test_a_redirect_on_the_same_server_is_followed(
    net: Net, client: httpx.Client
) -> None:
    """The token goes along."""
    net.moved[f"{API}/a"] = f"{API}/b"
    client.get(f"{API}/a", auth=BearerForward(ALICE, API))
    assert net.seen == [(f"{API}/a", "Bearer a.b.c"), (f"{API}/b", "Bearer a.b.c")]


@pytest.mark.parametrize("target", [f"{OTHER}/b", "http://api.example/b", f"{API}:1/b"])
def test_a_redirect_elsewhere_raises_and_carries_no_token(
    net: Net, client: httpx.Client, target: str
) -> None:
    """Also where it comes back home in the end."""
    net.moved = {f"{API}/a": target, target: f"{API}/c"}
    with pytest.raises(ForeignTargetError):
        client.get(f"{API}/a", auth=BearerForward(ALICE, API))
    assert not net.carried(target)


def test_an_upgrade_to_https_does_not_carry_the_token_to_an_unnamed_origin(
    net: Net, client: httpx.Client
) -> None:
    """httpx keeps credentials when http moves to https on one host."""
    net.moved["http://localhost/a"] = "https://localhost/a"
    with pytest.raises(ForeignTargetError):
        client.get("http://localhost/a", auth=BearerForward(ALICE, "http://localhost"))


def test_an_async_client_is_held_to_the_same(net: Net) -> None:
    """Same object, same rules."""
    net.moved[f"{API}/a"] = f"{OTHER}/b"

    async def run() -> None:
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(net), follow_redirects=True
        ) as client:
            forward = BearerForward(ALICE, API)
            assert (await client.get(f"{API}/x", auth=forward)).status_code == 200
            for url in (f"{OTHER}/", f"{API}/a"):
                with pytest.raises(ForeignTargetError):
                    await client.get(url, auth=forward)

    anyio.run(run)
    assert net.carried(f"{API}/x")
    assert not net.carried(OTHER)


def test_a_client_may_use_it_for_all_its_requests(net: Net) -> None:
    """As ``auth=`` of the client."""
    transport = httpx.MockTransport(net)
    with httpx.Client(transport=transport, auth=BearerForward(ALICE, API)) as client:
        client.get(f"{API}/a")
        with pytest.raises(ForeignTargetError):
            client.get(f"{OTHER}/a")
    assert net.seen == [(f"{API}/a", "Bearer a.b.c")]


def test_it_is_a_plain_callable_on_a_request() -> None:
    """For clients that are not httpx but take a callable."""
    headers: dict[str, str] = {}
    request = SimpleNamespace(url=f"{API}/x", headers=headers)
    assert BearerForward(ALICE, API)(request) is request
    assert headers == {"Authorization": "Bearer a.b.c"}
    foreign = SimpleNamespace(url=f"{OTHER}/x", headers={})
    with pytest.raises(ForeignTargetError):
        BearerForward(ALICE, API)(foreign)
    assert foreign.headers == {}


@pytest.mark.parametrize(
    "origin",
    [
        "http://api.example",
        "https://api.example/",
        "https://API.example",
        "api.example",
        "*",
        "",
        "https://*.example",
        "https://u@api.example",
        "ftp://api.example",
        "http://localhost.evil.example",
        "capacitor://localhost.evil.example",
        "capacitor://localhost",
        "ws://localhost",
    ],
)
def test_only_https_and_loopback_origins_can_be_named(origin: str) -> None:
    """Anything else is a mistake at start-up."""
    with pytest.raises(ConfigurationError, match="BearerForward"):
        BearerForward(ALICE, API, origin)


@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://127.0.0.1:1"])
def test_loopback_may_be_plain(net: Net, client: httpx.Client, origin: str) -> None:
    """For development."""
    client.get(f"{origin}/x", auth=BearerForward(ALICE, origin))
    assert net.carried(origin)


def test_it_needs_to_know_where_to() -> None:
    """No origins would mean none, or all: neither is a setting."""
    with pytest.raises(ConfigurationError, match="at least one origin"):
        BearerForward(ALICE)


def test_its_errors_hold_no_token() -> None:
    """They end in logs."""
    forward = BearerForward(ALICE, API)
    with pytest.raises(JWTGuardError) as caught:
        forward(httpx.Request("GET", f"{OTHER}/?token=secret"))
    assert "a.b.c" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "a.b.c" not in repr(forward)


@pytest.mark.parametrize(
    "facts", [{"jkt": "k"}, {"x5t": "c"}, {"jkt": "k", "x5t": "c"}]
)
def test_a_bound_token_is_not_forwarded(facts: dict[str, Any]) -> None:
    """The other server would refuse it; the message says what works instead."""
    bound = Principal.of(ALICE.facts.replace(**facts), "a.b.c")
    with pytest.raises(TypeError, match="sessions") as caught:
        BearerForward(bound, API)
    assert isinstance(caught.value, BoundTokenError)
    assert "a.b.c" not in str(caught.value)


def _wsgi(guard: Guard) -> httpx.BaseTransport:
    def app(environ: dict[str, Any], _: object) -> list[bytes]:
        BearerForward(environ["jwtguard.principal"], API)
        raise AssertionError("a bound token was sent on")

    return httpx.WSGITransport(WSGIGuard(app, guard), raise_app_exceptions=False)


def _flask(guard: Guard) -> httpx.BaseTransport:
    app = Flask(__name__)
    JWTGuard(app, guard=guard)

    @app.get("/notes")
    def notes() -> str:
        BearerForward(current_principal, API)
        raise AssertionError("a bound token was sent on")

    return httpx.WSGITransport(app, raise_app_exceptions=False)


@pytest.mark.parametrize("adapter", [_wsgi, _flask])
@pytest.mark.parametrize("dpop", ["accept", "require"])
def test_a_bound_token_that_would_be_sent_on_is_refused(
    adapter: Callable[[Guard], httpx.BaseTransport], dpop: str, jwt_issuer: JWTIssuer
) -> None:
    """The caller chose the token, so the answer is 401 and not 500."""
    guard = jwt_issuer.guard(dpop=dpop, public_url=API)
    headers = jwt_issuer.dpop().headers("GET", f"{API}/notes")
    with httpx.Client(transport=adapter(guard), base_url=API) as client:
        _refused(client.get("/notes", headers=headers))


def _asgi(guard: Guard) -> Any:
    async def app(scope: Any, _receive: object, _send: object) -> None:
        BearerForward(scope["jwtguard.principal"], API)
        raise AssertionError("a bound token was sent on")

    return ASGIGuard(app, guard)


def _starlette(guard: Guard) -> Any:
    def notes(request: Request) -> Response:
        BearerForward(principal_of(request), API)
        raise AssertionError("a bound token was sent on")

    inside = Middleware(GuardMiddleware, guard=guard)
    return Starlette(routes=[Route("/notes", notes)], middleware=[inside])


def _around_starlette(guard: Guard) -> Any:
    def notes(request: Request) -> Response:
        BearerForward(principal_of(request), API)
        raise AssertionError("a bound token was sent on")

    return GuardMiddleware(Starlette(routes=[Route("/notes", notes)]), guard)


@pytest.mark.parametrize("adapter", [_asgi, _starlette, _around_starlette])
def test_it_is_refused_in_asgi_too(
    adapter: Callable[[Guard], Any], jwt_issuer: JWTIssuer
) -> None:
    """A guard inside of Starlette and one around it answer the same."""
    guard = jwt_issuer.guard(public_url=API)
    headers = jwt_issuer.dpop().headers("GET", f"{API}/notes")
    client = TestClient(adapter(guard), API, raise_server_exceptions=False)
    _refused(client.get("/notes", headers=headers))


def _refused(answer: Any) -> None:
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    (challenge,) = answer.headers.get_list("WWW-Authenticate")
    assert challenge.startswith('DPoP realm="api", error="invalid_token"')
    assert "sessions" not in answer.text


def test_the_error_of_a_bound_token_can_be_copied() -> None:
    """Errors cross processes in task queues and in pytest-xdist."""
    again = pickle.loads(pickle.dumps(BoundTokenError()))
    assert (again.reason, str(again)) == ("bound_token", str(BoundTokenError()))
