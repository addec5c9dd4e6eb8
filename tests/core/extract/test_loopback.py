"""What counts as this machine is decided once: every setting gives the same answer."""

from __future__ import annotations

import pytest

from jwtguard import Client, ConfigurationError, TrustedIssuer
from jwtguard.core.model.origins import claimed_origins
from jwtguard.core.model.policy import Policy
from jwtguard.core.model.principal import Principal
from jwtguard.forward import BearerForward
from jwtguard.testing import JWTIssuer

LOOPBACK = [
    "localhost", "localhost:5173", "spa.localhost:5173", "127.0.0.1", "127.0.0.2:8000",
    "[::1]:8000",
]  # fmt: skip
ELSEWHERE = [
    "localhost.example", "10.0.0.1", "0.0.0.0", "128.0.0.1:80", "[::2]",
    "127.0.0.1.example",
]  # fmt: skip


def in_clients(origin: str) -> bool:
    """Whether JWTGUARD_CLIENTS takes *origin*."""
    try:
        JWTIssuer().policy(clients=(Client(id="spa", origins=(origin,)),))
    except ConfigurationError:
        return False
    return True


def in_claim(origin: str) -> bool:
    """Whether JWTGUARD_ORIGINS_CLAIM believes a token that names *origin*."""
    return origin in claimed_origins({"origins": [origin]}, "origins")


def has_keys(origin: str) -> bool:
    """Whether an issuer's keys may be fetched from *origin*."""
    issuer = TrustedIssuer(url="https://id.example", jwks_url=f"{origin}/jwks")
    try:
        Policy(issuers=(issuer,), audience="unchecked")
    except ConfigurationError:
        return False
    return True


def is_forwarded_to(origin: str) -> bool:
    """Whether the caller's token may be sent on to *origin*."""
    try:
        BearerForward(Principal(subject="a", issuer="b", token="c"), origin)
    except ConfigurationError:
        return False
    return True


@pytest.mark.parametrize("host", LOOPBACK + ELSEWHERE)
def test_each_setting_has_the_same_loopback(host: str) -> None:
    """Plain http is for loopback, by any of its names, and nowhere else."""
    asked = (in_clients, in_claim, has_keys, is_forwarded_to)
    found = {one.__name__: one(f"http://{host}") for one in asked}
    assert found == {one.__name__: host in LOOPBACK for one in asked}
