"""The base classes: errors of a configuration, and refusals of a request."""

from __future__ import annotations

from typing import ClassVar

from ..core.model.challenge import Challenge
from ..reasons import REASONS


class JWTGuardError(Exception):
    """Base of every error raised by jwtguard."""


class ConfigurationError(JWTGuardError):
    """A setting is missing, or contradicts another one.

    ``problems`` holds one sentence for each thing that is wrong.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: tuple[str, ...] = problems


class AuthError(JWTGuardError):
    """The request is refused; the subclass says how. It cannot be changed.

    ``reason`` is one word for logs, hooks and ``jwtguard explain``; ``description``
    is the fixed sentence that the client reads; ``detail`` is for the log alone, and
    never holds a token or a claim's value.
    """

    status: ClassVar[int]
    code: ClassVar[str] = "invalid_request"

    def __init__(
        self,
        reason: str,
        *,
        scope: str | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(reason)
        # Read-only: an error that two frameworks handle must say the same to both, and
        # cached ones are shared by requests.
        self._reason = reason
        self._scope = scope
        self._detail = detail

    @property
    def reason(self) -> str:
        """Why the request is refused: a key of ``jwtguard.reasons.REASONS``."""
        return self._reason

    @property
    def scope(self) -> str | None:
        """The scopes that are needed, separated by spaces."""
        return self._scope

    @property
    def detail(self) -> str:
        """What was found, for the log."""
        return self._detail

    @property
    def description(self) -> str:
        """One fixed sentence without values of the request."""
        known = REASONS.get(self._reason)
        return known.sentence if known else "The request was refused"

    @property
    def report_only(self) -> str:
        """The word in ``JWTGUARD_REPORT_ONLY`` that turns this into an event, or ""."""
        known = REASONS.get(self._reason)
        return known.report_only if known else ""

    @property
    def hint(self) -> str:
        """What usually helps, for the log of ``JWTGUARD_DEBUG``; often empty."""
        known = REASONS.get(self._reason)
        return known.hint if known else ""

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """The challenges of the response; empty if a token would not help."""
        return ()

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Header fields of this refusal, except for its challenges."""
        return ()

    @property
    def members(self) -> tuple[tuple[str, str | int], ...]:
        """Members of the JSON body besides ``error`` and ``error_description``."""
        return ()
