"""A network and events that tests of the key cache look at."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from jwtguard.core.model.effects import (
    Ask,
    Await,
    FetchFailedError,
    Flight,
    Incoming,
    Start,
)
from jwtguard.core.model.jwk import Key, KeySet
from jwtguard.core.verify.keys import DEADLINE, KeyCache, Wanted
from jwtguard.outside.fetcher import drive
from jwtguard.outside.sending import by_transport
from jwtguard.testing import JWTIssuer

ISSUER = "https://issuer.example"
JWKS_URL = f"{ISSUER}/jwks"
DAY = 86400.0


class Network:
    """Serves an issuer's keys, counts, and lands fetches when it is told to."""

    def __init__(self, issuer: JWTIssuer) -> None:
        self.issuer = issuer
        self.count = 0
        self.waits = 0
        self.status = 200
        self.fields: dict[str, str] = {}
        self.sent: Mapping[str, str] = {}
        self.body: bytes | None = None
        self.down = False
        self.asked: list[str] = []
        self.held_back = False
        """Fetches stay under way until ``land``."""
        self.pending: list[Flight] = []

    def transport(self, url: str, headers: Mapping[str, str], _: float) -> Incoming:
        self.asked.append(url)
        if self.down:
            raise FetchFailedError("the issuer is down")
        if url != JWKS_URL:
            return self.issuer.transport(url, headers, 0)
        self.sent = headers
        body = self.body
        if body is None:
            body = json.dumps(self.issuer.jwks()).encode()
        return Incoming(self.status, self.fields, body)

    def land(self) -> None:
        """Let what is under way come to its end."""
        for flight in self.pending:
            flow = flight.work.refresh(flight)
            drive(flow, by_transport(self.transport), lambda: DEADLINE)
            flight.done.set_result(None)
        self.pending = []

    def run(self, flow: Generator[Ask, None, Sequence[Key]]) -> Sequence[Key]:
        """Drive *flow*; whoever waits for a fetch sees it land, unless held back."""
        try:
            while True:
                ask = next(flow)
                if isinstance(ask, Start):
                    self.count += 1
                    self.pending.append(ask.flight)
                else:
                    assert isinstance(ask, Await)
                    self.waits += 1
                if not self.held_back:
                    self.land()
        except StopIteration as stop:
            found: Sequence[Key] = stop.value
            return found


class Told(list[tuple[str, dict[str, Any]]]):
    """What was emitted."""

    def __call__(self, event: str, **fields: Any) -> None:
        self.append((event, fields))

    @property
    def names(self) -> list[str]:
        return [event for event, _ in self]


MakeCache = Callable[..., KeyCache]


def is_fresh(cache: KeyCache, keys: KeySet) -> bool:
    """Whether a key of *keys* is at hand without a fetch, now or in the background."""
    held = cache.at_hand()
    return held is not None and list(held.keys) == list(keys.keys)


def named(kid: str) -> Wanted:
    return lambda held: held.select("ES256", kid, "one")


def kid_of(issuer: JWTIssuer) -> str:
    kid: str = issuer.published[-1]["kid"]
    return kid


def find(cache: KeyCache, network: Network, kid: str) -> None:
    """Find the key *kid*, or raise; what comes back is that key."""
    assert [key.kid for key in network.run(cache.find(named(kid)))] == [kid]
