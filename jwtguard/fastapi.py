"""FastAPI: the OpenAPI face of the middleware (OpenAPI 3.1, OAuth flows, password)."""

# Annotations are objects in this file, not text: FastAPI reads them, and older versions
# of it do not look up the text of a callable object's.

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import FastAPI, Security
from fastapi.openapi.models import OAuth2, OAuthFlowPassword, OAuthFlows
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from . import rules
from .core.authorize import requirements
from .core.authorize.opening import is_opening, opening_in
from .core.authorize.requirements import ANY_TOKEN, Requirement, mark
from .core.model import naming
from .core.model.principal import Principal
from .gateway.fastapi_routes import (
    OptionalLogin,
    flat,
    login_is_optional,
    requirements_at,
)
from .gateway.openapi import Needs, describe, describe_components
from .gateway.starlette_refusals import require_principal
from .starlette import log_in, log_out

__all__ = [
    "FastAPIGuard",
    "log_in",
    "log_out",
]

Dependency = Callable[..., Awaitable[Principal]]
OptionalDependency = Callable[..., Awaitable[Principal | None]]


class FastAPIGuard(SecurityBase):
    """A security dependency that returns the ``Principal`` of the request.

    ``Depends(guard)`` needs a token, ``Security(guard, scopes=["notes:read"])`` or
    ``Depends(guard.requires("notes:read"))`` needs scopes too. *token_url* is where
    Swagger UI's Authorize button logs in, as the browser sees it; *scopes* maps each
    scope to a sentence about it. ``GuardMiddleware`` must stand in front: a request
    that did not pass it is a ``ConfigurationError``, never let in.
    """

    def __init__(
        self,
        *,
        token_url: str,
        scopes: Mapping[str, str] | None = None,
        refresh_url: str | None = None,
        scheme_name: str = "JWTGuard",
        description: str | None = None,
    ) -> None:
        described = dict(scopes or {})
        naming.scope_names(*described)
        flow = OAuthFlowPassword(
            tokenUrl=token_url, refreshUrl=refresh_url, scopes=described
        )
        flows = OAuthFlows(password=flow)
        self.model = OAuth2(flows=flows, description=description)
        self.scheme_name = scheme_name
        self._made: dict[Requirement, Dependency] = {}
        self._optional = OptionalLogin(self)
        mark(self, ANY_TOKEN)

    async def __call__(self, conn: HTTPConnection, needed: SecurityScopes) -> Principal:
        """Return the caller, or refuse with 401 or 403."""
        return require_principal(
            conn, Requirement(requirements.require_all, tuple(needed.scopes))
        )

    def requires(self, *scopes: str) -> Dependency:
        """Return a dependency that needs every one of *scopes*.

        The same scopes give the same object, so that it can be found again in
        ``app.dependency_overrides``; so do the other methods.
        """
        requirement = rules.require_scope(*scopes)
        return self._once(requirement, self._scopes)

    def requires_any(self, *scopes: str) -> Dependency:
        """Return a dependency that needs one of *scopes*."""
        return self._once(rules.require_any_scope(*scopes), self._checked)

    def requires_role(self, *roles: str) -> Dependency:
        """Return a dependency that needs every one of *roles*."""
        return self._once(rules.require_role(*roles), self._checked)

    def requires_bound(self) -> Dependency:
        """Return a dependency that needs a token bound to a key (RFC 9449, 8705)."""
        return self._once(rules.require_bound(), self._checked)

    def requires_acr(self, *acr_values: str) -> Dependency:
        """Return a dependency that needs a login by one of *acr_values* (RFC 9470)."""
        return self._once(rules.require_acr(*acr_values), self._checked)

    def requires_fresh(self, max_age: int) -> Dependency:
        """Return a dependency that needs a login at most *max_age* seconds ago."""
        return self._once(rules.require_fresh(max_age), self._checked)

    def optional(self) -> OptionalDependency:
        """Return a dependency that returns the ``Principal``, or None without a token.

        The path must be one of ``JWTGUARD_OPTIONAL_PATHS``: elsewhere the middleware
        refuses requests without a token, and does not read a token on public paths.
        """
        return self._optional

    def describe(self, app: FastAPI) -> None:
        """Show what decorators require in the OpenAPI document of *app*.

        Each operation with a decorator or a dependency of ours gets its lock, and the
        responses 401 and 403 with the schema of their body, unless it declares them.
        """
        original = app.openapi

        def openapi() -> dict[str, Any]:
            made = app.openapi_schema is None
            document = original()
            if made:
                self._describe(app, document)
            return document

        app.openapi = openapi  # type: ignore[method-assign]

    def _once(
        self, requirement: Requirement, make: Callable[[Requirement], Dependency]
    ) -> Dependency:
        if requirement not in self._made:
            self._made[requirement] = make(requirement)
        return self._made[requirement]

    def _scopes(self, requirement: Requirement) -> Dependency:
        named = Security(self, scopes=list(requirement.names))

        # A new function and not a partial: FastAPI reads its signature for the OpenAPI
        # document.
        async def required(
            principal: Annotated[Principal, named],
        ) -> Principal:
            return principal

        return required

    def _checked(self, requirement: Requirement) -> Dependency:
        anybody = Security(self)

        async def required(
            conn: HTTPConnection, _: Annotated[Principal, anybody]
        ) -> Principal:
            return require_principal(conn, requirement)

        mark(required, requirement)
        return required

    def _describe(self, app: FastAPI, document: dict[str, Any]) -> None:
        scheme, found = self.scheme_name, False
        for _, route in flat(app.routes):
            needs = _needs(route)
            if not (needs.requirements or needs.optional):
                continue
            operations = document.get("paths", {}).get(route.path_format, {})
            # Until FastAPI 0.137 the route of a WebSocket has no methods.
            for method in getattr(route, "methods", None) or ():
                if method.lower() in operations:
                    describe(operations[method.lower()], needs, scheme)
                    found = True
        if found:
            model = self.model.model_dump(by_alias=True, exclude_none=True, mode="json")
            describe_components(document, scheme, model)


def _needs(route: Any) -> Needs:
    """Return what an operation requires; routes of Starlette are in no document."""
    if getattr(route, "dependant", None) is None:
        return Needs(())
    found, optional = requirements_at(route), login_is_optional(route)
    asked = tuple(one for one in found if not is_opening(one))
    opening = opening_in(found)
    if opening == "public":
        return Needs(())
    return Needs(asked, optional or (opening == "optional" and not asked))
