"""An issuer whose endpoint can be held back, and counts who is at it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from jwtguard.errors import AuthError
from jwtguard.guard import Guard
from jwtguard.testing import OpaqueIssuer
from tests.waiting import HANG


class Holding:
    """Sends requests to *issuer*, once ``open`` is set."""

    def __init__(self, issuer: OpaqueIssuer) -> None:
        self.issuer = issuer
        self.open = threading.Event()
        self.lock = threading.Lock()
        self.now = self.most = self.calls = 0
        self.error: BaseException | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, in its turn."""
        if request.method == "GET":
            return self.issuer.handle_request(request)
        with self.lock:
            self.calls += 1
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            assert self.open.wait(HANG)
            if self.error is not None:
                raise self.error
            return self.issuer.handle_request(request)
        finally:
            with self.lock:
                self.now -= 1

    def guard(self, **settings: Any) -> Guard:
        """Return a guard that asks through here."""
        policy = self.issuer.policy(**settings)
        return Guard(policy, clock=self.issuer.clock, transport=self)


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run *calls*, each in a thread of its own; return results or errors."""

    def caught(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except AuthError as error:  # it is the result
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(caught, calls))
