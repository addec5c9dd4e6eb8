"""Requests to handlers that are marked ``@public`` or ``@optional``.

The router is asked before the guard decides, once for each request that looks alike.
Whatever cannot be told leaves the path as it is: a token is needed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..core.authorize.opening import opening_of
from ..core.authorize.unguarded import name_of
from ..core.model.patterns import ambiguous
from ..core.model.request import Request
from ..guard import Guard
from .layers import UnreadableError
from .routed import Found, by_environ, reached

_MOST = 1024
_LONGEST = 400
"""Characters of what a request is remembered by."""
_IN_SCOPE = ("type", "method", "path", "root_path", "scheme")
_IN_ENVIRON = (
    "REQUEST_METHOD", "PATH_INFO", "SCRIPT_NAME", "HTTP_HOST", "SERVER_NAME",
    "SERVER_PORT", "HTTP_UPGRADE", "HTTP_CONNECTION", "wsgi.url_scheme",
)  # fmt: skip
Given = Mapping[str, Any]
"""A request as the server gives it: an ASGI scope, or an environ."""
Read = Callable[..., Request]
Find = Callable[[Any, Given], Found | None]
"""Asks the router behind an application."""


class Opener:
    """Finds out for one middleware which requests lead to a marked handler."""

    def __init__(self, app: Any, find: Find) -> None:
        self._app = app
        self._find = find
        self._keys = _IN_ENVIRON if find is by_environ else _IN_SCOPE
        self._known: dict[Any, Found] = {}
        self._tables: dict[int, tuple[Any, Any]] = {}

    def opened(self, request: Request, guard: Guard, given: Given) -> Request:
        """Return *request*, with what its handler says of itself."""
        if not guard.path_access(request).openable:
            return request
        # Somebody on the way could read it differently, whatever our router says.
        if ambiguous(request.path, request.raw_path):
            return request
        # Nothing of the application runs here, but its router is the application's own
        # code. Whatever it raises would be raised again when the request is routed.
        try:
            found = self._found(request, given)
        except Exception:  # noqa: BLE001  # a router that fails answers by itself
            return request
        opening = found.opening if found is not None else ""
        return request._replace(opened=opening) if opening else request

    def reading(self, read: Read, guard: Guard) -> Read:
        """Return *read* with what the handler says of itself added to the request."""

        def reading(given: Any, *how: Any) -> Request:
            return self.opened(read(given, *how), guard, given)

        return reading

    def _found(self, request: Request, given: Given) -> Found | None:
        # Routers choose by host, too.
        host = request.headers.get("host", ())
        key = (*(given.get(name) for name in self._keys), *host)
        # Strangers choose paths and hosts: what is kept is bounded in number and size.
        if sum(len(str(part)) for part in key) > _LONGEST:
            return self._find(self._app, given)
        # The tables may have changed since: another route may stand in the same place,
        # or before it. What is compared is the same objects as a rule, which is fast.
        found = self._known.get(key)
        if found is not None and all(held == seen for held, seen in found.tables):
            return found
        found = self._find(self._app, given)
        if found is not None and found.steady:
            # Simpler than to look for the oldest, and as good: all are found again.
            if len(self._known) >= _MOST:
                self._known.clear()
                self._tables.clear()
            tables = [self._shared(held, seen) for held, seen in found.tables]
            self._known[key] = found._replace(tables=tables)
        return found

    def _shared(self, held: Any, seen: Any) -> tuple[Any, Any]:
        """Return the pair that is kept already, if it says the same: one for all."""
        kept = self._tables.get(id(held))
        if kept is None or kept[0] is not held or kept[1] != seen:
            kept = self._tables[id(held)] = (held, seen)
        return kept


def opener_of(
    app: Any, find: Find, handlers: Iterable[Any]
) -> tuple[Opener | None, list[str]]:
    """Return what asks the router behind *app*, and what is wrong with *handlers*.

    None: no handler is marked, and nothing has to be asked.
    """
    marked = [one for one in handlers if any(map(opening_of, _parts_of(one)))]
    if not marked:
        return None, []
    # By identity: what one handler is equal to does not matter here.
    there: list[Any] = []
    why = "it is not among the routes that the guard can ask about"
    try:
        there += reached(app)
    except UnreadableError as error:
        why = f"{error} stands between the guard and the router"
    lost = [one for one in marked if not any(one is other for other in there)]
    return Opener(app, find), [_problem(one, why) for one in lost]


def _problem(handler: Any, why: str) -> str:
    opening = next(filter(None, map(opening_of, _parts_of(handler))))
    return (
        f"{name_of(handler)}: @{opening} cannot work here, because {why}, so the "
        "guard cannot know in advance which requests reach the handler. Put the guard "
        f"behind that, or list the path in JWTGUARD_{opening.upper()}_PATHS instead"
    )


def _parts_of(handler: Any) -> Iterator[Any]:
    """Yield *handler*, and its methods if it is a class view."""
    yield handler
    # Also what it inherits: such a method is run as if it were its own.
    kind = getattr(handler, "view_class", handler)
    if inspect.isclass(kind):
        for below in kind.__mro__:
            yield from vars(below).values()
