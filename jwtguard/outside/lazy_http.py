"""The HTTP client, loaded only where something has to be asked for over the network.

Its imports take most of the time of a start. A guard whose keys are in its settings
never loads it.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.model.effects import Incoming, Outgoing
from ..core.model.policy import Policy
from .sending import Sender, Transport, by_transport


def sender_of(transport: Transport | Sender | None) -> Callable[[Outgoing], Incoming]:
    """Return what sends requests by *transport*; None: over the network.

    A function can only GET: what is not a GET goes over the network then.
    """
    if transport is None:
        return _LazyClient()
    if not callable(transport):
        return _LazyClient(transport)
    get, others = by_transport(transport), _LazyClient()
    return lambda outgoing: (get if outgoing.method == "GET" else others)(outgoing)


def load_client_for(policy: Policy) -> None:
    """Load the HTTP client now if a guard with *policy* has to ask anybody.

    A process that is forked while a thread imports a module never gets the whole of it,
    so the first fetch, which has a thread of its own, must not be what imports it.
    """
    if policy.session_client is not None or not all(
        one.keys is not None and one.tenants is None and one.introspect == "never"
        for one in policy.issuers
    ):
        from . import http  # noqa: F401, PLC0415  # see above


class _LazyClient:
    """The HTTP client, made when it is first used."""

    def __init__(self, sender: Sender | None = None) -> None:
        self._sender = sender
        self._client: Callable[[Outgoing], Incoming] | None = None

    def __call__(self, outgoing: Outgoing) -> Incoming:
        """Send *outgoing* and return the answer; raise ``FetchFailedError``."""
        if self._client is None:
            from .http import HTTPClient  # noqa: PLC0415  # see load_client_for

            self._client = HTTPClient(self._sender)
        return self._client(outgoing)
