"""Ports for servers of tests that cannot choose one themselves."""

from __future__ import annotations

import random
import socket

LOWEST, HIGHEST = 20_000, 32_000
"""Below the ports that systems give to outgoing connections. One of those that was free
a moment ago can be taken by any client before the server has it."""
_RANDOM = random.SystemRandom()  # hypothesis sets the seed of the other one
_GIVEN: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on now, and that was not returned before."""
    while True:
        port = _RANDOM.randint(LOWEST, HIGHEST)
        if port in _GIVEN:
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        _GIVEN.add(port)
        return port


def free_ports(count: int) -> list[int]:
    """Return several ports that nobody listens on now."""
    return [free_port() for _ in range(count)]
