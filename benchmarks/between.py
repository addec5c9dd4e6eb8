"""Requests *between other work*: short blocks, interleaved with those of the others.

In a server, a request finds the processor's caches full of something else, and every
string of it is new. So each contestant makes 25 requests with objects of their own, and
then all the others have their turn.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import cycle, islice
from random import Random
from statistics import median
from typing import Any

from .calls import environ_of, scope_of
from .case import Case
from .peers import BASES, Peer
from .site import ORIGIN, Sent, Site
from .timing import Run

BLOCK = 25
"""Requests in one block."""
TURNS = 7
"""Blocks behind one sample, which is their median."""
FOREIGN = f"{ORIGIN}.evil"


def calls(call: Callable[[str], object], tokens: Sequence[str]) -> Run:
    """Return a run of one block of calls, each with a token in a new string."""
    turns = cycle(tokens)

    def run() -> float:
        taken = [one.encode().decode() for one in islice(turns, BLOCK)]
        began = time.process_time()
        for token in taken:
            call(token)
        return (time.process_time() - began) / BLOCK * 1e6

    return run


def asgi(app: Any, sent: Sequence[Sent]) -> Run:
    """Return a run of one block of requests to an ASGI application."""
    turns = cycle(sent)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        return None

    async def block() -> float:
        scopes = [scope_of(one) for one in islice(turns, BLOCK)]
        began = time.process_time()
        for scope in scopes:
            await app(scope, receive, send)
        return (time.process_time() - began) / BLOCK * 1e6

    return lambda: asyncio.run(block())


def wsgi(app: Any, sent: Sequence[Sent]) -> Run:
    """Return a run of one block of requests to a WSGI application."""
    turns = cycle(sent)

    def start(_status: str, _fields: Any, _exc_info: Any = None, /) -> Any:
        return None

    def run() -> float:
        environs = [environ_of(one) for one in islice(turns, BLOCK)]
        for environ in environs:
            environ["wsgi.input"] = BytesIO()
            # A server decodes each field anew.
            environ["HTTP_AUTHORIZATION"] = (
                environ.get("HTTP_AUTHORIZATION", "").encode().decode()
            )
        began = time.process_time()
        for environ in environs:
            answer = app(environ, start)
            for _piece in answer:
                pass
            if hasattr(answer, "close"):
                answer.close()
        return (time.process_time() - began) / BLOCK * 1e6

    return run


def of_bases(tokens: Sequence[str]) -> Iterator[Case]:
    """The bare applications, with the same requests."""
    for name, (kind, make) in BASES.items():
        drive = asgi if kind == "asgi" else wsgi
        yield Case("bare", name, drive(make(), [Sent(token=one) for one in tokens]))


def of_peer(who: Peer, app: Any, site: Site, tokens: Sequence[str]) -> Iterator[Case]:
    """New and known tokens, and one that is refused, by one peer."""
    drive = asgi if who.kind == "asgi" else wsgi

    def case(what: str, app: Any, sent: Sequence[Sent], **more: Any) -> Case:
        return Case(what, who.name, drive(app, sent), who.base, **more)

    if who.tokens and not who.least:
        sent = [Sent(token=one) for one in tokens]
        yield case(f"new {site.alg}", app, sent, before=site.forget)
    if site.alg != "RS256" or not (who.tokens or who.least):
        return
    # An application of its own, because those above forget what they have verified.
    another = who.make(replace(site, guards=[]))
    yield case("known token", another, [Sent(token=tokens[0])])
    if who.ours and who.base in ("ASGI", "WSGI"):
        refused = Sent(token=tokens[0], origin=FOREIGN)
        yield case("origin refused", another, [refused])


def sample(cases: Sequence[Case]) -> dict[tuple[str, str], float]:
    """Return one figure for each case: the median of blocks, taken in turns.

    Each turn has another order: a block that always came behind one of the same library
    or framework would find its code in the processor's caches.
    """
    found: dict[tuple[str, str], list[float]] = {
        (one.what, one.who): [] for one in cases
    }
    order = Random()
    for _ in range(TURNS):
        for one in order.sample(cases, len(cases)):
            one.before()
            found[one.what, one.who].append(one.run())
    return {name: median(blocks) for name, blocks in found.items()}
