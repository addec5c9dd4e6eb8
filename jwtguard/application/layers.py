"""The way from a guard to the router behind it, as far as it can be told from outside.

Whether a request reaches the handler that its method and path lead to is certain only
through objects whose behaviour is known: any other application, router or middleware
may do something else with a path. They are known by their class, without an import.
"""

from __future__ import annotations

from typing import Any

from ..core.authorize.unguarded import name_of

_KNOWN = frozenset({
    "fastapi.middleware.asyncexitstack.AsyncExitStackMiddleware",
    "jwtguard.asgi.GuardMiddleware",
    "jwtguard.wsgi.GuardMiddleware",
    "opentelemetry.instrumentation.asgi.OpenTelemetryMiddleware",
    "sentry_sdk.integrations.asgi.SentryAsgiMiddleware",
    "starlette.middleware.authentication.AuthenticationMiddleware",
    "starlette.middleware.cors.CORSMiddleware",
    "starlette.middleware.errors.ServerErrorMiddleware",
    "starlette.middleware.exceptions.ExceptionMiddleware",
    "starlette.middleware.gzip.GZipMiddleware",
    "starlette.middleware.httpsredirect.HTTPSRedirectMiddleware",
    "starlette.middleware.sessions.SessionMiddleware",
    "starlette.middleware.trustedhost.TrustedHostMiddleware",
    "werkzeug.debug.DebuggedApplication",
    "werkzeug.middleware.lint.LintMiddleware",
    "werkzeug.middleware.profiler.ProfilerMiddleware",
})  # fmt: skip
"""Middleware that hands on method, path and host as they are."""
_FRAMEWORKS = frozenset({
    "fastapi", "flask", "opentelemetry", "sentry_sdk", "starlette", "werkzeug",
})  # fmt: skip
"""And what is put around their methods to measure them."""
_DEEPEST = 50


class UnreadableError(Exception):
    """Where a request goes cannot be told; the text names the object."""


def is_a(thing: Any, module: str, name: str) -> bool:
    """Whether *thing* is of that class, or of one below it."""
    kinds = type(thing).__mro__
    return any(kind.__module__ == module and kind.__name__ == name for kind in kinds)


def own(thing: Any, *methods: str) -> bool:
    """Whether the *methods* of *thing* are those of its framework.

    An attribute of the object itself, or a method of a class below, may do anything.
    """
    # By where they are defined: a subclass that defines one of them may do anything.
    for name in methods:
        made = getattr(type(thing), name, None)
        package = getattr(made, "__module__", "").partition(".")[0]
        if package not in _FRAMEWORKS or name in getattr(thing, "__dict__", {}):
            return False
    return True


def router_behind(app: Any) -> Any:
    """Return the router, or the Flask application, that *app* leads to.

    Raises ``UnreadableError`` if something on the way is not known.
    """
    for _ in range(_DEEPEST):
        if is_a(app, "starlette.routing", "Router"):
            return _checked_router(app)
        if is_a(app, "starlette.applications", "Starlette"):
            app = _router_of(app)
        elif is_flask(app):
            return _flask_of(app)
        elif _class_of(app) in _KNOWN:
            app = app.app
        else:
            break
    raise UnreadableError(name_of(app))


def is_flask(app: Any) -> bool:
    """Whether *app* is a Flask application, or its own ``wsgi_app``."""
    owner = getattr(app, "__self__", app)
    return is_a(owner, "flask.app", "Flask")


def _class_of(app: Any) -> str:
    return f"{type(app).__module__}.{type(app).__name__}"


def _router_of(app: Any) -> Any:
    """Return the router of an application of Starlette or FastAPI."""
    if not own(app, "__call__", "build_middleware_stack"):
        raise UnreadableError(name_of(app))
    # It is not built yet when the guard looks first, so its classes are looked at.
    for middleware in app.user_middleware:
        kind = middleware.cls
        name = f"{kind.__module__}.{getattr(kind, '__qualname__', '')}"
        if name not in _KNOWN:
            raise UnreadableError(name)
    return app.router


def _checked_router(router: Any) -> Any:
    """Return *router* if nothing stands in front of its own ``app``."""
    if not own(router, "__call__", "app"):
        raise UnreadableError(name_of(router))
    # Older versions of Starlette have no middleware around a router.
    layer = getattr(router, "middleware_stack", router.app)
    for _ in range(_DEEPEST):
        if getattr(layer, "__self__", None) is router:
            return router
        if _class_of(layer) not in _KNOWN:
            break
        layer = layer.app
    raise UnreadableError(name_of(layer))


def _flask_of(app: Any) -> Any:
    """Return the Flask application whose ``wsgi_app`` is called at last."""
    owner = getattr(app, "__self__", app)
    methods = ("full_dispatch_request", "dispatch_request", "create_url_adapter")
    if not own(owner, *methods, "__call__"):
        raise UnreadableError(name_of(owner))
    if app is not owner:  # the bound method itself
        module = getattr(app, "__module__", "")
        if getattr(app, "__name__", "") == "wsgi_app" and module.startswith("flask."):
            return owner
        raise UnreadableError(name_of(app))
    # What replaces it may stand in front of other applications as well.
    # `app.wsgi_app = Middleware(app.wsgi_app)`: the application calls that.
    inner = owner.wsgi_app
    if is_flask(inner) and inner.__self__ is owner:
        return _flask_of(inner)
    return router_behind(inner)
