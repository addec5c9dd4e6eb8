"""A guard for Python web applications: verifies bearer tokens, scopes and origins."""

from .core.issuers import TrustedIssuer
from .core.messages import Principal
from .core.paths import ScopeRule
from .core.policy import Client, Policy
from .errors import AuthError, ConfigurationError, JWTGuardError
from .guard import Guard
from .settings import load_policy

__all__ = [
    "AuthError",
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
