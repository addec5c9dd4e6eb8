"""A list of revocations costs each new entry the same, however many were dropped."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from jwtguard.core.verify.entries import Entry
from jwtguard.core.verify.revocations import Revocations
from jwtguard.core.verify.revoking import Revoking
from jwtguard.state import MemoryState
from jwtguard.testing import FakeClock, JWTIssuer

MANY = 100_000
"""Entries of which four fifths are dropped before the last ones are timed."""
FEW = 1_000


def processor_time(call: Callable[[int], object], numbers: range) -> float:
    """Return seconds of this process; what other programs do is not among them."""
    gc.collect()
    began = time.process_time()
    for number in numbers:
        call(number)
    return time.process_time() - began


@pytest.mark.slow
def test_a_new_entry_does_not_walk_over_those_that_were_dropped() -> None:
    """Reading a million revocations takes seconds instead of a quarter of an hour."""
    revoked = Revocations(10 * MANY)
    now = 1000.0

    def add(number: int) -> None:
        revoked.add(Entry("sid", "i", f"s{number}", 0.0, now + 60), now)

    for number in range(MANY):
        add(number)
    now += 100
    first = processor_time(add, range(MANY, MANY + FEW))
    for number in range(MANY + FEW, MANY + 2 * MANY // 5):  # each drops two
        add(number)
    last = processor_time(add, range(2 * MANY, 2 * MANY + FEW))
    assert last < 5 * first


@pytest.mark.slow
def test_a_key_in_memory_does_not_walk_over_those_that_expired() -> None:
    """The store in memory keeps its pace under a steady stream of keys."""
    clock = FakeClock()
    state = MemoryState(clock=clock.monotonic)

    def claim(number: int) -> None:
        assert state.claim(f"k{number}", 60)

    for number in range(MANY):
        claim(number)
    clock.advance(100)
    first = processor_time(claim, range(MANY, MANY + FEW))
    for number in range(MANY + FEW, MANY + 2 * MANY // 5):  # each drops two
        claim(number)
    last = processor_time(claim, range(2 * MANY, 2 * MANY + FEW))
    assert last < 5 * first


def test_entries_of_others_share_the_texts_that_they_have_in_common() -> None:
    """Each entry arrives as JSON, with an issuer and a kind of its own."""
    issuer = JWTIssuer(alg="ES256")
    revoked = Revocations(10, shared=True)
    policy = issuer.policy()
    clock = FakeClock(1000.0)
    revoking = Revoking(
        policy, revoked, clock.time, clock.monotonic, lambda *_, **__: None
    )
    for value in ("s1", "s2"):
        revoking.receive(Entry("sid", issuer.url, value, 1000.0, 9e9).encoded())
    (one, _), (two, _) = revoked._recent.items()
    assert (one[0], one[1]) == ("sid", issuer.url)
    assert one[0] is two[0]
    assert one[1] is two[1]
