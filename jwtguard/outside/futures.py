"""Waiting for what another thread does, by blocking or on any event loop."""

from __future__ import annotations

from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel


def wait_for(future: Future[Any], seconds: float) -> None:
    """Block this thread until *future* is done, or *seconds* have passed."""
    if not future.done():
        wait((future,), timeout=seconds)


async def await_for(future: Future[Any], seconds: float) -> None:
    """Wait likewise on any event loop; a cancelled waiter cancels nothing."""
    if future.done():
        return
    done = anyio.Event()
    token = anyio.lowlevel.current_token().native_token
    future.add_done_callback(lambda _: _wake(token, done))
    with anyio.move_on_after(seconds):
        await done.wait()


def _wake(token: Any, done: anyio.Event) -> None:
    """asyncio and trio each have one call that may come from another thread."""
    call = getattr(token, "call_soon_threadsafe", None) or token.run_sync_soon
    with suppress(RuntimeError):  # that loop has ended, and its waiters with it
        call(done.set)
