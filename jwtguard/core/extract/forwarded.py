"""What proxies forwarded: the scheme, the address of the caller, and loopback."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..model.origins import Network, _loopback, address, is_loopback_host
from ..model.request import Request, is_forwarded

_OF_SOCKETS = {"ws": "http", "wss": "https"}

_ADDRESS_AND_PORT = re.compile(
    r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?"
)


def client_address(request: Request, proxies: Sequence[Network | str]) -> str:
    """The caller's address: the rightmost one that is not a trusted proxy."""
    return _hops(request, proxies)[-1]


def _hops(request: Request, proxies: Sequence[Network | str]) -> list[str]:
    """The peer, then each forwarded address that a trusted hop vouches for."""
    hops = [request.peer]
    if not proxies:
        return hops
    fields = request.headers.get("x-forwarded-for", ())
    # The left end is whatever the caller sent. Only what a trusted hop has appended can
    # be believed.
    for text in reversed(",".join(fields).split(",")):
        found = _forwarded_address(text.strip())
        if found is None or not is_trusted(hops[-1], proxies):
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


class Peer(NamedTuple):
    """Who is at the other end of the connection, as the rules about proxies see it."""

    scheme: str
    """``http`` or ``https``, as the server says."""
    rewrites: bool
    """A trusted proxy, whose word on the scheme is believed."""
    local: bool
    """This machine, or a proxy on it."""


def peer_of(scheme: str, address: str, proxies: Sequence[Network | str]) -> Peer:
    """Return what a connection says of itself, whatever is sent on it."""
    own = _OF_SOCKETS.get(scheme, scheme)
    # A proxy cannot make TLS less than it is: https of our own socket stands.
    rewrites = own != "https" and is_trusted(address, proxies)
    return Peer(own, rewrites, _loopback(address))


def scheme(request: Request, own: str, proxies: Sequence[Network | str]) -> str:
    """``http`` or ``https``: as the outermost trusted hop says, else *own*.

    Each hop appends, so values are read from the right, one for each hop we trust. The
    peer is one of the *proxies*.
    """
    proto = request.header("x-forwarded-proto")
    if not proto:
        return own
    values = [value.strip().lower() for value in proto.split(",")]
    value = values[0]
    if len(values) > 1:
        # Some proxies set the field and some append to it: with fewer values than
        # trusted hops, the leftmost one counts.
        trusted = sum(is_trusted(hop, proxies) for hop in _hops(request, proxies))
        value = values[-min(trusted, len(values))]
    return _OF_SOCKETS.get(value, value)


def is_loopback(request: Request) -> bool:
    """This machine talks to itself, and nobody forwarded the request."""
    return _loopback(request.peer) and is_direct(request)


def is_direct(request: Request) -> bool:
    """Whether nobody forwarded the request of a local peer: it names this machine."""
    host = request.header("host")
    return (
        host is not None
        and is_loopback_host(host)
        # A proxy on this machine connects from 127.0.0.1 too, and forwards strangers.
        and not is_forwarded(request.headers)
    )
