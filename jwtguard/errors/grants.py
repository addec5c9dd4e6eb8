"""Refusals of a token request (RFC 6749 section 5.2), or of a logout token."""

from __future__ import annotations

from collections.abc import Sequence

from ..reasons import REASONS
from .base import AuthError


class GrantError(AuthError):
    """A token request is refused (RFC 6749 section 5.2).

    Status and code are those of the reason.
    """

    def __init__(
        self,
        reason: str,
        *,
        detail: str = "",
        fields: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(reason, detail=detail)
        self._fields = tuple(fields)

    @property
    def status(self) -> int:  # type: ignore[override]
        """The status of the reason; 400 for a reason that the application defines."""
        known = REASONS.get(self.reason)
        return known.status if known else 400

    @property
    def code(self) -> str:  # type: ignore[override]
        """An error code of RFC 6749."""
        known = REASONS.get(self.reason)
        return known.code if known else "invalid_request"

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """``Allow`` or ``Retry-After``, if the reason has one."""
        return self._fields
