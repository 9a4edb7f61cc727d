"""The one timer of an executor's starts: rings for every partition that has something to start.

Knows instants and whom to tell; not runs. Partitions that are due at about the same time are told
together: a turn of the loop costs more than a start.
"""

import asyncio
import heapq
import math
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from duetime.limits import ALARM_GAP_SECONDS, CLOCK_REREAD_SECONDS

_TICKS_PER_SECOND: Final = 1_000  # what loops round to: the nearest, but early is no use


class Sleeper(Protocol):
    """Whoever wants to be told."""

    def ring(self) -> None:
        """Do what is due; never raises. It may set the alarm anew."""
        ...


class Alarm:
    """Tells sleepers, each at its instant, in the order of those."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """`now` is the clock that judges instants."""
        self._now = now
        self._at: dict[Sleeper, datetime] = {}
        self._order: list[tuple[datetime, int, Sleeper]] = []  # also of instants that were changed
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._rang_at = -math.inf
        self._ringing = False

    def set(self, sleeper: Sleeper, at: datetime | None) -> None:
        """Tell `sleeper` once at an instant, in place of the one set before; None: not at all."""
        if self._at.get(sleeper) == at:
            return
        if at is None:
            del self._at[sleeper]
            return
        self._at[sleeper] = at
        self._count += 1
        heapq.heappush(self._order, (at, self._count, sleeper))
        if not self._ringing and self._order[0][2] is sleeper:
            self._wind()

    def _wind(self) -> None:
        """Ring when the first is due, or to read the clock again, which may have been set."""
        while self._order and self._at.get(self._order[0][2]) != self._order[0][0]:
            heapq.heappop(self._order)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._order:
            return
        loop = asyncio.get_running_loop()
        left = (self._order[0][0] - self._now()).total_seconds()
        seconds = min(
            max(left, self._rang_at + ALARM_GAP_SECONDS - loop.time(), 0.0), CLOCK_REREAD_SECONDS
        )
        self._timer = loop.call_later(
            math.ceil(seconds * _TICKS_PER_SECOND) / _TICKS_PER_SECOND, self._ring
        )

    def _ring(self) -> None:
        self._timer = None
        self._rang_at = asyncio.get_running_loop().time()
        now = self._now()
        due: list[Sleeper] = []
        while self._order and self._order[0][0] <= now:
            at, _, sleeper = heapq.heappop(self._order)
            if self._at.get(sleeper) == at:
                del self._at[sleeper]
                due.append(sleeper)
        self._ringing = True
        try:
            for sleeper in due:
                sleeper.ring()
        finally:
            self._ringing = False
        self._wind()
