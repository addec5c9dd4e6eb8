"""The HTTP client for keys, metadata and the relay: one stack, one set of limits.

Each request has a connection of its own. No redirect is followed, no content coding is
undone, and both the length of an answer and the time for everything are limited.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  # see below
import importlib.resources
import os
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import cryptography.hazmat.backends.openssl.backend  # noqa: F401
import httpcore  # noqa: F401
import httpx

from ..core.model.effects import (
    FetchFailedError,
    Incoming,
    Outgoing,
    UnusableAnswerError,
)
from .sending import Sender

# A process that is forked while a thread imports a module never gets the whole of it.
# So what others would load during the first fetch is imported here, used or not.
with importlib.resources.as_file(importlib.resources.files("httpx") / "__init__.py"):
    pass  # certifi finds its file like this, and only that loads all it takes


class HTTPClient:
    """httpx, with the limits that it does not have itself."""

    def __init__(self, sender: Sender | None = None) -> None:
        self._sender = None if sender is None else _Sending(sender)
        self._context: ssl.SSLContext | None = None

    def get(self, url: str, headers: Mapping[str, str], timeout: float) -> Incoming:
        """GET *url* within *timeout* seconds; raise ``FetchFailedError``."""
        return self(Outgoing("GET", url, headers, timeout=timeout))

    def __call__(self, outgoing: Outgoing) -> Incoming:
        """Send *outgoing* and return the answer; raise ``FetchFailedError``."""
        if outgoing.timeout <= 0:
            text = f"{outgoing.url}: no time left"
            raise FetchFailedError(text, kind="no time left", timed_out=True)
        # httpx applies its timeout to each read: a server that sends a byte every four
        # seconds would never be late.
        limit = _Limit(outgoing.timeout)
        fields = {**_FIELDS, **outgoing.headers}
        try:
            with (
                self._client(outgoing) as client,
                limit,
                client.stream(
                    outgoing.method,
                    outgoing.url,
                    content=outgoing.body or None,
                    headers=fields,
                    extensions={"trace": limit.see},
                ) as response,
            ):
                body = _read(response, outgoing.limit)
                limit.check()  # a body without length ends where we hung up
                return Incoming(response.status_code, _fields(response), body)
        except (FetchFailedError, *FAILURES) as error:
            late = limit.over or isinstance(error, httpx.TimeoutException)
            raise _failure(outgoing.url, error, late=late) from error

    def _client(self, outgoing: Outgoing) -> httpx.Client:
        """Plain http never goes through a proxy: it could read and replace all of it.

        It is for loopback, and for hosts that were named as near and trusted.
        """
        return httpx.Client(
            verify=self._verify(),
            timeout=outgoing.timeout,
            transport=self._sender,
            trust_env=not outgoing.url.lower().startswith("http:"),
        )

    def _verify(self) -> ssl.SSLContext:
        """Build the context once: reading the trust store is the slow part."""
        with _no_fork:
            if self._context is None:
                self._context = httpx.create_ssl_context()
            return self._context


class _Sending(httpx.BaseTransport):
    """Somebody's sender: used by each of our clients, and closed by none."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = self._sender.handle_request(request)
        return response


def _failure(url: str, error: Exception, *, late: bool) -> FetchFailedError:
    kind, text = type(error).__name__, f"{type(error).__name__}: {error}"
    if isinstance(error, FetchFailedError):
        kind = text = str(error)
    if late:
        kind = text = "took too long"
    elif isinstance(error, UnusableAnswerError):
        return UnusableAnswerError(f"{url}: {text}", kind=kind)
    return FetchFailedError(f"{url}: {text}", kind=kind, timed_out=late)


def _fields(response: httpx.Response) -> dict[str, str]:
    """Lower-case names; several fields of one name become one (RFC 9110 5.3)."""
    fields: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


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
        """Keep each new socket; the HTTP client reports every step here."""
        # httpx offers no other way to the socket, and closing the client from another
        # thread does not wake a blocked read.
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


def _read(response: httpx.Response, limit: int) -> bytes:
    coding = response.headers.get("content-encoding", "").strip().lower()
    # A few KB of gzip become gigabytes; servers that compress unasked are rare enough
    # to be refused.
    if coding not in ("", "identity"):
        raise UnusableAnswerError("compressed although identity was asked for")
    body = bytearray()
    # A sender of a test may hold the whole answer; the network never does.
    whole = response.is_stream_consumed
    for chunk in (response.content,) if whole else response.iter_raw():
        body += chunk
        if len(body) > limit:
            raise UnusableAnswerError(f"longer than {limit} bytes")
    return bytes(body)
