"""The same handlers in the frameworks that speak WSGI."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import bottle
import falcon
from flask import Flask

from tests.routing import django_apps
from tests.routing.handlers import ran, written

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # WebOb imports cgi
    from pyramid.config import Configurator
    from pyramid.response import Response


def flask() -> Any:
    """Flask: werkzeug's router."""
    app = Flask("routing", static_folder=None)
    for name, path in written("<one>", "<path:rest>").items():

        def view(name: str = name, **_: str) -> str:
            return ran(name)

        app.add_url_rule(path, name, view)
    return app


def lax_flask() -> Any:
    """Flask that takes a slash at the end for none."""
    app = flask()
    for rule in app.url_map.iter_rules():
        rule.strict_slashes = False
    return app


def bottle_app() -> Any:
    """Bottle, which drops bytes that are not UTF-8."""
    app = bottle.Bottle()
    for name, path in written("<one>", "<rest:path>").items():

        def handler(name: str = name, **_: str) -> str:
            return ran(name)

        app.route(path, callback=handler)
    return app


class Resource:
    """Falcon's way to write a handler."""

    def __init__(self, name: str) -> None:
        self._name = name

    def on_get(self, request: Any, response: Any, **_: str) -> None:
        """Answer."""
        response.text = ran(self._name)


def falcon_app() -> Any:
    """Falcon: a compiled router."""
    app: Any = falcon.App()
    for name, path in written("{one}", "{rest:path}").items():
        app.add_route(path, Resource(name))
    return app


def lax_falcon() -> Any:
    """Falcon that drops a slash at the end."""
    app = falcon_app()
    app.req_options.strip_url_path_trailing_slash = True
    return app


def pyramid() -> Any:
    """Pyramid: regular expressions made of patterns."""
    with Configurator() as config:
        for name, path in written("{one}", "*rest").items():

            def view(request: Any, name: str = name) -> Response:
                return Response(ran(name))

            config.add_route(name, path)
            config.add_view(view, route_name=name)
    return config.make_wsgi_app()


WSGI: Mapping[str, Callable[[], Any]] = {
    "flask": flask,
    "flask without strict slashes": lax_flask,
    "bottle": bottle_app,
    "falcon": falcon_app,
    "falcon that drops a slash": lax_falcon,
    "pyramid": pyramid,
    "django": partial(django_apps.wsgi),
}
