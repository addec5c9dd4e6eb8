"""The only outgoing socket of the guard: key sets and metadata, in a thread of its own.

One way of fetching, whichever driver asked. It takes 200 only, at most 512 KiB, no
redirect, and ends after ``DEADLINE`` seconds in all.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  # see below
import importlib.resources
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import wait
from contextlib import suppress
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import cryptography.hazmat.backends.openssl.backend  # noqa: F401
import httpcore  # noqa: F401
import httpx

from .core.discovery import FetchFailedError
from .core.keys import DEADLINE
from .core.messages import Flight, Get, Got

# A process that is forked while a thread imports a module never gets the whole of it.
# So what others would load during the first fetch is imported here, used or not.
with importlib.resources.as_file(importlib.resources.files("httpx") / "__init__.py"):
    pass  # certifi finds its file like this, and only that loads all it takes

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
        if timeout <= 0:
            raise FetchFailedError(f"{url}: no time left")
        limit = _Limit(timeout)
        asked = {"headers": {**_FIELDS, **headers}, "extensions": {"trace": limit.see}}
        try:
            with (
                httpx.Client(verify=self._verify(), timeout=timeout) as client,
                limit,
                client.stream("GET", url, **asked) as response,  # type: ignore[arg-type]
            ):
                body = _read(response)
                limit.check()  # a body without length ends where we hung up
                fields = {k.lower(): v for k, v in response.headers.items()}
                return Got(response.status_code, fields, body)
        except (FetchFailedError, *FAILURES) as error:
            text = f"{type(error).__name__}: {error}"
            if isinstance(error, FetchFailedError):
                text = str(error)
            if limit.over or isinstance(error, httpx.TimeoutException):
                text = "took too long"
            raise FetchFailedError(f"{url}: {text}") from error

    def _verify(self) -> ssl.SSLContext:
        """Build the context once: reading the trust store is the slow part."""
        with _no_fork:
            if self._context is None:
                self._context = httpx.create_ssl_context()
            return self._context


# Not compressed: a small answer must not become a large one.
_FIELDS = {"User-Agent": "jwtguard", "Accept-Encoding": "identity"}
FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    ImportError,  # a SOCKS proxy in the environment, and nothing that speaks to it
    OSError,
    RuntimeError,  # no more threads
    ValueError,
)
"""What an HTTP client raises where an answer was hoped for."""


_no_fork = threading.Lock()
"""Held while the TLS library reads its trust store: a child forked in the middle of
that would inherit locks that nobody opens any more."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_no_fork.acquire,
        after_in_parent=_no_fork.release,
        after_in_child=_no_fork.release,
    )


class _Limit:
    """Hangs up when the time is over: httpx limits each wait, but not their sum."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.name = "jwtguard-fetch-limit"
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def see(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of each new socket; the HTTP client tells of every step."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            self.check()

    def check(self) -> None:
        """Raise ``FetchFailedError`` if the time is over."""
        if self.over:
            raise FetchFailedError("took too long")

    def _hang_up(self) -> None:
        self.over = True
        if self._socket is not None:
            with suppress(OSError):  # whoever reads wakes up; TLS state is not ours
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _read(response: httpx.Response) -> bytes:
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise FetchFailedError("compressed although identity was asked for")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LONGEST_DOCUMENT:
            raise FetchFailedError(f"longer than {LONGEST_DOCUMENT} bytes")
    return bytes(body)
