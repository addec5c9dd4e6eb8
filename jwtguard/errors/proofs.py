"""Refusals of a DPoP proof (RFC 9449)."""

from __future__ import annotations

from ..core.model.challenge import Challenge, challenges_of
from .base import AuthError


class InvalidProofError(AuthError):
    """The proof that came with a token is missing or not valid (RFC 9449 4.3)."""

    status = 401
    code = "invalid_dpop_proof"

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """One challenge, of the scheme ``DPoP``."""
        return challenges_of("DPoP", self.code, self.description, None)
