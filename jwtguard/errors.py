"""Everything that can go wrong, and what the client is told about it.

* JWTGuardError
  + ConfigurationError          while starting, never while serving
  + AuthError                   becomes a response
    - InvalidRequestError       400, invalid_request (RFC 6750 section 3.1)
    - MissingTokenError         401, bare challenge
    - InvalidTokenError         401, invalid_token
    - InsufficientScopeError    403, insufficient_scope
    - AccessDeniedError         403, access_denied: a good token, not for this caller
      * InvalidOriginError      403, invalid_origin (RFC 6454)
      * InsecureTransportError  403, insecure_transport (RFC 6750 section 5.3)
    - TokenTooLargeError        431 (RFC 6585 section 5)
    - KeysUnavailableError      503, no challenge: our outage, not the caller's fault
      * RevocationsStaleError   503: what was revoked is not known now
    - LoginRedirectError        303: a visitor is sent to the login page
    - IssuerUnavailableError    503: nobody can sign in, or be refreshed, now
    - InvalidCredentialsError   401: a wrong user name or password
    - TooManyGuessesError       429 (RFC 6585 section 4)
    - GrantError                token paths: RFC 6749 section 5.2
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import ClassVar

from .core.model.challenge import MISSING_TOKEN, Challenge, bearer_challenges
from .core.model.problem import Problem
from .reasons import REASONS

__all__ = [
    "AccessDeniedError",
    "AuthError",
    "Challenge",
    "ConfigurationError",
    "GrantError",
    "InsecureTransportError",
    "InsufficientScopeError",
    "InvalidCredentialsError",
    "InvalidOriginError",
    "InvalidRequestError",
    "InvalidTokenError",
    "IssuerUnavailableError",
    "JWTGuardError",
    "KeysUnavailableError",
    "LoginRedirectError",
    "MissingTokenError",
    "Problem",
    "TokenTooLargeError",
    "TooManyGuessesError",
]


class JWTGuardError(Exception):
    """Base of every error raised by jwtguard."""


class ConfigurationError(JWTGuardError):
    """A setting is missing, or contradicts another one.

    ``problems`` holds one sentence for each thing that is wrong.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = problems


class AuthError(JWTGuardError):
    """The request is refused; the subclass says how. It cannot be changed.

    ``reason`` is one word for logs, hooks and ``jwtguard explain``; ``description``
    is the fixed sentence that the client reads; ``detail`` is for the log alone, and
    never holds a token or a claim's value.
    """

    status: ClassVar[int]
    code: ClassVar[str] = "invalid_request"

    def __init__(
        self,
        reason: str,
        *,
        scope: str | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(reason)
        # Read-only: an error that two frameworks handle must say the same to both, and
        # cached ones are shared by requests.
        self._reason = reason
        self._scope = scope
        self._detail = detail

    @property
    def reason(self) -> str:
        """Why the request is refused: a key of ``jwtguard.reasons.REASONS``."""
        return self._reason

    @property
    def scope(self) -> str | None:
        """The scopes that are needed, separated by spaces."""
        return self._scope

    @property
    def detail(self) -> str:
        """What was found, for the log."""
        return self._detail

    @property
    def description(self) -> str:
        """One fixed sentence; it repeats nothing of the request."""
        known = REASONS.get(self._reason)
        return known.sentence if known else "The request was refused"

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """What the client may authenticate with; none where a token would not help."""
        return ()

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Header fields of this refusal, beside its challenges."""
        return ()


class _BearerError(AuthError):
    """RFC 6750 section 3: the same words stand in the challenge."""

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """One challenge, with code and sentence."""
        return bearer_challenges(self.code, self.description, self._scope)


class InvalidRequestError(_BearerError):
    """The request is malformed, or says two things at once."""

    status = 400


class MissingTokenError(_BearerError):
    """No token came with the request."""

    status = 401
    code = MISSING_TOKEN


class InvalidTokenError(_BearerError):
    """The token is not good here, whoever sends it."""

    status = 401
    code = "invalid_token"


class InsufficientScopeError(_BearerError):
    """The token is good, but does not reach this far."""

    status = 403
    code = "insufficient_scope"


class AccessDeniedError(AuthError):
    """The token is good; this caller may not use it here."""

    status = 403
    code = "access_denied"


class InvalidOriginError(AccessDeniedError):
    """The browser page that calls is not one of the client's."""

    code = "invalid_origin"


class InsecureTransportError(AccessDeniedError):
    """A token travelled over plain HTTP.

    The client is told only that; ``detail`` names the peer and the remedy, for the log.
    """

    code = "insecure_transport"

    def __init__(self, detail: str = "") -> None:
        super().__init__("insecure_transport", detail=detail)


class TokenTooLargeError(AuthError):
    """The token or its header field is longer than we read."""

    status = 431


class KeysUnavailableError(AuthError):
    """The issuer's signing keys are temporarily unavailable.

    ``retry_after``, in seconds, is sent as ``Retry-After`` (RFC 9110 section 10.2.3).
    """

    status = 503
    code = "temporarily_unavailable"

    def __init__(
        self, reason: str = "keys_unavailable", *, retry_after: float = 1
    ) -> None:
        super().__init__(reason)
        self._retry_after = retry_after

    @property
    def retry_after(self) -> float:
        """Seconds until a new attempt makes sense."""
        return self._retry_after

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """RFC 9110 section 10.2.3."""
        # Up, so that whoever obeys comes when the pause is really over.
        return (("Retry-After", str(ceil(self._retry_after))),)


class RevocationsStaleError(KeysUnavailableError):
    """What others have revoked is not known now, and the policy does not guess.

    ``retry_after`` is in seconds.
    """

    def __init__(self) -> None:
        super().__init__("revocations_stale")


class LoginRedirectError(AuthError):
    """A person has to sign in first: the answer to a navigation instead of a 401.

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
    """It makes sense to try again later, and is said when."""

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
    """The token server, or the shared state that holds sessions, is away or unusable.

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


class GrantError(AuthError):
    """A token request is refused (RFC 6749 section 5.2).

    Status and code are those of the reason.
    """

    def __init__(
        self,
        reason: str,
        *,
        detail: str = "",
        fields: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(reason, detail=detail)
        self._fields = tuple(fields)

    @property
    def status(self) -> int:  # type: ignore[override]
        """The status of the reason; 400 for one of an application's own."""
        known = REASONS.get(self.reason)
        return known.status if known else 400

    @property
    def code(self) -> str:  # type: ignore[override]
        """One of RFC 6749's few codes."""
        known = REASONS.get(self.reason)
        return known.code if known else "invalid_request"

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """``Allow`` or ``Retry-After``, where they belong to it."""
        return self._fields
