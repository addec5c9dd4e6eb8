"""Refusals of a DPoP proof (RFC 9449)."""

from __future__ import annotations

from ..core.model.challenge import Challenge, challenges_of
from .access import KeysUnavailableError
from .base import AuthError


class InvalidProofError(AuthError):
    """The proof that came with a token is missing or not valid (RFC 9449 4.3)."""

    status = 401
    code = "invalid_dpop_proof"

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """One challenge, of the scheme ``DPoP``."""
        return challenges_of("DPoP", self.code, self.description, None)


class NonceRequiredError(InvalidProofError):
    """The proof has to hold *nonce*, or the client's clock is wrong (RFC 9449 9)."""

    code = "use_dpop_nonce"

    def __init__(self, nonce: str, *, detail: str = "") -> None:
        super().__init__("dpop_nonce", detail=detail)
        self._nonce = nonce

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The nonce to use (RFC 9449 section 8.1)."""
        return (("DPoP-Nonce", self._nonce),)


class ReplaysUnavailableError(KeysUnavailableError):
    """The guard cannot find out whether the proof was used before.

    ``detail`` says why, for the log.
    """

    def __init__(self, detail: str) -> None:
        super().__init__("state_unavailable")
        self._detail = detail
