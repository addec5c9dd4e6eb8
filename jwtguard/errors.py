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
    - GrantError                token paths: RFC 6749 section 5.2
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self


class JWTGuardError(Exception):
    """Base of every error raised by jwtguard."""


_ITEMS = {"clients": "client", "issuers": "issuer"}


class Problem(str):
    """One thing that is wrong with a configuration, as a sentence.

    ``where`` leads to the value: a field of the policy, then the item's name, then the
    item's member, as far as they are known. ``text`` says what would be right.
    """

    __slots__ = ("text", "where")

    text: str
    where: tuple[str, ...]

    def __new__(cls, text: str, *where: str) -> Self:
        """Put the sentence together."""
        parts = where
        if len(where) > 1:
            item = f"{_ITEMS.get(where[0], where[0])} {where[1]}".rstrip()
            parts = (item, *where[2:])
        made = super().__new__(cls, ": ".join((*parts, text)))
        made.text, made.where = text, where
        return made


class ConfigurationError(JWTGuardError):
    """A setting is missing, or contradicts another one.

    ``problems`` holds one sentence for each thing that is wrong.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = problems


class AuthError(JWTGuardError):
    """The request is refused; the subclass says how.

    ``reason`` is one word for logs, hooks and ``jwtguard explain``; ``description``
    is the fixed sentence that the client reads.
    """

    status: ClassVar[int]
    code: str = "invalid_request"
    challenges: ClassVar[bool] = True

    def __init__(
        self,
        reason: str,
        *,
        scope: str | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.scope = scope
        self.detail = detail
        """For the log alone: what was found. Never holds a token or a claim's value."""
        self.principal: Any = None
        """Who was refused, once a token was verified."""
        self.cors: tuple[tuple[str, str], ...] | None = None
        """The CORS fields of the refusal, where a rule has already settled them."""

    @property
    def description(self) -> str:
        """One fixed sentence; it echoes nothing of the request."""
        return DESCRIPTIONS.get(self.reason, "The request was refused")


class InvalidRequestError(AuthError):
    """The request is malformed, or says two things at once."""

    status = 400


class MissingTokenError(AuthError):
    """No token came with the request."""

    status = 401
    code = "missing_token"


class InvalidTokenError(AuthError):
    """The token is not good here, whoever sends it."""

    status = 401
    code = "invalid_token"


class InsufficientScopeError(AuthError):
    """The token is good, but does not reach this far."""

    status = 403
    code = "insufficient_scope"


class AccessDeniedError(AuthError):
    """The token is good; this caller may not use it here."""

    status = 403
    code = "access_denied"
    challenges = False


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
    challenges = False


class KeysUnavailableError(AuthError):
    """The issuer's keys cannot be had now.

    ``retry_after`` is in seconds.
    """

    status = 503
    code = "temporarily_unavailable"
    challenges = False

    def __init__(
        self, reason: str = "keys_unavailable", *, retry_after: float = 1
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class GrantError(AuthError):
    """A token request is refused (RFC 6749 section 5.2)."""

    challenges = False

    def __init__(
        self,
        reason: str,
        *,
        status: int = 400,
        code: str = "invalid_request",
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(reason)
        self.status = status  # type: ignore[misc]  # one class, RFC 6749's few codes
        self.code = code
        self.headers = tuple(headers)


DESCRIPTIONS = {
    # the request
    "authorization_repeated": "More than one Authorization value was sent",
    "authorization_malformed": "The Authorization header holds no single bearer token",
    "cookie_repeated": "The token cookie was sent more than once",
    "subprotocol_malformed": "No token follows bearer in Sec-WebSocket-Protocol",
    "token_repeated": "A token came in two places at once",
    "path_ambiguous": "The path can be read in more than one way",
    # the token
    "no_credentials": "A bearer token is needed",
    "unsupported_scheme": "The Authorization scheme is not supported here; use Bearer",
    "token_too_long": "The access token is longer than this server reads",
    "header_too_long": "The Authorization header is longer than this server reads",
    "malformed": "The access token is malformed",
    "encrypted": "The access token is encrypted, and not meant to be read here",
    "unsupported_critical": "The access token has critical extensions unknown here",
    "wrong_algorithm": "The access token is signed with an algorithm not accepted here",
    "unknown_issuer": "The access token comes from an issuer not trusted here",
    "unknown_key": "The access token is signed with a key its issuer does not publish",
    "bad_signature": "The access token has a wrong signature",
    "expired": "The access token expired",
    "not_yet_valid": "The access token is not valid yet",
    "issued_in_future": "The access token was issued in the future",
    "lifetime_too_long": "The access token is valid for longer than accepted here",
    "wrong_audience": "The access token is meant for another audience",
    "missing_claim": "The access token lacks a required claim",
    "malformed_claim": "The access token has a claim of the wrong type",
    "client_ambiguous": "The access token names two different clients",
    "wrong_type": "The token is of a type not accepted here",
    "id_token": "An ID token is not an access token",
    "refresh_token": "A refresh token is not an access token",
    "logout_token": "A logout token is not an access token",
    "not_access_token": "Nothing marks the token as an access token",
    "bound_token": "The access token is bound to a key, and useless as a plain bearer",
    # the caller
    "scope_missing": "The access token lacks a scope that is needed here",
    "role_missing": "The caller lacks a role that is needed here",
    "no_rule": "No rule opens this path",
    "client_not_listed": "Tokens of this client are not accepted here",
    "method_not_allowed_for_client": "The client may not use this method here",
    "foreign_origin": "The token may not be used from this origin",
    "cross_site": "A cross-site request may not use the cookie",
    "origin_missing": "The cookie needs an Origin to go with it",
    "preflight_refused": "The origin is not allowed here",
    "insecure_transport": "Access tokens are accepted over HTTPS only",
    # the keys
    "keys_unavailable": "The signing keys of the issuer cannot be had now",
    # token paths
    "post_only": "A token endpoint takes POST only",
    "form_malformed": "The body is not one plain form",
    "body_too_long": "The body is longer than this server reads",
    "client_gone": "The body ended early",
    "grant_type_missing": "grant_type is missing",
    "client_ambiguous_form": "Basic and body name different clients",
    "origin_repeated": "More than one Origin was sent",
    "grant_client_unknown": "The client is not known here",
    "refresh_disabled": "The client may not refresh; sign in again",
    "grant_foreign_origin": "The client may not be used from this origin",
    "unsupported_grant": "Only password and refresh_token are handed on",
    "too_many_guesses": "Too many attempts; try again later",
    "issuer_unreachable": "The token server cannot be reached",
    "issuer_answer_unusable": "The token server's answer cannot be used",
    "issuer_timeout": "The token server did not answer in time",
}
