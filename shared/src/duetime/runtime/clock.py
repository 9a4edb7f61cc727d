"""Time as a port: what the wall clock says, and a manual one for tests and the simulator.

The only module that reads the wall clock.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol


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
