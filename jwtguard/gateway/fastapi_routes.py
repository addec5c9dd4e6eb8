"""Routes of FastAPI, and what their decorators and dependencies require."""

# Annotations are objects in this file, not text: FastAPI reads them, and older versions
# of it do not look up the text of a callable object's.

from collections.abc import Iterator
from typing import Any

import fastapi.routing
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from ..core.authorize.opening import is_opening
from ..core.authorize.requirements import (
    ANY_TOKEN,
    Requirement,
    require_all,
    requirements_of,
)
from ..core.model.principal import Principal
from ..places import PRINCIPAL_KEY
from .starlette_refusals import guard_of


def flat(routes: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each route, and the same as it is reached, included routers unfolded.

    Versions of FastAPI that copy the routes of an included router need no unfolding.
    """
    # Looked up each time and not at import: which version of FastAPI is installed
    # decides.
    contexts = getattr(fastapi.routing, "iter_route_contexts", None)
    if contexts is None:
        yield from ((route, route) for route in routes)
        return
    yield from ((context.original_route, context) for context in contexts(routes))


def requirements_at(route: Any) -> tuple[Requirement, ...]:
    """Return what the decorators and the dependencies of a route require."""
    found = (*requirements_of(route.endpoint), *_of_dependencies(route.dependant))
    return tuple(dict.fromkeys(found))


def login_is_optional(route: Any) -> bool:
    """Whether a route takes callers without a token, too, by a dependency of ours."""
    calls = _called_by(route.dependant)
    optional = any(isinstance(call, OptionalLogin) for call in calls)
    return optional and all(map(is_opening, requirements_at(route)))


class OptionalLogin(SecurityBase):
    """A dependency that shows the lock of *guard*, and returns None without a token."""

    def __init__(self, guard: SecurityBase) -> None:
        self.model = guard.model
        self.scheme_name = guard.scheme_name

    async def __call__(self, conn: HTTPConnection) -> Principal | None:
        """Return the caller, if there is one."""
        guard_of(conn)
        principal: Principal | None = conn.scope[PRINCIPAL_KEY]
        return principal


def _called_by(dependant: Any) -> Iterator[Any]:
    for needed in dependant.dependencies:
        yield needed.call
        yield from _called_by(needed)


def _of_dependencies(dependant: Any) -> Iterator[Requirement]:
    for needed in dependant.dependencies:
        for requirement in requirements_of(needed.call):
            # The guard itself asks for the scopes that it was named with.
            scopes = _scopes(needed) if requirement == ANY_TOKEN else ()
            yield Requirement(require_all, scopes) if scopes else requirement
        yield from _of_dependencies(needed)


def _scopes(dependant: Any) -> tuple[str, ...]:
    # Newer versions keep the scopes of parents and of the dependency itself apart.
    found = getattr(dependant, "security_scopes", None)
    if found is None:
        parents = getattr(dependant, "parent_oauth_scopes", None) or ()
        found = (*parents, *(getattr(dependant, "own_oauth_scopes", None) or ()))
    return tuple(dict.fromkeys(found))
