"""How a request travelled, and what is remembered of that."""

from __future__ import annotations

import ipaddress
import tracemalloc

import pytest

from jwtguard.core.extract.wire import Wires
from jwtguard.core.model.request import Request

PROXIES = (ipaddress.ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize("peer", ["203.0.113.1", "10.0.0.1", "127.0.0.1"])
@pytest.mark.parametrize("proto", ["{}", "https, {}", None])
def test_strangers_cannot_fill_the_memory_with_long_schemes(
    peer: str, proto: str | None
) -> None:
    """Proxies may hand on theirs, and so may a middleware that sets the scheme."""
    wires = Wires(PROXIES, require_https=True)
    tracemalloc.start()
    try:
        for number in range(100):
            long = f"{number}{'a' * 20_000}"
            headers = {"x-forwarded-proto": (proto.format(long),)} if proto else {}
            own = "http" if proto else long
            wire = wires.of(Request("GET", "/", headers, own, peer))
            assert len(wire.scheme) <= 255
            assert not wire.secure
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 300_000


def test_a_long_scheme_is_cut_and_is_not_https() -> None:
    """The message about a wrong URL still shows how it began."""
    long = "https" * 100
    wire = Wires(PROXIES, require_https=True).of(Request("GET", "/", {}, long))
    assert (wire.scheme, wire.secure) == (long[:255], False)
