"""Keys whose proofs a real issuer takes: its clock is real."""

from __future__ import annotations

import time

from jwtguard.testing import DPoPKey, FakeClock, JWTIssuer


class RealClock(FakeClock):
    """Issuers take proofs for some seconds only."""

    def time(self) -> float:
        return time.time()


def new_key() -> DPoPKey:
    """Return a new key, which signs proofs of now."""
    return JWTIssuer(clock=RealClock()).dpop()
