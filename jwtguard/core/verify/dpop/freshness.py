"""RFC 9449 section 11.1: a proof is good for a short time, by its clock or by ours.

A nonce carries our time, so that the client's clock does not matter.
"""

from __future__ import annotations

from ....errors import InvalidProofError, NonceRequiredError
from ...model.policy import Policy
from .claims import ProofClaims
from .nonces import WINDOW, Nonces

_LONGEST_AGE = 1e9
"""Seconds. What is further away is no date of a clock that is wrong."""


class Freshness:
    """What one policy asks of the time of a proof."""

    def __init__(self, policy: Policy) -> None:
        self._age = policy.dpop_max_age
        self._leeway = policy.leeway
        mode = policy.dpop_nonce
        self._required = mode == "require"
        self.nonces = Nonces(policy.secrets) if mode != "off" else None
        window = 3 * WINDOW if self.nonces else 0
        self.longest = max(self._age + self._leeway, window)
        """Seconds that a proof is good for, at most."""

    def check(self, claims: ProofClaims, now: float) -> float:
        """Return until when the proof is good; raise ``InvalidProofError``."""
        nonces = self.nonces
        # A nonce of ours is the only clock of its proof: once it has expired, `iat`
        # could be in the window still, and the record of its use be gone.
        if nonces is not None and (claims.nonce is not None or self._required):
            return self._until_by_nonce(nonces, claims.nonce, now)
        iat = claims.issued_at
        if now - self._age <= iat <= now + self._leeway:
            return iat + self._age
        if nonces is not None:
            raise NonceRequiredError(nonces.make(now), detail=_clock(iat, now))
        raise InvalidProofError("dpop_time", detail=_clock(iat, now))

    def _until_by_nonce(self, nonces: Nonces, nonce: str | None, now: float) -> float:
        if nonce is None:
            raise NonceRequiredError(nonces.make(now), detail="no nonce")
        window = nonces.window(nonce)
        if window is None:
            raise NonceRequiredError(nonces.make(now), detail="not one of ours")
        # A node whose clock is a second ahead may be in the next window already.
        if not -1 <= int(now // WINDOW) - window <= 1:
            raise NonceRequiredError(nonces.make(now), detail="expired")
        return (window + 2.0) * WINDOW

    def renewal(self, claims: ProofClaims, now: float) -> str | None:
        """Return a nonce for the next proof, if that of a good one expires soon."""
        if self.nonces is None or claims.nonce is None:
            return None
        window = self.nonces.window(claims.nonce)
        return None if window == int(now // WINDOW) else self.nonces.make(now)


def _clock(iat: float, now: float) -> str:
    """Say how far the client's clock is off."""
    # Compared, not subtracted: JSON has integers that are too large for a float.
    if not now - _LONGEST_AGE < iat < now + _LONGEST_AGE:
        return "iat is no recent time"
    ahead = round(iat - now)
    return f"iat is {abs(ahead)} s {'ahead' if ahead > 0 else 'old'}"
