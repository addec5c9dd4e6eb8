"""FastAPI: the OpenAPI face of the middleware (OpenAPI 3.1, OAuth flows, password)."""

# Annotations are objects in this file, not text: FastAPI reads them, and older versions
# of it do not look up the text of a callable object's.

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import Security
from fastapi.openapi.models import OAuth2, OAuthFlowPassword, OAuthFlows
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from .core.authorize import requirements
from .core.authorize.requirements import ANY_TOKEN, Requirement, mark
from .core.model import naming
from .core.model.principal import Principal
from .gateway.starlette_refusals import require
from .starlette import log_in, log_out

__all__ = [
    "FastAPIGuard",
    "log_in",
    "log_out",
]

Dependency = Callable[..., Awaitable[Principal]]


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
        self._made: dict[tuple[str, ...], Dependency] = {}
        mark(self, ANY_TOKEN)

    async def __call__(self, conn: HTTPConnection, needed: SecurityScopes) -> Principal:
        """Return the caller, or refuse with 401 or 403."""
        return require(
            conn, Requirement(requirements.require_all, tuple(needed.scopes))
        )

    def requires(self, *scopes: str) -> Dependency:
        """Return a dependency that needs every one of *scopes*.

        The same scopes give the same object, so that it can be found again in
        ``app.dependency_overrides``.
        """
        names = naming.scope_names(*scopes)
        if names not in self._made:
            self._made[names] = self._dependency(names)
        return self._made[names]

    def _dependency(self, names: tuple[str, ...]) -> Dependency:
        named = Security(self, scopes=list(names))

        # A new function and not a partial: FastAPI reads its signature for the OpenAPI
        # document.
        async def required(
            principal: Annotated[Principal, named],
        ) -> Principal:
            return principal

        return required
