"""A guard for Python web applications: verifies bearer tokens, scopes and origins."""

from .core.model.claim_rule import ClaimRule
from .core.model.issuers import TrustedIssuer
from .core.model.policy import Client, Policy
from .core.model.principal import Principal
from .core.model.scope_rule import ScopeRule
from .errors import AuthError, ConfigurationError, JWTGuardError
from .guard import Guard
from .settings import load_policy

__all__ = [
    "AuthError",
    "ClaimRule",
    "Client",
    "ConfigurationError",
    "Guard",
    "JWTGuardError",
    "Policy",
    "Principal",
    "ScopeRule",
    "TrustedIssuer",
    "load_policy",
]

__version__ = "0.1.0"
