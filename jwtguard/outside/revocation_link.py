"""What ties the list of revocations of this process to those of the others."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from ..core.model.effects import StateOperation
from ..core.model.policy import Policy
from ..core.verify.revocations import Revocations
from ..core.verify.revoking import STREAM
from .futures import await_for, wait_for
from .state_client import StateClient
from .state_follower import PAUSES, StateFollower

WAITING = 20_000
"""Operations that wait for the store to be back; more are lost."""
TELL_EVERY = 60.0
"""Seconds between two events that say the same."""


class RevocationLink:
    """Follows what others revoke, and sends what is revoked here.

    *receive* takes what the stream holds. Making one starts nothing.
    """

    def __init__(
        self,
        client: StateClient,
        policy: Policy,
        revocations: Revocations,
        receive: Callable[[bytes], None],
        monotonic: Callable[[], float],
        emit: Callable[..., None],
    ) -> None:
        self._client = client
        self._policy = policy
        self._list = revocations
        self._monotonic = monotonic
        self._emit = emit
        self.follower = StateFollower(
            client.state, STREAM, receive, monotonic, client.outages, self._look
        )
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[StateOperation] = deque()
        self._sender: threading.Thread | None = None
        self._told_at = float("-inf")

    def use(self, policy: Policy) -> None:
        """Go by *policy* when others cannot be heard."""
        self._policy = policy

    def after_fork(self) -> None:
        """Begin anew: what waits to be sent is sent by the parent process."""
        self.follower.after_fork()
        self._begin()

    def catch_up(self) -> None:
        """Start following, and wait a moment for the first read to end."""
        self.follower.start()
        wait_for(self.follower.caught_up, self._client.timeout)
        self._list.ready = True

    async def acatch_up(self) -> None:
        """Do what ``catch_up`` does, without blocking the event loop."""
        self.follower.start()
        await await_for(self.follower.caught_up, self._client.timeout)
        self._list.ready = True

    def read(self, seconds: float) -> str:
        """Wait for the first read, for *seconds*; return why it has not ended."""
        self.follower.start()
        wait_for(self.follower.caught_up, seconds)
        if self.follower.caught_up.done():
            self._list.ready = True
            return ""
        return self.follower.failure or "TimeoutError"

    @property
    def age(self) -> float:
        """Seconds since the stream was read, or following began."""
        return max(0.0, self._monotonic() - self.follower.read_at)

    def is_stale(self) -> bool:
        """Whether too little is known of what others have revoked."""
        unread = not self.follower.caught_up.done()
        # Before the first read nothing is known at all, whatever the clock says.
        if unread and self._policy.revocation_outage == "refuse":
            return True
        return self.age > self._policy.revocation_max_stale

    def publish(self, operations: Sequence[StateOperation]) -> bool:
        """Run *operations* now, or else when the store is back; return which."""
        # All are sent before any is waited for: one timeout covers them together.
        asked = [(one, self._client.submit(one)) for one in operations]
        ends = self._ends()
        for _, done in asked:
            wait_for(done, max(0.0, ends - self._monotonic()))
        return self._settle(asked)

    async def apublish(self, operations: Sequence[StateOperation]) -> bool:
        """Do what ``publish`` does, without blocking the event loop."""
        asked = [(one, self._client.submit(one)) for one in operations]
        ends = self._ends()
        for _, done in asked:
            await await_for(done, max(0.0, ends - self._monotonic()))
        return self._settle(asked)

    def _ends(self) -> float:
        return self._monotonic() + self._client.timeout

    def _settle(self, asked: Sequence[tuple[StateOperation, Future[Any]]]) -> bool:
        """Queue what failed."""
        failed = [
            one
            for one, done in asked
            if isinstance(self._client.outcome(done), Exception)
        ]
        if not failed:
            return True
        with self._lock:
            full = len(self._waiting) + len(failed) > WAITING
            if not full:
                self._waiting.extend(failed)
                self._start_sender()
        if full:
            self._emit("revocations_lost", problem="QueueFull")
        return False

    def _start_sender(self) -> None:
        if self._sender is not None:
            return
        self._sender = threading.Thread(
            target=self._send, name="jwtguard-revoked", daemon=True
        )
        try:
            self._sender.start()
        except RuntimeError:  # too many threads; the next revocation tries again
            self._sender = None

    def _send(self) -> None:
        """Send what waits, in order, until nothing does."""
        failures = 0
        while True:
            with self._lock:
                if not self._waiting:
                    self._sender = None
                    return
                operation = self._waiting[0]
            if isinstance(self._client.ask(operation), Exception):
                threading.Event().wait(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
                continue
            failures = 0
            with self._lock:
                self._waiting.popleft()

    def health(self) -> dict[str, Any]:
        """Say how the shared state is, and what is known from it."""
        return {
            **self._client.health(),
            "age": self.follower.age,
            "revocations": len(self._list),
        }

    def _look(self) -> None:
        """Tell of it once a minute while too little is known; after each read."""
        self._client.retry()
        now = self._monotonic()
        stale = self.age > self._policy.revocation_max_stale
        if stale and now - self._told_at >= TELL_EVERY:
            self._told_at = now
            self._emit("revocations_stale", age=round(self.age))
