"""Time as a port: what the wall clock says, and a manual one for tests and the simulator.

The only module that reads the wall clock.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from duetime.limits import CLOCK_DOUBT_SECONDS, CLOCK_STEP_SECONDS


class Clock(Protocol):
    """Says what time it is: an aware UTC datetime."""

    def now(self) -> datetime:
        """Give the wall clock's instant."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """Give the wall clock's instant."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        """Start at an aware instant."""
        self._now = now

    def now(self) -> datetime:
        """Give the instant it was last set to."""
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Move by so many seconds, backwards too; give the new instant."""
        self._now += timedelta(seconds=seconds)
        return self._now

    def set(self, now: datetime) -> None:
        """Jump to an instant."""
        self._now = now


class GuardedClock:
    """A wall clock that doubts a sudden step forward for a while (DESIGN section 5, clocks).

    Compared with elapsed time, a step above CLOCK_STEP_SECONDS means that somebody set the clock.
    Forward, it could start far too much far too early, so for CLOCK_DOUBT_SECONDS time goes on as
    before, and the step is believed only if it is still there; a glitch passes unnoticed. Backward
    it is believed at once: it only makes things wait, and never early.
    """

    def __init__(
        self,
        wall: Clock,
        *,
        elapsed_seconds: Callable[[], float],
        stepped: Callable[[float], None],
    ) -> None:
        """Guard `wall`; `stepped` is told each step, in seconds, once.

        `elapsed_seconds` must go on while the machine sleeps, else waking up looks like a step.
        """
        self._wall = wall
        self._elapsed_seconds = elapsed_seconds
        self._stepped = stepped
        # One value, set at once: writer threads ask for the time too.
        self._base = (wall.now(), elapsed_seconds())
        self._doubted_from: float | None = None

    def now(self) -> datetime:
        """Give the wall clock's instant, or what it would be had it not just been set forward."""
        wall, elapsed = self._wall.now(), self._elapsed_seconds()
        base, base_elapsed = self._base
        step = (wall - base).total_seconds() - (elapsed - base_elapsed)
        if -CLOCK_STEP_SECONDS <= step <= CLOCK_STEP_SECONDS:
            self._doubted_from = None
            self._base = (wall, elapsed)
            return wall
        if step < 0:
            self._stepped(step)
            return self._believe(wall, elapsed)
        if self._doubted_from is None:
            self._doubted_from = elapsed
            self._stepped(step)
        if elapsed - self._doubted_from < CLOCK_DOUBT_SECONDS:
            return base + timedelta(seconds=elapsed - base_elapsed)
        self._doubted_from = None
        return self._believe(wall, elapsed)

    def _believe(self, wall: datetime, elapsed: float) -> datetime:
        self._base = (wall, elapsed)
        return wall


def guarded_system_clock(stepped: Callable[[float], None]) -> GuardedClock:
    """Give the machine's wall clock, guarded; `stepped` is told each step, in seconds."""
    return GuardedClock(SystemClock(), elapsed_seconds=boot_seconds, stepped=stepped)


def boot_seconds() -> float:
    """Give the seconds since the machine started, those asleep included where it can tell."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
