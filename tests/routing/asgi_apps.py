"""The same handlers in the frameworks that speak ASGI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import falcon.asgi
from fastapi import FastAPI
from litestar import Litestar, get
from quart import Quart
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.routing import django_apps
from tests.routing.handlers import ran, written


def _routes() -> list[Route]:
    def route(name: str, path: str) -> Route:
        async def endpoint(_: Any) -> PlainTextResponse:
            return PlainTextResponse(ran(name))

        return Route(path, endpoint)

    paths = written("{one}", "{rest:path}")
    return [route(name, path) for name, path in paths.items()]


def starlette() -> Any:
    """Starlette."""
    return Starlette(routes=_routes())


def mounting() -> Any:
    """Starlette, with all of its routes mounted at the root."""
    return Starlette(routes=[Mount("/", routes=_routes())])


def fastapi() -> Any:
    """FastAPI, with parameters that it reads."""
    app = FastAPI(openapi_url=None)
    for name, path in written("{one}", "{rest:path}").items():

        async def operation(name: str = name) -> str:
            return ran(name)

        app.get(path, name=name)(_fixed(operation, name))
    return app


def _fixed(operation: Any, name: str) -> Any:
    async def endpoint() -> Any:
        return await operation(name)

    return endpoint


def litestar() -> Any:
    """Litestar, which cuts a path at the first occurrence of the root path."""

    def handler(name: str, path: str) -> Any:
        async def endpoint() -> str:
            return ran(name)

        return get(path, name=name)(endpoint)

    paths = written("{one:str}", "{rest:path}")
    handlers = [handler(name, path) for name, path in paths.items()]
    return Litestar(handlers, openapi_config=None, logging_config=None)


def quart() -> Any:
    """Quart, which takes root_path off without a segment boundary."""
    app = Quart("routing", static_folder=None)
    for name, path in written("<one>", "<path:rest>").items():

        async def view(name: str = name, **_: str) -> str:
            return ran(name)

        app.add_url_rule(path, name, view)
    return app


class Resource:
    """Falcon's way to write a handler."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def on_get(self, request: Any, response: Any, **_: str) -> None:
        """Answer."""
        response.text = ran(self._name)


def falcon_app() -> Any:
    """Falcon, which leaves root_path where it is."""
    app: Any = falcon.asgi.App()
    for name, path in written("{one}", "{rest:path}").items():
        app.add_route(path, Resource(name))
    return app


ASGI: Mapping[str, Callable[[], Any]] = {
    "starlette": starlette,
    "mounting": mounting,
    "fastapi": fastapi,
    "litestar": litestar,
    "quart": quart,
    "falcon under ASGI": falcon_app,
    "django under ASGI": django_apps.asgi,
}
