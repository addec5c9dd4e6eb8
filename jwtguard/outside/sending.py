"""What may send requests in place of the network: a function, or httpx's transports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..core.model.effects import FetchFailedError, Incoming, Outgoing

Transport = Callable[[str, Mapping[str, str], float], Any]
"""GET a URL with these header fields within so many seconds.

Returns status, header fields (names in lower case) and body; raises ``OSError``.
"""


class Sender(Protocol):
    """What sends requests in place of the network: a transport as httpx has them."""

    def handle_request(self, request: Any, /) -> Any:
        """Return the response."""


def by_transport(transport: Transport) -> Callable[[Outgoing], Incoming]:
    """Return what sends a GET by somebody's *transport*."""

    def send(outgoing: Outgoing) -> Incoming:
        url = outgoing.url
        try:
            return Incoming(*transport(url, outgoing.headers, outgoing.timeout))
        except OSError as error:
            kind = type(error).__name__
            raise FetchFailedError(f"{url}: {kind}: {error}", kind=kind) from error

    return send
