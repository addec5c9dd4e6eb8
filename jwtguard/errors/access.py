"""Refusals of a request to the application: the request, its token, its caller."""

from __future__ import annotations

from math import ceil

from ..core.model.challenge import MISSING_TOKEN, Challenge, challenges_of
from .base import AuthError


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


class AccessDeniedError(AuthError):
    """The token is valid, but this caller may not use it here."""

    status = 403
    code = "access_denied"


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
    """The revocations of other processes are not known, and the policy refuses then.

    ``retry_after`` is in seconds.
    """

    def __init__(self) -> None:
        super().__init__("revocations_stale")
