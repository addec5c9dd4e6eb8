"""One request, as far as the rules read it (RFC 9110 vocabulary)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

Fields = tuple[tuple[str, str], ...]

"""Header fields in order; names as they are sent."""

_PROXY_NAMES = frozenset({
    "cdn-loop", "client-cert", "client-cert-chain", "client-ip", "forwarded",
    "front-end-https", "proxy-client-ip", "via", "x-bluecoat-via", "x-client-ip",
    "x-cluster-client-ip", "x-coming-from", "x-host", "x-nginx-proxy",
    "x-originating-ip", "x-proxy-id", "x-proxyuser-ip", "x-request-start", "x-scheme",
    "x-url-scheme", "x-varnish",
})  # fmt: skip

_PROXY_PREFIXES = (
    "akamai-", "cf-", "cloudfront-", "fastly-", "fly-", "ssl-client-", "true-client-",
    "wl-proxy-", "x-akamai-", "x-amz-cf-", "x-appengine-", "x-appgw-", "x-arr-",
    "x-azure-", "x-envoy-", "x-forwarded", "x-nf-", "x-original-", "x-real-",
    "x-remote-", "x-ssl-", "x-vercel-",
)  # fmt: skip

# Trace fields (traceparent, X-Amzn-Trace-Id, X-Cloud-Trace-Context, X-Request-ID) are
# not among them: callers on the same machine send those too, and each proxy that adds
# one also adds Via or X-Forwarded-For.
_READ = frozenset({
    "accept", "access-control-request-headers", "access-control-request-method",
    "authorization", "content-encoding", "content-length", "content-type", "cookie",
    "dpop", "host", "origin", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site",
    "transfer-encoding",
})  # fmt: skip


def shows_proxy(name: str) -> bool:
    """Whether a header field of this lower-case *name* is added by proxies."""
    return name in _PROXY_NAMES or name.startswith(_PROXY_PREFIXES)


def has_other_use(name: str) -> bool:
    """Whether the field of this lower-case *name* already means something else."""
    return name in _READ or name in ("dpop", "x-forwarded-for", "x-forwarded-proto")


def is_read(name: str) -> bool:
    """Whether a rule reads the field: adapters need to hand on no others."""
    return name in _READ or shows_proxy(name)


def read_headers(
    fields: Iterable[tuple[str | bytes, str | bytes]],
) -> dict[str, list[str]]:
    """Return the header fields that a rule reads, as ``Request`` takes them.

    *fields* are all fields in order, with names in any case. Bytes are read as Latin-1,
    which loses none of them.
    """
    found: dict[str, list[str]] = {}
    for given, value in fields:
        name = _text(given).lower()
        if is_read(name):
            found.setdefault(name, []).append(_text(value))
    return found


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


Key = TypeVar("Key", str, bytes)

Value = TypeVar("Value")


class NameTable(dict[Key, Value]):
    """What *decide* returns for each header name, remembered for the next request.

    It is bounded: names come from strangers.
    """

    def __init__(self, decide: Callable[[Key], Value]) -> None:
        super().__init__()
        self._decide: Callable[[Key], Value] = decide

    def __missing__(self, name: Key) -> Value:
        """Decide, and remember that of a short name."""
        found = self._decide(name)
        if len(name) <= 64:
            if len(self) >= 1024:
                self.clear()
            self[name] = found
        return found


_shows_proxy = NameTable(shows_proxy).__getitem__


def is_forwarded(headers: Mapping[str, Any]) -> bool:
    """Whether a proxy has added one of these header fields; names in lower case."""
    # Mostly there are only fields that callers send, and none of those is a proxy's.
    return not headers.keys() <= _READ and any(map(_shows_proxy, headers))


class Request(NamedTuple):
    """One request, as far as the rules care.

    ``headers`` maps lower-case names to the values of each field of that name.
    ``path`` is what the application routes on, and ``root`` where it is mounted;
    ``raw_path`` is the target as it was sent, where the server shows it. ``peer`` is an
    address, or ``unix``. ``certificate`` is that of the client's TLS connection to this
    server, as DER or PEM, where the server shows it and the policy asks for it.
    ``opened`` is ``public`` or ``optional`` if the handler says so of itself.
    """

    method: str
    path: str
    headers: Mapping[str, Sequence[str]]
    scheme: str = "https"
    peer: str = ""
    query: str = ""
    raw_path: str | None = None
    websocket: bool = False
    subprotocols: Sequence[str] = ()
    root: str = ""
    certificate: bytes | str | None = None
    opened: str = ""

    def header(self, name: str) -> str | None:
        """Return the field's value, several joined by a comma, or None."""
        values = self.headers.get(name)
        return ", ".join(values) if values else None


new_request: Callable[[tuple[Any, ...]], Request] = partial(tuple.__new__, Request)
"""Makes a request of all its fields in order, for half of what the constructor costs.

Adapters call it once per request.
"""
