"""RFC 6750 section 5.3: the caller's token, sent on to named servers and no others."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import httpx

from .core.model.origins import is_loopback_host, serialized
from .core.model.principal import Principal
from .errors import ConfigurationError, InvalidTokenError, JWTGuardError

__all__ = [
    "BearerForward",
    "BoundTokenError",
    "ForeignTargetError",
]


class _Headers(Protocol):
    def __setitem__(self, name: str, value: str, /) -> None: ...


class _Request(Protocol):
    """What an httpx-like client hands to its ``auth``."""

    @property
    def url(self) -> object: ...

    @property
    def headers(self) -> _Headers: ...


_BOUND = (
    "BearerForward: this token is bound to a key of its client, which only that client "
    "can prove, for the URL that it requests. Use tokens of this site: sessions "
    "(JWTGUARD_SESSION_CLIENT), or token exchange at the issuer (RFC 8693)"
)

R = TypeVar("R", bound=_Request)


class ForeignTargetError(JWTGuardError):
    """A request was about to carry the token somewhere it was not meant to go."""


class BoundTokenError(InvalidTokenError, TypeError):
    """The token is bound to its client, so that no server can send it on.

    Behind the guard it is answered with 401 ``bound_token``, as the caller chose this
    token; its text says what the application can use instead.
    """

    def __init__(self) -> None:
        super().__init__("bound_token", detail=_BOUND)

    def __str__(self) -> str:
        return self.detail

    def __reduce__(self) -> tuple[type[BoundTokenError], tuple[()]]:
        return BoundTokenError, ()  # copies cross processes, as other errors do


class BearerForward(httpx.Auth):
    """``auth=BearerForward(principal, "https://api.example.com")`` for httpx and kin.

    Puts the principal's token on requests to *origins*: https, or loopback. Any other
    target raises ``ForeignTargetError``, redirects included. A client that takes any
    callable on the request as ``auth`` takes this too. Raises ``BoundTokenError`` (a
    ``TypeError``) for a token that is bound to its client.
    """

    def __init__(self, principal: Principal, *origins: str) -> None:
        if not origins:
            raise ConfigurationError(
                "BearerForward: expected at least one origin that tokens may be sent to"
            )
        if principal.bound is not None:
            raise BoundTokenError
        problems = [problem for o in origins if (problem := _problem(o))]
        if problems:
            raise ConfigurationError(*problems)
        self._token = principal.token
        self._origins = frozenset(origins)

    def __call__(self, request: R) -> R:
        """Sign one request, or refuse it."""
        self._check(request.url)
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the first request; httpx drops the token from a foreign redirect."""
        response = yield self(request)
        # httpx follows redirects below this class; it has dropped the token from a
        # foreign hop, and here the answer is dropped too.
        for hop in (*response.history, response):
            self._check(hop.request.url)

    def _check(self, url: object) -> None:
        parts = urlsplit(str(url))
        # Compared as an origin: a prefix of the URL would accept
        # https://api.example.com.evil.example.
        target = serialized(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
        if target not in self._origins:
            raise ForeignTargetError(f"the token is not meant for {target}")


def _problem(origin: str) -> str | None:
    if serialized(origin) != origin:
        return (
            f"BearerForward: {origin!r} is not a valid origin; expected one like "
            "https://api.example.com"
        )
    parts = urlsplit(origin)
    plain = parts.scheme == "http" and is_loopback_host(parts.netloc)
    if parts.scheme == "https" or plain:
        return None
    return f"BearerForward: {origin!r}: must be https, or http on loopback"
