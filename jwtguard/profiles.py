"""Where issuer families keep what matters, for those who write a profile of their own.

``TrustedIssuer`` takes one as its ``profile``.
"""

from __future__ import annotations

from .core.model.profiles import (
    AUTH0,
    COGNITO,
    ENTRA,
    GENERIC,
    KEYCLOAK,
    OKTA,
    PROFILES,
    RFC9068,
    Profile,
)

__all__ = [
    "AUTH0",
    "COGNITO",
    "ENTRA",
    "GENERIC",
    "KEYCLOAK",
    "OKTA",
    "PROFILES",
    "RFC9068",
    "Profile",
]
