"""What tests of the guard share."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from jwtguard.core.model.decision import Respond
from jwtguard.core.model.effects import (
    FetchFailedError,
    Incoming,
)
from jwtguard.core.model.request import Request
from jwtguard.guard import Guard
from jwtguard.testing import JWTIssuer
from tests.waiting import HANG


class Line:
    """The way to an issuer; holds fetches back while ``open`` is not set."""

    def __init__(self, issuer: JWTIssuer) -> None:
        self.issuer = issuer
        self.open = threading.Event()
        self.open.set()
        self.begun = threading.Semaphore(0)

    def __call__(
        self, url: str, headers: Mapping[str, str], timeout: float
    ) -> Incoming:
        self.begun.release()
        if not self.open.wait(HANG):
            raise FetchFailedError("held for too long")
        return self.issuer.transport(url, headers, timeout)


def ask(guard: Guard, token: str) -> Respond | None:
    request = Request("GET", "/notes", {"authorization": (f"Bearer {token}",)})
    decision = guard.decide(request, lambda _: None)
    return decision if isinstance(decision, Respond) else None
