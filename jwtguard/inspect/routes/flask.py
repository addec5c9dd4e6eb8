"""Flask: the URL map, and what decorators and ``JWTGuard.protect`` have left there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from ...core.authorize.requirements import Requirement, requirements_of
from ...core.authorize.unguarded import decorator_of, unguarded
from .model import Enter, Finding, Found, Place, named
from .probe import Probe, Reached

Go = Callable[[Any, Probe], Reached | None]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def survey(app: Any, place: Place, enter: Enter) -> Iterator[Found]:
    """Yield the routes of a Flask application, or of its own ``wsgi_app``.

    The first leads to the second through whatever has been put in front, the guard
    among it.
    """
    if isinstance(app, Flask):
        yield from enter(app.wsgi_app, place)
        return
    flask: Flask = app.__self__
    if _has_flask_cors(flask):
        text = "flask_cors is superfluous: the guard's CORS fields replace its"
        yield Finding("note", "order", text)
    yield from _skipped(flask)
    for number, rule in enumerate(flask.url_map.iter_rules()):
        yield from _routes(flask, rule, place.at(number))


def resolve(app: Any, probe: Probe, go: Go) -> Reached | None:
    """Follow *probe* through a Flask application: werkzeug matches it.

    An ``HTTPException`` is an answer too (404, 405, a redirect): no view runs.
    """
    if isinstance(app, Flask):
        return go(app.wsgi_app, probe)
    flask: Flask = app.__self__
    try:
        adapter = flask.create_url_adapter(flask.request_class(probe.environ()))
        if adapter is None:
            return None
        rule, parameters = adapter.match(return_rule=True)
    except HTTPException:
        return None
    for number, one in enumerate(flask.url_map.iter_rules()):
        if one is rule:
            return probe.into(number, parameters=parameters).reached()
    return None


def _routes(flask: Flask, rule: Rule, place: Place) -> Iterator[Found]:
    view = flask.view_functions.get(rule.endpoint)
    # Flask adds HEAD to every GET and answers OPTIONS by itself: neither runs another
    # function.
    methods = set(rule.methods or METHODS) - {"HEAD"}
    if getattr(rule, "provide_automatic_options", True):
        methods.discard("OPTIONS")
    shared = (*_blueprint_requirements(flask, rule.endpoint), *requirements_of(view))
    place = _answering(flask, rule, place)
    converters = getattr(rule, "_converters", {})  # werkzeug shows them nowhere else
    fits = {name: one.regex for name, one in converters.items()}
    by_requirements: dict[tuple[Requirement, ...], list[str]] = {}
    for method in sorted(methods):
        # A MethodView has a method for each verb, and decorators may stand on each of
        # them.
        handler = getattr(getattr(view, "view_class", None), method.lower(), None)
        by_requirements.setdefault((*shared, *requirements_of(handler)), []).append(
            method
        )
    for requirements, group in by_requirements.items():
        group_of = (tuple(group), requirements, fits)
        yield place.route(rule.rule, rule.endpoint, *group_of, view=view)


def _answering(flask: Flask, rule: Rule, place: Place) -> Place:
    """Go to the host that *rule* answers for, if there is one."""
    if rule.host:
        return place.on(rule.host)
    name, trusted = flask.config["SERVER_NAME"], flask.config.get("TRUSTED_HOSTS")
    if flask.subdomain_matching and name:
        host = f"{rule.subdomain}.{name}" if rule.subdomain else name
        return place.on(host, only=bool(rule.subdomain))
    # Since Flask 3.1 a host outside of TRUSTED_HOSTS is 400: the examples have to
    # name one that is inside.
    return place.on(trusted[0].lstrip("."), only=False) if trusted else place


def _skipped(flask: Flask) -> Iterator[Finding]:
    """Yield what runs before views without the check that its decorator makes."""
    for group in flask.before_request_funcs.values():
        for function in group:
            if (requirement := unguarded(function)) is not None:
                text = f"{decorator_of(requirement)} has no effect: it stands above "
                yield Finding("wrong", named(function), f"{text}@before_request")


def _blueprint_requirements(flask: Flask, endpoint: str) -> Iterator[Requirement]:
    """Yield what runs before the view: the application's own, and its blueprints'."""
    # Flask keeps the functions of the application itself under None; nested blueprints
    # are named with dots.
    names: list[str | None] = [None]
    parts = endpoint.split(".")[:-1]
    names += [".".join(parts[: end + 1]) for end in range(len(parts))]
    for name in names:
        for function in flask.before_request_funcs.get(name, ()):
            yield from requirements_of(function)


def _has_flask_cors(flask: Flask) -> bool:
    functions = (f for group in flask.after_request_funcs.values() for f in group)
    # By name: flask_cors is not a dependency, so its classes cannot be asked for.
    return any(getattr(f, "__module__", "").startswith("flask_cors") for f in functions)
