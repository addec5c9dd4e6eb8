"""What is no application, or no view, is refused where it is handed over."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from flask import Blueprint, Flask
from flask.views import MethodView
from starlette.endpoints import HTTPEndpoint

from jwtguard import Guard, asgi, flask, wsgi


class Class(MethodView):
    """A class-based view."""


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    """Be a WSGI application."""
    return []


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Be an ASGI application."""


async def any_arguments(*args: Any) -> None:
    """Be an ASGI application too."""


class Wrapper:
    """An object that is an ASGI application."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer nobody."""


class WSGIClass:
    """A class whose instances are responses (PEP 3333 shows one)."""

    def __init__(self, environ: Any, start_response: Any) -> None: ...

    def __iter__(self) -> Any: ...


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (
            FastAPI(),
            "fastapi.applications.FastAPI is an ASGI application: use jwtguard",
        ),
        (asgi_app, "asgi_app is an ASGI application: use jwtguard.asgi.GuardMiddlew"),
        (Wrapper(), "Wrapper is an ASGI application"),
        (Flask, "the class flask.app.Flask: pass an application, flask.app.Flask"),
        (None, "not None"),
        ("module:app", "not 'module:app'"),
        (lambda scope: None, "is not WSGI"),
    ],
)
def test_the_wsgi_middleware_takes_wsgi_applications(
    jwt_guard: Guard, app: Any, words: str
) -> None:
    """Told at construction, and not by the first request's 500."""
    with pytest.raises(TypeError, match=words):
        wsgi.GuardMiddleware(app, jwt_guard)


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (Flask("x"), "flask.app.Flask is a WSGI application: use jwtguard.wsgi.Guard"),
        (Flask("x").wsgi_app, "wsgi_app is a WSGI application"),
        (wsgi_app, "wsgi_app is a WSGI application: use jwtguard.wsgi.GuardMiddlew"),
        (FastAPI, "the class fastapi.applications.FastAPI: pass an application"),
        (None, "not None"),
        (lambda scope: None, "is not ASGI"),
    ],
)
def test_the_asgi_middleware_takes_asgi_applications(
    jwt_guard: Guard, app: Any, words: str
) -> None:
    """No framework constructs it with anything else."""
    with pytest.raises(TypeError, match=words):
        asgi.GuardMiddleware(app, jwt_guard)


def test_what_hides_its_signature_is_taken(jwt_guard: Guard) -> None:
    """And classes that are applications."""
    wsgi.GuardMiddleware(WSGIClass, jwt_guard)
    wsgi.GuardMiddleware(lambda *args: [], jwt_guard)
    asgi.GuardMiddleware(HTTPEndpoint, jwt_guard)
    asgi.GuardMiddleware(any_arguments, jwt_guard)
    hidden: Any = min
    asgi.GuardMiddleware(hidden, jwt_guard)


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (FastAPI(), "FastAPI: use the GuardMiddleware of"),
        (Blueprint("b", __name__), "a blueprint: use JWTGuard.protect"),
        (Flask, "the class flask.app.Flask: pass an application"),
        (Flask("x").wsgi_app, "wsgi_app: use the GuardMiddleware of"),
        (None, "this is None"),
    ],
)
def test_jwtguard_takes_flask_applications(
    jwt_guard: Guard, app: Any, words: str
) -> None:
    """``JWTGuard(None)`` is the factory's way; ``init_app(None)`` is not."""
    with pytest.raises(TypeError, match=words):
        flask.JWTGuard(guard=jwt_guard).init_app(app)


@pytest.mark.parametrize("view", [Class, None, "notes"])
def test_a_flask_decorator_takes_views(view: Any) -> None:
    """A class would lose ``as_view``; what registers a class may return it."""
    with pytest.raises(TypeError, match="decorator"):
        flask.require_scope("admin")(view)
