"""Refusals of a request to the application: the request, its token, its caller."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from ..core.model.challenge import MISSING_TOKEN, Challenge, challenges_of
from ..reasons import REASONS
from .base import AuthError

NOT_OWNER = "not_owner"
"""The reason of the application's own check, unless it names another one."""


class _BearerError(AuthError):
    """RFC 6750 section 3: the same words stand in the challenge."""

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """One challenge, with code and sentence."""
        return challenges_of("Bearer", self.code, self.description, self._scope)


class InvalidRequestError(_BearerError):
    """The request is malformed or contradicts itself."""

    status = 400


class MissingTokenError(_BearerError):
    """No token came with the request."""

    status = 401
    code = MISSING_TOKEN


class InvalidTokenError(_BearerError):
    """The token is not valid for this API."""

    status = 401
    code = "invalid_token"


class InsufficientScopeError(_BearerError):
    """The token is valid, but lacks a scope or role."""

    status = 403
    code = "insufficient_scope"


class InsufficientUserAuthenticationError(_BearerError):
    """The user has to sign in again, or in another way (RFC 9470).

    ``acr_values`` are the accepted authentication contexts, the preferred one first;
    ``max_age`` is how many seconds ago the user may have signed in. A refreshed token
    does not help.
    """

    status = 401
    code = "insufficient_user_authentication"

    def __init__(
        self, reason: str, acr_values: Sequence[str] = (), max_age: int | None = None
    ) -> None:
        super().__init__(reason)
        self._acr_values = tuple(acr_values)
        self._max_age = max_age

    @property
    def acr_values(self) -> tuple[str, ...]:
        """The accepted authentication contexts; empty: any."""
        return self._acr_values

    @property
    def max_age(self) -> int | None:
        """How many seconds ago the user may have signed in; None: any."""
        return self._max_age

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """RFC 9470 section 3: what the client has to ask the issuer for."""
        params = tuple((name, str(value)) for name, value in self.members)
        return tuple(
            one._replace(params=one.params + params) for one in super().challenges
        )

    @property
    def members(self) -> tuple[tuple[str, str | int], ...]:
        """The same, so that a page does not have to parse a header field."""
        acr = " ".join(self._acr_values)
        found: list[tuple[str, str | int]] = [("acr_values", acr)] if acr else []
        if self._max_age is not None:
            found.append(("max_age", self._max_age))
        return tuple(found)


class AccessDeniedError(AuthError):
    """The token is valid, but this caller may not use it here."""

    status = 403
    code = "access_denied"


class CheckRefusedError(AccessDeniedError):
    """The application's own check refused the caller.

    ``reason`` is the name that ``require(check, reason)`` gave it.
    """

    @property
    def description(self) -> str:
        """One sentence for all such reasons, which are for the log."""
        return REASONS[NOT_OWNER].sentence

    @property
    def report_only(self) -> str:
        """What ``JWTGUARD_REPORT_ONLY`` calls such refusals, whatever their reason."""
        return REASONS[NOT_OWNER].report_only


class InvalidOriginError(AccessDeniedError):
    """The request comes from a browser page that does not belong to the client."""

    code = "invalid_origin"


class InsecureTransportError(AccessDeniedError):
    """A token was sent over plain HTTP.

    The client is told only that; ``detail`` names the peer and the remedy, for the log.
    """

    code = "insecure_transport"

    def __init__(self, detail: str = "") -> None:
        super().__init__("insecure_transport", detail=detail)


class TokenTooLargeError(AuthError):
    """The token or its header field is longer than the guard reads."""

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
        # Rounded up, so that the client waits until the pause is over.
        return (("Retry-After", str(ceil(self._retry_after))),)


class IntrospectionUnavailableError(KeysUnavailableError):
    """The issuer does not say whether the token is active (RFC 7662).

    ``retry_after`` is in seconds.
    """

    def __init__(self, *, retry_after: float = 1) -> None:
        super().__init__("introspection_unavailable", retry_after=retry_after)


class RevocationsStaleError(KeysUnavailableError):
    """The revocations of other processes are unknown, and the policy refuses tokens.

    ``retry_after`` is in seconds.
    """

    def __init__(self) -> None:
        super().__init__("revocations_stale")
