"""The time limits of many attempts at once: one timer for all of them.

Knows instants of the loop's clock and whom to tell. Nearly every attempt ends long before its
limit, so what counts is that a limit costs next to nothing to set and to take back: a long one may
be up to LIMIT_STEP_SECONDS late, and shares its moment with others.
"""

import asyncio
import heapq
from typing import Final, Protocol

from duetime.limits import LIMIT_STEP_SECONDS

_EXACT_BELOW_SECONDS: Final = 20 * LIMIT_STEP_SECONDS  # a step late is then a twentieth at most


class Bounded(Protocol):
    """Whoever has a limit."""

    def expire(self) -> None:
        """Be told that it has passed; never raises."""
        ...


class Bounds:
    """Limits, each in the step of time in which it passes."""

    def __init__(self) -> None:
        """Begin with none."""
        self._steps: dict[int, dict[Bounded, None]] = {}
        self._step_of: dict[Bounded, int] = {}
        self._order: list[int] = []
        self._exact: dict[Bounded, asyncio.TimerHandle] = {}
        self._timer: asyncio.TimerHandle | None = None

    def set(self, bounded: Bounded, seconds: float) -> None:
        """Tell it after so many seconds, unless that is taken back."""
        loop = asyncio.get_running_loop()
        if seconds < _EXACT_BELOW_SECONDS:
            self._exact[bounded] = loop.call_later(seconds, self._expire, bounded)
            return
        step = int((loop.time() + seconds) / LIMIT_STEP_SECONDS) + 1
        others = self._steps.get(step)
        if others is None:
            others = self._steps[step] = {}
            heapq.heappush(self._order, step)
            if self._order[0] == step:
                self._wind()
        others[bounded] = None
        self._step_of[bounded] = step

    def take_back(self, bounded: Bounded) -> None:
        """Tell it nothing. Harmless where it has no limit any more."""
        step = self._step_of.pop(bounded, None)
        if step is not None:
            del self._steps[step][bounded]
            return
        timer = self._exact.pop(bounded, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, bounded: Bounded) -> None:
        del self._exact[bounded]
        bounded.expire()

    def _wind(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(self._order[0] * LIMIT_STEP_SECONDS, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        passed: list[Bounded] = []
        while self._order and self._order[0] * LIMIT_STEP_SECONDS <= now:
            passed += self._steps.pop(heapq.heappop(self._order))
        for bounded in passed:
            del self._step_of[bounded]
            bounded.expire()
        if self._order and self._timer is None:
            self._wind()
