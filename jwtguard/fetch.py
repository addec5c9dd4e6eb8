"""The only outgoing socket of the guard: key sets and metadata, in a thread of its own.

One way of fetching, whichever driver asked. It takes 200 only, at most 512 KiB, no
redirect, and gives up after ``DEADLINE`` seconds in all.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import wait
from contextlib import suppress
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import httpx

from .core.discovery import FetchFailedError
from .core.keys import DEADLINE
from .core.messages import Flight, Get, Got

Result = TypeVar("Result")

LONGEST_DOCUMENT = 512 * 1024

Transport = Callable[[str, Mapping[str, str], float], Got]
"""GET a URL with these header fields within so many seconds.

Raises ``FetchFailedError``.
"""


class Fetcher:
    """Runs fetches; waiting for one is all that the drivers do differently."""

    def __init__(self, transport: Transport | None = None) -> None:
        self._transport = transport or HTTPTransport()

    def start(self, flight: Flight) -> None:
        """Begin in the background. Where no thread can be had, the fetch has failed."""
        flight.took_off = time.monotonic()
        thread = threading.Thread(
            target=self._fly, args=(flight,), name="jwtguard-fetch", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            flight.cache.fail(flight, str(error))
            flight.done.set_result(None)

    def _fly(self, flight: Flight) -> None:
        flow = flight.cache.refresh(flight)
        try:
            drive(flow, self._transport, lambda: _left(flight))
        finally:  # a transport may raise what it should not: that is a failure too
            flight.cache.fail(flight, "the transport broke; see the traceback")
            flight.done.set_result(None)

    def wait(self, flight: Flight) -> None:
        """Block this thread until *flight* has landed, or taken too long."""
        wait((flight.done,), timeout=_left(flight))

    async def await_(self, flight: Flight) -> None:
        """Wait likewise on any event loop; a cancelled waiter cancels nothing."""
        landed = anyio.Event()
        token = anyio.lowlevel.current_token().native_token
        flight.done.add_done_callback(lambda _: _wake(token, landed))
        with anyio.move_on_after(_left(flight)):
            await landed.wait()


def _left(flight: Flight) -> float:
    if flight.took_off is None:  # claimed a moment ago, not yet begun
        return DEADLINE
    return max(0.0, DEADLINE - (time.monotonic() - flight.took_off))


def _wake(token: Any, landed: anyio.Event) -> None:
    """asyncio and trio each have one call that may come from another thread."""
    call = getattr(token, "call_soon_threadsafe", None) or token.run_sync_soon
    with suppress(RuntimeError):  # that loop has ended, and its waiters with it
        call(landed.set)


def drive(
    flow: Generator[Get, Got, Result], transport: Transport, left: Callable[[], float]
) -> Result:
    """Give *flow* the documents it asks for; *left* says how many seconds remain."""
    try:
        ask = next(flow)
        while True:
            try:
                got = transport(ask.url, ask.headers, left())
            except FetchFailedError as error:
                ask = flow.throw(error)
            else:
                ask = flow.send(got)
    except StopIteration as stop:
        result: Result = stop.value
        return result


class HTTPTransport:
    """httpx, with the limits that it does not have itself."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None

    def __call__(self, url: str, headers: Mapping[str, str], timeout: float) -> Got:
        """GET *url* within *timeout* seconds; raise ``FetchFailedError``."""
        deadline = time.monotonic() + timeout
        if not timeout:
            raise FetchFailedError(f"{url}: no time left")
        try:
            with (
                httpx.Client(verify=self._verify(), timeout=timeout) as client,
                client.stream("GET", url, headers={**_FIELDS, **headers}) as response,
            ):
                body = _read(response, deadline)
                fields = {k.lower(): v for k, v in response.headers.items()}
                return Got(response.status_code, fields, body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            text = f"{url}: {type(error).__name__}: {error}"
            raise FetchFailedError(text) from error

    def _verify(self) -> ssl.SSLContext:
        """Build the context once: reading the trust store is the slow part."""
        if self._context is None:
            self._context = httpx.create_ssl_context()
        return self._context


# Not compressed: a small answer must not become a large one.
_FIELDS = {"User-Agent": "jwtguard", "Accept-Encoding": "identity"}


def _read(response: httpx.Response, deadline: float) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchFailedError("compressed although identity was asked for")
    body = bytearray()
    for chunk in response.iter_raw():  # as it comes: a drip must meet the deadline
        body += chunk
        if len(body) > LONGEST_DOCUMENT:
            raise FetchFailedError(f"longer than {LONGEST_DOCUMENT} bytes")
        if time.monotonic() > deadline:
            raise FetchFailedError("took too long")
    return bytes(body)
