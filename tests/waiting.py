"""Waiting for what must happen: the clock only ends what would hang for ever."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable

import httpx

HANG = 120.0
"""Seconds after which something hangs, on however busy a machine."""
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For plain HTTP on loopback: httpx takes a tenth of a second to read its trust store,
again for each client, and keeps all threads from running meanwhile."""


def until(condition: Callable[[], bool], seconds: float = HANG) -> bool:
    """Wait for *condition*; return whether it came."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def ask(method: str, url: str, **options: object) -> httpx.Response:
    """Send one request over plain HTTP, on a connection of its own."""
    with httpx.Client(verify=NO_TLS, trust_env=False, timeout=HANG) as client:
        return client.request(method, url, **options)  # type: ignore[arg-type]
