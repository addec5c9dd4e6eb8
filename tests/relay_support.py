"""A relay, and one request to it by WSGI, asyncio and trio."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import anyio
import httpx

from jwtguard import Guard, load_policy
from jwtguard.relay import TokenRelay

OWN = {"Origin": "http://localhost:8000"}
LOGIN = {
    "grant_type": "password",
    "client_id": "spa",
    "username": "alice",
    "password": "wonderland",
}
Send = Callable[..., httpx.Response]


def relay_to(issuer: str, upstream: Any = None, **settings: str) -> TokenRelay:
    """Return a relay in front of *issuer*, or of the mock transport *upstream*."""
    environ = {
        "JWTGUARD_ISSUER": issuer,
        "JWTGUARD_AUDIENCE": "https://api.example.com",
        "JWTGUARD_CLIENTS": "spa=http://localhost:8000 web",
        "JWTGUARD_REFRESH_CLIENTS": "spa",
        "JWTGUARD_RELAY_LIMIT": "1000/minute",
        **{f"JWTGUARD_{name}": value for name, value in settings.items()},
    }
    transport = httpx.MockTransport(upstream) if upstream else None
    return TokenRelay(Guard(load_policy(environ)), transport=transport)


def by_wsgi(relay: TokenRelay, method: str, url: str, **kwargs: Any) -> httpx.Response:
    transport = httpx.WSGITransport(app=relay.wsgi, remote_addr="127.0.0.1")
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        return client.request(method, url, **kwargs)


def by_asgi(
    relay: TokenRelay, method: str, url: str, backend: str = "asyncio", **kwargs: Any
) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=relay.asgi)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost"
        ) as client:
            return await client.request(method, url, **kwargs)

    return anyio.run(send, backend=backend)


by_trio = functools.partial(by_asgi, backend="trio")
