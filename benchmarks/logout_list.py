"""What a list of revocations costs: the known token, one more look, memory, time.

``python -m benchmarks.logout_list COUNT`` prints what a list of that length costs a
process of its own.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jwtguard import Guard, load_policy
from jwtguard.asgi import GuardMiddleware, request_of
from jwtguard.core.model.effects import Append, Save
from jwtguard.core.verify.entries import Entry
from jwtguard.core.verify.revoking import STREAM
from jwtguard.outside.redis_state import RedisState
from jwtguard.state import MemoryState
from jwtguard.testing import JWTIssuer

from . import calls
from .site import Sent, Site, token
from .timing import Run, measure, repeated

COUNTS = (0, 200_000, 1_000_000)
"""None; as many as are kept whole; as many as the promise is about."""
DECISIONS, REQUESTS, LOOKS = 20_000, 5_000, 2_000
LIFETIME = 86_400.0
WAIT = 600.0


def entries(issuer: str, count: int) -> Iterator[Entry]:
    """Yield revoked sessions, with ids as long as Keycloak's."""
    now = float(int(time.time()))
    for number in range(count):
        sid = f"{number:08x}-6b1c-4d2e-9f03-5a7e8c1d2b46"
        yield Entry("sid", issuer, sid, now, now + LIFETIME)


def guard_with(site: Site, count: int) -> Guard:
    """Return a guard that has heard of *count* revocations from others."""
    guard = Guard(load_policy(site.environ()), state=MemoryState())
    receive = guard._flow.revoking.receive  # noqa: SLF001  # as the follower does
    for entry in entries(site.issuer, count):
        receive(entry.encoded())
    return guard


@dataclass(frozen=True)
class Timed:
    """What is timed with one list, in turns with the others."""

    decision: Run
    request: Run
    look: Run


def timed(site: Site, text: str, count: int) -> Timed:
    """Return what is timed with a list of *count* entries."""
    guard = guard_with(site, count)
    flow = guard._flow  # noqa: SLF001  # its pieces are what is timed
    guard.verify(text)
    request = request_of(calls.scope_of(Sent(token=text)))
    known = flow.verifier.token_cache.get(text)[1]
    if known is None or flow.fast.decide(request) is None:
        raise RuntimeError("the token is not known")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    def look() -> None:
        known.generation = -1  # as after a new entry
        flow.fast.decide(request)

    guarded = GuardMiddleware(app, guard)
    return Timed(
        repeated(lambda: flow.fast.decide(request), DECISIONS),
        calls.asgi(guarded, [Sent(token=text)], REQUESTS),
        repeated(look, LOOKS),
    )


def hot_path(rounds: int, done: Callable[[], None]) -> dict[str, Any]:
    """Time a known token with each list, in turns; microseconds, round by round."""
    issuer = JWTIssuer()
    site, text = Site.of(issuer), token(issuer)
    lists = {str(count): timed(site, text, count) for count in COUNTS}
    kinds = ("decision", "request", "look")
    found: dict[str, Any] = {kind: {name: [] for name in lists} for kind in kinds}
    for number in range(rounds):
        names = list(lists) if number % 2 else list(lists)[::-1]
        for kind in kinds:
            for name in names:
                found[kind][name].append(measure(getattr(lists[name], kind)))
        done()
    return found


def costs(count: int) -> dict[str, float]:
    """Return what a list of *count* entries costs a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.logout_list"]
    done = subprocess.run(
        [*command, str(count)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def own_costs(count: int) -> dict[str, float]:
    """Fill a list in this process: megabytes, and seconds of processor time."""
    site = Site.of(JWTIssuer())
    guard_with(site, 100)
    gc.collect()
    before, began = resident(), time.process_time()
    guard = guard_with(site, count)
    seconds = time.process_time() - began
    gc.collect()
    known = len(guard._flow.revocations)  # noqa: SLF001
    if known != count:
        raise RuntimeError(f"{known} entries instead of {count}")
    return {"megabytes": (resident() - before) / 1e6, "seconds": seconds}


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * resource.getpagesize()


def stored(url: str, count: int) -> dict[str, float]:
    """Store *count* entries in Redis: bytes for each; seconds of the processor that a
    process needs to read them all.
    """
    site = Site.of(JWTIssuer())
    store = RedisState(url, timeout=WAIT)
    client = store._client()  # noqa: SLF001
    before = client.info("memory")["used_memory"]
    batch: list[Any] = []
    for entry in entries(site.issuer, count):
        batch.append(Append(STREAM, entry.encoded(), LIFETIME))
        batch.append(Save(entry.name, entry.encoded(), LIFETIME))
        if len(batch) >= 1000:
            store.batch(batch)
            batch = []
    store.batch(batch)
    used = client.info("memory")["used_memory"] - before
    environ = {**site.environ(), "JWTGUARD_STATE": url}
    guard = Guard(load_policy(environ))
    began = time.process_time()
    guard.link.follower.start()
    guard.link.follower.caught_up.result(WAIT)
    seconds = time.process_time() - began
    guard.link.follower.stop()
    client.flushall()
    return {"bytes": used / count, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(own_costs(int(sys.argv[1]))))
