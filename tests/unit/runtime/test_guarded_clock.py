"""What a clock that is set does to time."""

import pytest

from duetime.limits import CLOCK_DOUBT_SECONDS, CLOCK_STEP_SECONDS
from duetime.runtime.clock import GuardedClock, ManualClock
from tests.support.builders import NOON, after_noon


class Machine:
    """A wall clock, and elapsed time beside it."""

    def __init__(self) -> None:
        self.wall = ManualClock(NOON)
        self.elapsed = 0.0
        self.steps: list[float] = []
        self.clock = GuardedClock(
            self.wall, elapsed_seconds=lambda: self.elapsed, stepped=self.steps.append
        )

    def passes(self, seconds: float) -> None:
        self.wall.advance(seconds)
        self.elapsed += seconds


def test_time_passes_as_the_wall_clock_says() -> None:
    machine = Machine()
    machine.passes(3_600)

    assert after_noon(3_600) == machine.clock.now()
    assert [] == machine.steps


def test_a_small_correction_is_followed_at_once() -> None:
    machine = Machine()
    machine.wall.advance(CLOCK_STEP_SECONDS)

    assert after_noon(CLOCK_STEP_SECONDS) == machine.clock.now()
    assert [] == machine.steps


@pytest.mark.promise("P2")
def test_a_step_forward_is_doubted_so_that_nothing_starts_early_for_a_glitch() -> None:
    machine = Machine()
    machine.wall.advance(3_600)
    machine.passes(1)

    assert after_noon(1) == machine.clock.now()
    machine.wall.advance(-3_600)
    machine.passes(1)
    assert after_noon(2) == machine.clock.now()
    assert [3_600] == machine.steps


def test_a_step_forward_that_stays_is_believed_in_the_end() -> None:
    machine = Machine()
    machine.wall.advance(3_600)
    machine.clock.now()
    machine.passes(CLOCK_DOUBT_SECONDS)

    assert after_noon(3_600 + CLOCK_DOUBT_SECONDS) == machine.clock.now()
    assert [3_600] == machine.steps


@pytest.mark.promise("P2")
def test_a_step_backward_is_believed_at_once_so_that_nothing_starts_early() -> None:
    machine = Machine()
    machine.wall.advance(-3_600)

    assert after_noon(-3_600) == machine.clock.now()
    assert [-3_600] == machine.steps
