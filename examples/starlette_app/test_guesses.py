"""How guesses are counted: by name and address, at most so many, in bounded memory."""

from __future__ import annotations

import pytest

from jwtguard.testing import FakeClock

from .guesses import (
    PER_ADDRESS,
    PER_NAME,
    SECONDS,
    Guesses,
    TooManyGuessesError,
    folded,
    network_of,
)

HERE = "192.0.2.1"


@pytest.fixture
def guesses(jwt_clock: FakeClock) -> Guesses:
    """A counter whose time stands still."""
    return Guesses(jwt_clock.monotonic)


def claimed(guesses: Guesses, name: str, address: str = HERE) -> bool:
    """Whether one more guess is allowed."""
    try:
        guesses.claim(name, address)
    except TooManyGuessesError:
        return False
    return True


def test_guesses_from_elsewhere_do_not_lock_out(guesses: Guesses) -> None:
    """A name is counted for each address alone."""
    assert sum(claimed(guesses, "alice") for _ in range(20)) == PER_NAME
    assert claimed(guesses, "alice", "192.0.2.2")


def test_an_address_cannot_try_all_names(guesses: Guesses) -> None:
    """One password for many names is guessing too."""
    assert sum(claimed(guesses, str(i)) for i in range(200)) == PER_ADDRESS


def test_guesses_count_before_they_are_answered(guesses: Guesses) -> None:
    """However many are made at once, five pass; each right one makes room for one."""
    claims = [guesses.claim("alice", HERE) for _ in range(PER_NAME)]
    assert not claimed(guesses, "alice")
    guesses.give_back(claims[0])
    assert claimed(guesses, "alice")
    assert not claimed(guesses, "alice")


def test_a_late_answer_opens_nothing(guesses: Guesses, jwt_clock: FakeClock) -> None:
    """A guess of the last minute is given back to the last minute."""
    old = guesses.claim("alice", HERE)
    jwt_clock.advance(SECONDS)
    assert sum(claimed(guesses, "alice") for _ in range(PER_NAME)) == PER_NAME
    guesses.give_back(old)
    assert not claimed(guesses, "alice")


def test_memory_is_bounded(jwt_clock: FakeClock) -> None:
    """Any number of addresses and long names takes room for a fixed number."""
    guesses = Guesses(jwt_clock.monotonic, most=100)
    for i in range(500):
        claimed(guesses, "x" * 1000, f"10.0.{i >> 8}.{i & 255}")
    assert guesses.kept == 100
    jwt_clock.advance(SECONDS)
    claimed(guesses, "alice")
    assert guesses.kept == 2


@pytest.mark.parametrize(
    "name",
    [
        "Alice",
        "ALICE",
        " alice ",
        "a\u00adlice",
        "alíce",
        "alice\u200b",
        "\uff41\uff4c\uff49\uff43\uff45",
    ],
)
def test_spellings_of_one_name_are_one(name: str) -> None:
    """Token servers fold names in their own ways; all of them are folded here."""
    assert folded(name) == folded("alice") != folded("alicia")
    assert folded("\ud800")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_one_caller_is_one_network(address: str, network: str) -> None:
    """An IPv6 subscriber has 64 bits of addresses, and guesses as one."""
    assert network_of(address) == network
