"""Waiting for another thread, by blocking or on any event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from importlib import import_module
from typing import Any

import anyio
import anyio.lowlevel


def wait_for(future: Future[Any], seconds: float) -> None:
    """Block this thread until *future* is done, or *seconds* have passed."""
    if not future.done():
        wait((future,), timeout=seconds)


async def await_for(future: Future[Any], seconds: float) -> None:
    """Wait on any event loop; cancelling the wait does not cancel *future*."""
    if future.done():
        return
    done = anyio.Event()
    token = anyio.lowlevel.current_token().native_token
    future.add_done_callback(lambda _: _wake(token, done))
    with anyio.move_on_after(seconds):
        await done.wait()


def spawn(function: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Run *function*, which must not raise, beside whatever runs now.

    Keep what is returned for as long as it runs: event loops hold no reference.
    """
    token = anyio.lowlevel.current_token().native_token
    create = getattr(token, "create_task", None)
    if create is None:
        create = import_module("trio.lowlevel").spawn_system_task
        return create(function)
    return create(function())


def _wake(token: Any, done: anyio.Event) -> None:
    """asyncio and trio each have one call that may come from another thread."""
    call = getattr(token, "call_soon_threadsafe", None) or token.run_sync_soon
    with suppress(RuntimeError):  # that loop has ended, and its waiters with it
        call(done.set)
