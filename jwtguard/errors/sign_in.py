"""Refusals around signing in: the login page, passwords, and the token server."""

from __future__ import annotations

from math import ceil

from .base import AuthError


class LoginRedirectError(AuthError):
    """A visitor has to sign in: the response to a navigation instead of a 401.

    Reason and sentence are those of *error*; ``location`` is the login page with the
    path to come back to (RFC 9110 section 15.4.4).
    """

    status = 303

    def __init__(self, error: AuthError, location: str) -> None:
        super().__init__(error.reason, detail=error.detail)
        self._code = error.code
        self._location = location

    @property
    def code(self) -> str:  # type: ignore[override]
        """The code of the refusal that it replaces."""
        return self._code

    @property
    def location(self) -> str:
        """A reference relative to this origin."""
        return self._location

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """RFC 9110 section 10.2.2."""
        return (("Location", self._location),)


class _RetryableError(AuthError):
    """Try again later; ``Retry-After`` says when."""

    def __init__(self, reason: str, *, detail: str = "", retry_after: float) -> None:
        super().__init__(reason, detail=detail)
        self._retry_after = retry_after

    @property
    def retry_after(self) -> float:
        """Seconds until a new attempt makes sense."""
        return self._retry_after

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """RFC 9110 section 10.2.3."""
        return (("Retry-After", str(max(1, ceil(self._retry_after)))),)


class IssuerUnavailableError(_RetryableError):
    """The token server or the shared state with the sessions is not available.

    ``detail`` says what happened, for the log; ``retry_after`` is in seconds.
    """

    status = 503
    code = "temporarily_unavailable"

    def __init__(
        self,
        reason: str = "issuer_unavailable",
        *,
        detail: str = "",
        retry_after: float = 5,
    ) -> None:
        super().__init__(reason, detail=detail, retry_after=retry_after)


class InvalidCredentialsError(AuthError):
    """The token server does not accept this user name and password."""

    status = 401
    code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("invalid_credentials")


class TooManyGuessesError(_RetryableError):
    """Too many passwords were tried; ``retry_after`` is in seconds."""

    status = 429
    code = "temporarily_unavailable"

    def __init__(self, retry_after: float = 60) -> None:
        super().__init__("too_many_guesses", retry_after=retry_after)
