"""The application's own check of a caller (``require``): what passes it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from ...errors import CheckRefusedError
from ..model.principal import Principal


class OwnCheck(NamedTuple):
    """A function of the application, and the reason that it refuses for."""

    ask: Callable[..., Any]
    reason: str
    takes_request: bool = False
    is_async: bool = False

    def arguments(self, principal: Principal, request: object) -> tuple[object, ...]:
        """Return what the function is called with."""
        return (principal, request) if self.takes_request else (principal,)

    def call(self, principal: Principal, request: object) -> object:
        """Return what the function answers; raises ``TypeError`` if it is ``async``."""
        if self.is_async:
            raise TypeError(f"{self.ask!r} is async; use Guard.arequire")
        return self.ask(*self.arguments(principal, request))

    async def acall(self, principal: Principal, request: object) -> object:
        """Return what the function answers, and await it if it is ``async``."""
        # A plain function that returns a coroutine is not awaited: that is a mistake.
        answer = self.ask(*self.arguments(principal, request))
        return await answer if self.is_async else answer

    def judge(self, answer: object) -> None:
        """Raise unless *answer* is ``True``: nothing else that looks true will do."""
        if answer is True:
            return
        # A coroutine is true, too: an ``async`` function that nobody awaited.
        if isinstance(answer, Coroutine):
            answer.close()
        raise CheckRefusedError(self.reason, detail=type(answer).__name__)
