"""Where a request may lead elsewhere, ``@public`` is an error at the start."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Mount, Route, Router
from starlette.testclient import TestClient

from jwtguard import ConfigurationError, Guard
from jwtguard.starlette import GuardMiddleware, public
from tests.everyday.opening_support import (
    BASE,
    Around,
    handler,
    statuses,
)


class OwnMatch(Route):
    """A route that matches by something else."""

    def matches(self, scope: Any) -> Any:
        """Match whoever asks with a field."""
        named = any(name == b"x-other" for name, _ in scope["headers"])
        return (Match.FULL, {"endpoint": self.endpoint}) if named else (Match.NONE, {})


class OwnHandle(Route):
    """A route that calls something else."""

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        await PlainTextResponse("secret")(scope, receive, send)


class OwnRouter(Router):
    """A router that routes as it likes."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        await PlainTextResponse("secret")(scope, receive, send)


class Rewriting:
    """A middleware that the guard does not know."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Go elsewhere."""
        await self.app({**scope, "path": "/closed"}, receive, send)


async def dispatch(request: Request, call_next: Any) -> Response:
    request.scope["path"] = "/closed"
    response: Response = await call_next(request)
    return response


def _by(*middleware: Middleware) -> Any:
    return lambda: Starlette(
        routes=[Route("/x", public(handler()))], middleware=middleware
    )


@pytest.mark.parametrize(
    "made",
    [
        _by(Middleware(Rewriting)),
        _by(Middleware(BaseHTTPMiddleware, dispatch=dispatch)),
        _by(Middleware(CORSMiddleware), Middleware(Rewriting)),
        lambda: Starlette(
            routes=[OwnMatch("/y", handler()), Route("/x", public(handler()))]
        ),
        lambda: Starlette(routes=[OwnHandle("/x", public(handler()))]),
        lambda: Starlette(
            routes=[Mount("/m", OwnRouter(routes=[Route("/x", public(handler()))]))]
        ),
        lambda: Starlette(
            routes=[
                Mount(
                    "/m",
                    routes=[Route("/x", public(handler()))],
                    middleware=[Middleware(Rewriting)],
                )
            ]
        ),
    ],
)
def test_what_may_lead_elsewhere_is_an_error_at_the_start(
    made: Any, guard: Guard, around: Around
) -> None:
    """Whatever stands between the guard and the endpoint has to be known."""
    app = around(made(), guard)
    with (
        pytest.raises(ConfigurationError, match="@public cannot work here"),
        TestClient(app),
    ):
        pass
    with pytest.raises(ConfigurationError, match="@public cannot work here"):
        TestClient(app, base_url=BASE).get("/x")


def test_known_middleware_may_stand_between(guard: Guard, around: Around) -> None:
    """CORS, sessions, compression: they hand on the request as it is."""
    known = [Middleware(CORSMiddleware, allow_origins=["*"])]
    app = Starlette(
        routes=[Route("/x", public(handler()))], middleware=known, debug=True
    )
    assert statuses(around(app, guard), "/x") == [200]


def test_outside_of_the_guard_anything_may_stand(guard: Guard) -> None:
    """It changes the request before the guard sees it."""
    app = Starlette(
        routes=[Route("/closed", public(handler()))],
        middleware=[Middleware(Rewriting), Middleware(GuardMiddleware, guard=guard)],
    )
    assert statuses(app, "/anything") == [200]


def test_a_route_class_of_fastapi_that_wraps_is_known(
    guard: Guard, around: Around
) -> None:
    """The way that its documentation shows: the endpoint stays the same."""

    class Timed(APIRoute):
        def get_route_handler(self) -> Any:
            inner = super().get_route_handler()

            async def timed(request: Request) -> Response:
                return await inner(request)

            return timed

    router = APIRouter(route_class=Timed)
    router.get("/x")(public(handler()))
    app = FastAPI()
    app.include_router(router)
    assert statuses(around(app, guard), "/x") == [200]
