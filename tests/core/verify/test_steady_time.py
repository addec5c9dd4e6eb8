"""A clock that is ahead is not believed at once."""

from __future__ import annotations

from jwtguard.core.verify.steady_time import PATIENCE, SLEW, SteadyTime


class Clocks:
    """A clock that can be wrong, and one that cannot."""

    def __init__(self) -> None:
        self.wall, self.elapsed = 1000.0, 0.0

    def advance(self, seconds: float, jump: float = 0) -> None:
        self.wall += seconds + jump
        self.elapsed += seconds


def test_a_jump_ahead_is_believed_after_an_hour() -> None:
    """Until then time goes on as it did."""
    clocks = Clocks()
    steady = SteadyTime(lambda: clocks.wall, lambda: clocks.elapsed)
    clocks.advance(1, jump=86400)
    assert steady() == 1001
    clocks.advance(PATIENCE / 2)
    assert steady() == 1001 + PATIENCE / 2
    clocks.advance(PATIENCE)
    assert steady() == clocks.wall


def test_small_steps_and_steps_back_are_believed_at_once() -> None:
    """A clock that is disciplined moves like that."""
    clocks = Clocks()
    steady = SteadyTime(lambda: clocks.wall, lambda: clocks.elapsed)
    clocks.advance(1, jump=SLEW)
    assert steady() == clocks.wall
    clocks.advance(1, jump=-500)
    assert steady() == clocks.wall
