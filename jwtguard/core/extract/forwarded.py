"""What proxies forwarded: the scheme, the address of the caller, and loopback."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from ..model.origins import LONGEST, Network, _loopback, address, is_loopback_host
from ..model.request import NameTable, Request, shows_proxy

_OF_SOCKETS = {"ws": "http", "wss": "https"}

_ADDRESS_AND_PORT = re.compile(
    r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?"
)

_shows_proxy = NameTable(shows_proxy).__getitem__


Trusts = Callable[[str], bool]
"""Whether an address is that of a trusted proxy."""


def client_address(request: Request, proxies: Sequence[Network | str]) -> str:
    """The caller's address: the rightmost one that is not a trusted proxy."""
    if not proxies:
        return request.peer
    return _hops(request, partial(is_trusted, proxies=proxies))[-1]


def _hops(request: Request, trusts: Trusts) -> list[str]:
    """The peer, then each forwarded address that a trusted hop vouches for."""
    hops = [request.peer]
    fields = request.headers.get("x-forwarded-for", ())
    # The left end is whatever the caller sent. Only what a trusted hop has appended can
    # be believed.
    for text in reversed(",".join(fields).split(",")):
        found = _forwarded_address(text.strip())
        if found is None or not trusts(hops[-1]):
            break
        hops.append(found)
    return hops


def _forwarded_address(text: str) -> str | None:
    """The address alone: some proxies add the port, which differs each time."""
    found = _ADDRESS_AND_PORT.fullmatch(text)
    bare = (found[1] or found[2]) if found else text
    return bare if address(bare) is not None else None


def is_trusted(peer: str, proxies: Sequence[Network | str]) -> bool:
    if peer == "unix":
        return "unix" in proxies
    found = address(peer)
    return found is not None and any(
        not isinstance(network, str) and found in network for network in proxies
    )


def trusting(proxies: Sequence[Network | str]) -> Trusts:
    """Return the same for one list of proxies; it remembers, as each request asks."""
    remembered = lru_cache(maxsize=1024)(partial(is_trusted, proxies=proxies))
    return lambda peer: len(peer) <= LONGEST and remembered(peer)


def scheme(request: Request, trusts: Trusts) -> str:
    """``http`` or ``https``: as the server says, or as the outermost trusted hop does.

    Each hop appends, so values are read from the right, one for each hop we trust.
    """
    own = _OF_SOCKETS.get(request.scheme, request.scheme)
    # A proxy cannot make TLS less than it is: https of our own socket stands.
    if own == "https" or not trusts(request.peer):
        return own
    proto = request.header("x-forwarded-proto")
    if not proto:
        return own
    values = [value.strip().lower() for value in proto.split(",")]
    value = values[0]
    if len(values) > 1:
        # Some proxies set the field and some append to it: with fewer values than
        # trusted hops, the leftmost one counts.
        trusted = sum(map(trusts, _hops(request, trusts)))
        value = values[-min(trusted, len(values))]
    return _OF_SOCKETS.get(value, value)


def is_loopback(request: Request) -> bool:
    """This machine talks to itself, and nobody forwarded the request."""
    host = request.header("host")
    return (
        _loopback(request.peer)
        and host is not None
        and is_loopback_host(host)
        # A proxy on this machine connects from 127.0.0.1 too, and forwards strangers.
        and not any(map(_shows_proxy, request.headers))
    )
