"""Endpoints of Starlette and FastAPI that check their caller first."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request

from ..core.authorize.requirements import Requirement, mark
from ..core.authorize.wrapping import note
from ..errors import ConfigurationError
from .starlette_refusals import arequire, require

P = ParamSpec("P")
T = TypeVar("T")

_TYPES = frozenset({"Request", "WebSocket", "HTTPConnection"})
_PARAMETERS = frozenset({"request", "websocket", "conn", "connection"})


def decorator(requirement: Requirement) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return the decorator of endpoints for *requirement*."""

    def decorate(endpoint: Callable[P, T]) -> Callable[P, T]:
        guarded = _guarded(endpoint, requirement)
        mark(guarded, requirement)
        note(endpoint, guarded, requirement)
        return cast(Callable[P, T], guarded)

    return decorate


def _guarded(endpoint: Any, requirement: Requirement) -> Any:
    if inspect.isclass(endpoint):
        return _guarded_class(endpoint, requirement)
    _check_signature(endpoint)
    # What a decorator wraps does not count: Starlette does not look there either.
    if inspect.iscoroutinefunction(_innermost(endpoint)):
        return _guarded_async(endpoint, requirement)
    if requirement.own is not None and requirement.own.is_async:
        return _guarded_by_async(endpoint, requirement)

    @functools.wraps(endpoint)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        require(_connection(args, kwargs), requirement)
        return endpoint(*args, **kwargs)

    return guarded


def _innermost(endpoint: Any) -> Any:
    while isinstance(endpoint, functools.partial):
        endpoint = endpoint.func
    return endpoint


def _guarded_async(endpoint: Any, requirement: Requirement) -> Any:
    @functools.wraps(endpoint)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        await arequire(_connection(args, kwargs), requirement)
        return await endpoint(*args, **kwargs)

    return guarded


def _guarded_by_async(endpoint: Any, requirement: Requirement) -> Any:
    """A plain endpoint whose check is ``async``: it runs in a thread, as before."""

    # The wrapper has to be async to await the check, so that Starlette no longer sees
    # that the endpoint is not.
    @functools.wraps(endpoint)
    async def guarded(*args: Any, **kwargs: Any) -> Any:
        await arequire(_connection(args, kwargs), requirement)
        return await run_in_threadpool(endpoint, *args, **kwargs)

    return guarded


def _guarded_class(endpoint: Any, requirement: Requirement) -> Any:
    """An HTTPEndpoint or WebSocketEndpoint whose dispatch checks first."""
    if not hasattr(endpoint, "dispatch"):
        raise TypeError(f"{endpoint!r} is not a Starlette endpoint class")

    async def dispatch(self: Any) -> None:
        # Without its body: the endpoint reads that by a request of its own.
        http = self.scope["type"] == "http"
        conn = (Request if http else HTTPConnection)(self.scope)
        await arequire(conn, requirement)
        await super(guarded, self).dispatch()

    members = {
        "dispatch": dispatch,
        "__module__": endpoint.__module__,
        "__doc__": endpoint.__doc__,
        "__qualname__": endpoint.__qualname__,
    }
    # A subclass: changing the class itself would guard every other route that uses it.
    guarded: Any = type(endpoint.__name__, (endpoint,), members)
    return guarded


def _check_signature(endpoint: Callable[..., Any]) -> None:
    for parameter in inspect.signature(endpoint).parameters.values():
        annotation = parameter.annotation
        if isinstance(annotation, str):
            named = annotation.rpartition(".")[2] in _TYPES
        else:
            named = inspect.isclass(annotation) and issubclass(
                annotation, HTTPConnection
            )
        if named or parameter.name in _PARAMETERS:
            return
    raise TypeError(f"{endpoint!r} needs a parameter `request` (or `websocket`)")


def _connection(args: tuple[Any, ...], kwargs: dict[str, Any]) -> HTTPConnection:
    # Starlette passes the request by position, FastAPI by name, and methods put self
    # first.
    for value in (*args, *kwargs.values()):
        if isinstance(value, HTTPConnection):
            return value
    raise ConfigurationError(
        "the endpoint was called without its request; in Flask, import the same names "
        "from jwtguard.flask"
    )
