"""Ending open connections when their token expires or is revoked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import anyio

from ..core.model.decision import Proceed
from ..core.model.principal import Principal
from ..core.respond.streams import is_event_stream
from ..guard import Guard
from ..outside.futures import await_for, spawn


def stream_owner(
    guard: Guard, decision: Proceed, headers: Iterable[tuple[str, str]]
) -> Principal | None:
    """Return the principal whose token ends the application's response, or None.

    *headers* are those of the response. Only an event stream without a Content-Length
    is ended, and only with ``close_streams``.
    """
    ends = guard.policy.close_streams and is_event_stream(headers)
    return decision.principal if ends else None


class TokenEndedError(OSError):
    """The application sent a message after the connection had ended with its token.

    ASGI 2.4 requires an ``OSError``, as for a client that has disconnected.
    """


class Ending:
    """Waits until a token expires or is revoked, and calls *end* once with the reason.

    The reason is ``revoked`` or ``expired``. *end* runs concurrently with the
    application. Its exceptions are ignored, because the connection may be closed
    already. Call ``start`` when the connection opens, and ``stop`` when it closes.
    """

    def __init__(
        self, guard: Guard, principal: Principal, end: Callable[[str], Awaitable[None]]
    ) -> None:
        self._guard = guard
        self._end = end
        self._watch = guard.watch(principal)
        self._waiting = anyio.CancelScope()
        self._task: object = None

    def start(self) -> None:
        """Start waiting on the running event loop."""
        self._task = spawn(self._wait)

    @property
    def due(self) -> bool:
        """Whether the token has ended."""
        return self._watch.is_over(self._guard.clock.time())

    async def _wait(self) -> None:
        watch, now = self._watch, self._guard.clock.time()
        with self._waiting:
            await await_for(watch.ended, max(0.0, watch.ends - now))
        if self._waiting.cancel_called:
            return
        self._guard.unwatch(watch)
        with suppress(Exception):
            await self._end("revoked" if watch.ended.done() else "expired")

    def stop(self) -> None:
        """Stop waiting; a call of *end* that has begun continues."""
        self._waiting.cancel()
        self._guard.unwatch(self._watch)


def is_ours(error: BaseException) -> bool:
    """Whether *error* is ``TokenEndedError``, or a group that contains only these."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_ours, error.exceptions))
    return isinstance(error, TokenEndedError)
