"""Who calls, and in which request: for the application's own log.

The middlewares note the request that they handle in a context variable, if there is a
filter that asks for it. Tasks and worker threads of ASGI frameworks inherit it.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .places import PRINCIPAL_KEY

REQUEST_ID_KEY = "jwtguard.request_id"
_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
"""Anything else in the header field could forge lines of the log."""

Place = MutableMapping[str, Any]
"""The ``environ`` or the ``scope`` of a request."""


class Callers:
    """The request that is handled here and now."""

    def __init__(self) -> None:
        self.noted = False
        """Whether a filter asks; middlewares do nothing otherwise."""
        self._place: ContextVar[Place | None] = ContextVar("jwtguard", default=None)

    def misses(self, place: Place) -> bool:
        """Whether a filter asks, and *place* is not noted yet."""
        return self.noted and self._place.get() is not place

    def current(self) -> Place | None:
        """Return the request that is handled, or None outside of requests."""
        return self._place.get()

    @contextmanager
    def during(self, place: Place) -> Iterator[None]:
        """Note *place* as the request that is handled."""
        token = self._place.set(place)
        try:
            yield
        finally:
            self._place.reset(token)


CALLERS = Callers()


class CallerFilter(logging.Filter):
    """Adds ``subject``, ``client_id`` and ``request_id`` to each record of a request.

    They are ``-`` outside of requests, and where nobody has signed in. *header* is the
    field that a proxy sets to the id of the request; without it, or with a value that
    is no id, the request gets a random one, which the application finds in
    ``environ["jwtguard.request_id"]`` or ``scope["jwtguard.request_id"]``. Add the
    filter to a handler.
    """

    def __init__(self, header: str = "X-Request-ID") -> None:
        super().__init__()
        self._header = header.lower()
        CALLERS.noted = True

    def filter(self, record: logging.LogRecord) -> bool:
        """Let each record pass."""
        place = CALLERS.current()
        principal = place.get(PRINCIPAL_KEY) if place is not None else None
        record.subject = _shown(principal.subject) if principal else "-"
        record.client_id = _shown(principal.client_id or "-") if principal else "-"
        record.request_id = self._id_of(place) if place is not None else "-"
        return True

    def _id_of(self, place: Place) -> str:
        known = place.get(REQUEST_ID_KEY)
        if known is None:
            # Made when it is first needed: most requests write no line.
            sent = _field(place, self._header)
            known = sent if _ID.fullmatch(sent) else uuid.uuid4().hex
            place[REQUEST_ID_KEY] = known
        return str(known)


def _field(place: Place, name: str) -> str:
    """Return a header field of an environ, or of a scope."""
    if "headers" not in place:
        return str(place.get(f"HTTP_{name.upper().replace('-', '_')}", ""))
    wanted = name.encode("latin-1")
    found = (value for key, value in place["headers"] if key.lower() == wanted)
    return bytes(next(found, b"")).decode("latin-1")


def _shown(text: str) -> str:
    """Return *text* for one line of a log: issuers may put anything into a subject."""
    text = text[:255]
    return text if text.isprintable() else ascii(text)[1:-1]
