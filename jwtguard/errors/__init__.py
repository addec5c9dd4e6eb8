"""The exceptions of jwtguard, and the responses that they become.

* JWTGuardError
  + ConfigurationError          while starting, never while serving
  + AuthError                   becomes a response
    - InvalidRequestError       400, invalid_request (RFC 6750 section 3.1)
    - MissingTokenError         401, bare challenge
    - InvalidTokenError         401, invalid_token
    - InvalidProofError         401, invalid_dpop_proof (RFC 9449 section 7.1)
      * NonceRequiredError      401, use_dpop_nonce
    - InsufficientUserAuthenticationError
                                401: sign in again (RFC 9470)
    - InsufficientScopeError    403, insufficient_scope
    - AccessDeniedError         403, access_denied: the caller may not use the token
      * CheckRefusedError       403, access_denied: the application's own check
      * InvalidOriginError      403, invalid_origin (RFC 6454)
      * InsecureTransportError  403, insecure_transport (RFC 6750 section 5.3)
    - TokenTooLargeError        431 (RFC 6585 section 5)
    - KeysUnavailableError      503 without a challenge
      * ReplaysUnavailableError 503: used proofs cannot be compared
      * RevocationsStaleError   503: the revocation list is unavailable
      * IntrospectionUnavailableError  503: the issuer does not answer about a token
    - LoginRedirectError        303: a visitor is sent to the login page
    - IssuerUnavailableError    503: sign-in or refresh is unavailable
    - InvalidCredentialsError   401: a wrong user name or password
    - TooManyGuessesError       429 (RFC 6585 section 4)
    - GrantError                token paths: RFC 6749 section 5.2
"""

from __future__ import annotations

from ..core.model.challenge import Challenge
from ..core.model.problem import Problem
from .access import (
    AccessDeniedError,
    CheckRefusedError,
    InsecureTransportError,
    InsufficientScopeError,
    InsufficientUserAuthenticationError,
    IntrospectionUnavailableError,
    InvalidOriginError,
    InvalidRequestError,
    InvalidTokenError,
    KeysUnavailableError,
    MissingTokenError,
    RevocationsStaleError,
    TokenTooLargeError,
)
from .base import AuthError, ConfigurationError, JWTGuardError
from .grants import GrantError
from .proofs import (
    InvalidProofError,
    NonceRequiredError,
    ReplaysUnavailableError,
)
from .sign_in import (
    InvalidCredentialsError,
    IssuerUnavailableError,
    LoginRedirectError,
    TooManyGuessesError,
)

__all__ = [
    "AccessDeniedError",
    "AuthError",
    "Challenge",
    "CheckRefusedError",
    "ConfigurationError",
    "GrantError",
    "InsecureTransportError",
    "InsufficientScopeError",
    "InsufficientUserAuthenticationError",
    "IntrospectionUnavailableError",
    "InvalidCredentialsError",
    "InvalidOriginError",
    "InvalidProofError",
    "InvalidRequestError",
    "InvalidTokenError",
    "IssuerUnavailableError",
    "JWTGuardError",
    "KeysUnavailableError",
    "LoginRedirectError",
    "MissingTokenError",
    "NonceRequiredError",
    "Problem",
    "ReplaysUnavailableError",
    "RevocationsStaleError",
    "TokenTooLargeError",
    "TooManyGuessesError",
]

for _name in __all__:
    # Tracebacks and pickles name the public place of an error, not the file it is in.
    if isinstance(_made := globals()[_name], type) and issubclass(_made, Exception):
        _made.__module__ = __name__
