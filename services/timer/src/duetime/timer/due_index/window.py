"""The near end of a long order, in memory: a heap in front of an index on disk.

Knows entries (wake in microseconds, task id) and what was put since the last commit; not where the
rest lies (`load` reads it). Bounded by count, so that no burst at one instant can fill the memory.

Every waking task whose entry lies before the horizon is here, and so is every uncommitted one; what
lies behind it is on disk alone. A scan of the disk begins at the horizon, never at the front: it
would have to step over the tombstones of everything that has woken.
"""

import heapq
from collections.abc import Callable, Container, Sequence
from typing import Final

Entry = tuple[int, str]
"""When a task wakes, in microseconds since 1970, and its id."""

BEGINNING: Final[Entry] = (-(1 << 63), "")
END: Final[Entry] = ((1 << 63) - 1, "")

Load = Callable[[Entry, int], tuple[Sequence[Entry], Entry]]
"""Reads up to so many committed entries from one on; gives them, and up to where it has read.

What has an uncommitted change is passed over: the window knows better.
"""

_SPARE: Final = 1_024  # stale entries that are not worth building the heap anew


class Window:
    """The tasks that wake next. `horizon`: all committed entries before it are here."""

    def __init__(
        self, load: Load, *, horizon: Entry, tasks_max: int, loaded_tasks_max: int
    ) -> None:
        """Begin empty, with nothing committed before the horizon."""
        self.horizon = horizon
        self._load = load
        self._tasks_max = tasks_max
        self._loaded_tasks_max = loaded_tasks_max
        self._wakes: dict[str, int] = {}
        self._heap: list[Entry] = []

    def set(self, task_id: str, wake: int | None) -> None:
        """Take note of when a task wakes, before that is on disk. None: never, or it is gone."""
        if wake is None:
            self._wakes.pop(task_id, None)
        elif self._wakes.get(task_id) != wake:
            self._wakes[task_id] = wake
            heapq.heappush(self._heap, (wake, task_id))
        self._tidy()

    def settle(self, task_id: str) -> None:
        """Leave a task to the disk, where it is now, if it lies behind the horizon."""
        wake = self._wakes.get(task_id)
        if wake is not None and (wake, task_id) >= self.horizon:
            del self._wakes[task_id]

    def trim(self, uncommitted: Container[str]) -> None:
        """Draw the horizon nearer where there are too many; uncommitted ones stay in any case."""
        if len(self._wakes) <= 2 * self._tasks_max:
            return
        entries = ((wake, task_id) for task_id, wake in self._wakes.items())
        nearest = heapq.nsmallest(self._tasks_max + 1, entries)
        self.horizon = min(self.horizon, nearest[-1])
        self._wakes = {
            task_id: wake
            for task_id, wake in self._wakes.items()
            if (wake, task_id) < self.horizon or task_id in uncommitted
        }
        self._rebuild()

    def until(self, limit: int, tasks_max: int) -> list[str]:
        """Give the first tasks to wake up to and including `limit`."""
        found: list[Entry] = []
        while len(found) < tasks_max and (first := self.first()) is not None and first[0] <= limit:
            heapq.heappop(self._heap)
            if first not in found[-1:]:
                found.append(first)
        # Put back at once: a question changes no answer.
        for entry in found:
            heapq.heappush(self._heap, entry)
        return [task_id for _, task_id in found]

    def first(self) -> Entry | None:
        """Give the entry that comes first, from wherever it is."""
        while True:
            while self._heap and self._wakes.get(self._heap[0][1]) != self._heap[0][0]:
                heapq.heappop(self._heap)
            if self.horizon == END or (self._heap and self._heap[0] < self.horizon):
                return self._heap[0] if self._heap else None
            entries, self.horizon = self._load(self.horizon, self._loaded_tasks_max)
            for wake, task_id in entries:
                self._wakes[task_id] = wake
                heapq.heappush(self._heap, (wake, task_id))

    def lowest(self) -> Entry:
        """Give an entry before which nothing is on disk, apart from what uncommitted ones had."""
        while self._heap and self._wakes.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return min(self._heap[0], self.horizon) if self._heap else self.horizon

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._wakes) + _SPARE:
            self._rebuild()

    def _rebuild(self) -> None:
        self._heap = sorted((wake, task_id) for task_id, wake in self._wakes.items())
