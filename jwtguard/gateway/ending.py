"""Open connections end with their token: when it expires, or is revoked before that."""

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

    *headers* are those of the response: only an event stream without a Content-Length
    is ended, and only if the policy says so.
    """
    ends = guard.policy.close_streams and is_event_stream(headers)
    return decision.principal if ends else None


class TokenEndedError(OSError):
    """The application sent on a connection that has ended with its token.

    ASGI 2.4 asks for an ``OSError``, as after a client has left.
    """


class Ending:
    """Awaits the end of a token, and then calls *end* once, with the reason.

    The reason is ``revoked`` or ``expired``. *end* is called beside the application.
    Whatever it raises is dropped: the client has left, or the server has closed the
    connection already. Call ``start`` when the connection opens, and ``stop`` when it
    is over.
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
        """Begin to wait, on the event loop that runs now."""
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
        """Wait no longer: the connection is over. An end that has begun goes on."""
        self._waiting.cancel()
        self._guard.unwatch(self._watch)


def is_ours(error: BaseException) -> bool:
    """Whether *error* is ``TokenEndedError``, or a group of nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_ours, error.exceptions))
    return isinstance(error, TokenEndedError)
