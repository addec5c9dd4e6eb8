"""What happens to keys in production: herds, floods, slow and dead issuers, rotation.

Each scenario takes a peer's class and returns figures by name. Latency counts from
the moment at which a request was due: it holds whatever the event loop did meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import anyio

from .issuer_process import Issuer
from .key_caches import KeyCache

Figures = dict[str, Any]
Kind = type[KeyCache]

HERD = 500
VALID_RATE = 200
"""Good requests per second: far from what one core can do, so that no queue builds."""
FLOOD_RATE = 500
"""Bad ones per second, 2,000 in a slice. A faster flood would measure how the core is
shared out among requests, which is the business of rate limits in front of the API."""
SLICE = 4.0
SLOW = 5.0
PATIENCE = 12.0
SCHEDULER = Path("/proc/thread-self/schedstat")


class Tally:
    """Latencies in milliseconds, and how many were refused."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.refused = 0

    @property
    def p99(self) -> float:
        return quantiles(self.waits, n=100)[98] if len(self.waits) > 1 else 0.0


async def traffic(
    cache: KeyCache, tokens: Sequence[str], rate: float, seconds: float
) -> Tally:
    """Send *rate* requests a second, each at its time, whatever became of the last."""
    tally, began = Tally(), time.perf_counter()

    async def one(token: str, due: float) -> None:
        try:
            await cache.averify(token)
        except Exception:  # noqa: BLE001  # each library has its own
            tally.refused += 1
        tally.waits.append((time.perf_counter() - due) * 1000)

    number = int(rate * seconds)
    with anyio.move_on_after(seconds + PATIENCE):
        async with anyio.create_task_group() as group:
            for index in range(number):
                due = began + index / rate
                await anyio.sleep(max(0.0, due - time.perf_counter()))
                group.start_soon(one, tokens[index % len(tokens)], due)
    lost = number - len(tally.waits)
    tally.refused += lost
    tally.waits.extend([(seconds + PATIENCE) * 1000] * lost)
    return tally


async def accepted(cache: KeyCache, token: str) -> bool:
    """Whether *token* passes now."""
    try:
        await cache.averify(token)
    except Exception:  # noqa: BLE001
        return False
    return True


def queued() -> float:
    """Return the seconds that this thread has waited for a core (Linux; else 0)."""
    try:
        return int(SCHEDULER.read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


async def settled() -> None:
    """Give a fetch in the background the time to land: the issuer is near."""
    await anyio.sleep(0.05)


# A cold herd.


def herd(kind: Kind, issuer: Issuer, driver: str) -> Figures:
    """500 first requests at once, while the issuer takes 0.2 s to answer."""
    issuer.reset()
    issuer.answer(delay=0.2)
    tokens, before = issuer.tokens(HERD), issuer.fetches
    began = time.perf_counter()
    if driver == "threads":
        refused = _herd_of_threads(kind(issuer), tokens)
    else:
        refused = anyio.run(_herd_of_tasks, kind, issuer, tokens, backend=driver)
    seconds = time.perf_counter() - began
    fetches = issuer.fetches - before
    return {"fetches": fetches, "refused": refused, "seconds": seconds}


def _herd_of_threads(cache: KeyCache, tokens: list[str]) -> int:
    def refused(token: str) -> bool:
        try:
            cache.verify(token)
        except Exception:  # noqa: BLE001
            return True
        return False

    with ThreadPoolExecutor(HERD) as pool:
        return sum(pool.map(refused, tokens))


async def _herd_of_tasks(kind: Kind, issuer: Issuer, tokens: list[str]) -> int:
    cache, passed = kind(issuer), []

    async def one(token: str) -> None:
        passed.append(await accepted(cache, token))

    async with anyio.create_task_group() as group:
        for token in tokens:
            group.start_soon(one, token)
    await cache.close()
    return passed.count(False)


# Made-up key ids.


async def flood(kind: Kind, issuer: Issuer, rounds: int) -> Figures:
    """Good traffic without and with 2,000 made-up key ids, in turn, several times."""
    issuer.reset()
    cache, good = kind(issuer), issuer.tokens(int(VALID_RATE * SLICE))
    bad = issuer.tokens(int(FLOOD_RATE * SLICE), unknown=True)
    await cache.averify(good[0])
    quiet, flooded, fetches, refused = [], [], [], 0
    for _ in range(rounds):
        cache.age(60)
        tally = await traffic(cache, good, VALID_RATE, SLICE)
        quiet.append(tally.p99)
        refused += tally.refused
        cache.age(60)
        before = issuer.fetches
        async with anyio.create_task_group() as group:
            group.start_soon(traffic, cache, bad, FLOOD_RATE, SLICE)
            tally = await traffic(cache, good, VALID_RATE, SLICE)
        flooded.append(tally.p99)
        refused += tally.refused
        fetches.append(issuer.fetches - before)
    await cache.close()
    return {
        "p99_quiet_ms": median(quiet),
        "p99_flooded_ms": median(flooded),
        "ratio": median(flooded) / median(quiet),
        "fetches_per_slice": max(fetches),
        "refused_good": refused,
        "samples_ms": {"quiet": quiet, "flooded": flooded},
    }


# A slow issuer.


async def slow(kind: Kind, issuer: Issuer, rounds: int) -> Figures:
    """Keys expire under load, and the issuer takes 5 s to answer."""
    issuer.reset()
    cache, tokens = kind(issuer), issuer.tokens(int(VALID_RATE * SLICE))
    await cache.averify(tokens[0])
    idle, busy, longest, waited, refused, sent = [], [], [], 0, 0, 0
    for _ in range(rounds):
        issuer.answer(delay=0.0)
        _, gap = await _ticking(cache, tokens)
        idle.append(gap)
        issuer.answer(delay=SLOW)
        cache.age(kind.lifetime * 1.08)
        tally, gap = await _ticking(cache, tokens)
        busy.append(gap)
        longest.append(max(tally.waits))
        waited += sum(wait > SLOW * 1000 / 2 for wait in tally.waits)
        refused += tally.refused
        sent += len(tally.waits)
    issuer.answer(delay=0.0)
    await cache.close()
    return {
        "longest_wait_ms": median(longest),
        "requests": sent,
        "waited": waited,
        "refused": refused,
        "gap_idle_ms": median(idle),
        "gap_slow_ms": median(busy),
        "samples_ms": {"idle": idle, "slow": busy},
    }


async def _ticking(cache: KeyCache, tokens: list[str]) -> tuple[Tally, float]:
    """Run traffic beside a ticker of 1 ms; return also its largest gap, in ms.

    What this thread waited for a core, while others had it, is taken off.
    """
    largest = 0.0

    async def tick() -> None:
        nonlocal largest
        last = time.perf_counter() - queued()
        while True:
            await anyio.sleep(0.001)
            now = time.perf_counter() - queued()
            largest, last = max(largest, now - last), now

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        tally = await traffic(cache, tokens, VALID_RATE, SLOW + 1.5)
        group.cancel_scope.cancel()
    return tally, largest * 1000


# An issuer that is down.


async def outage(kind: Kind, issuer: Issuer, _rounds: int) -> Figures:
    """24 hours of 500s in steps of half an hour, 20 requests each; then recovery."""
    issuer.reset()
    cache, tokens = kind(issuer), issuer.tokens(20)
    await cache.averify(tokens[0])
    issuer.answer(status=500)
    refused = 0
    for _ in range(48):
        cache.age(1800)
        for token in tokens:
            refused += not await accepted(cache, token)
        await settled()
    lasted = await _until(cache, tokens[0], 1800, 200, passes=False)
    issuer.answer(status=200)
    back = await _until(cache, tokens[0], 5, 200, passes=True)
    await cache.close()
    return {"requests": 960, "refused": refused, "then_hours": lasted / 3600 + 24,
            "recovery_s": back}  # fmt: skip


async def _until(
    cache: KeyCache, token: str, step: float, most: int, *, passes: bool
) -> float:
    """Return after how many seconds *token* passes, or does not; inf if never."""
    for number in range(most):
        if await accepted(cache, token) is passes:
            return number * step
        await settled()
        cache.age(step)
    return float("inf")


# Rotation.


async def rotation(kind: Kind, issuer: Issuer, _rounds: int) -> Figures:
    """A new key right after a fetch; later the old one is published no more."""
    issuer.reset()
    cache, (old,) = kind(issuer), issuer.tokens(1)
    await cache.averify(old)
    issuer.rotate()
    (new,) = issuer.tokens(1)
    first = await _until(cache, new, 5, 1000, passes=True)
    both = [await accepted(cache, token) for token in (old, new) * 50]
    issuer.withdraw()
    gone = await _until(cache, old, 30, 300, passes=False)
    kept = await accepted(cache, new)
    await cache.close()
    return {"accepted_after_s": first, "refused_between": both.count(False),
            "refused_after_s": gone, "new_still_accepted": kept}  # fmt: skip


SCENARIOS: dict[str, Callable[..., Any]] = {
    "flood": flood,
    "slow": slow,
    "outage": outage,
    "rotation": rotation,
}


def run(name: str, kind: Kind, issuer: Issuer, rounds: int) -> Figures:
    """Run one scenario on an event loop of its own."""
    found: Figures = anyio.run(SCENARIOS[name], kind, issuer, rounds)
    return found
