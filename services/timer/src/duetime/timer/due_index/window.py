"""The near end of a long order, in memory: a heap in front of what lies elsewhere.

Knows entries (wake in microseconds, task id); not where the rest lies (`load` reads it). Bounded by
count, so that no burst at one instant can fill the memory.

Every task whose entry lies before the horizon is here, and no other. A scan of the rest begins at
the horizon, never at the front: it would have to step over the tombstones of all that has woken.
What was loaded is a claim until it was checked: an entry that a later change made void may still
lie there.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Final

Entry = tuple[int, str]
"""When a task wakes, in microseconds since 1970, and its id."""

BEGINNING: Final[Entry] = (-(1 << 63), "")
END: Final[Entry] = ((1 << 63) - 1, "")

Load = Callable[[Entry, int], tuple[Sequence[Entry], Entry]]
"""Reads about so many entries from one on; gives them, and up to where they are all there are."""
Check = Callable[[Sequence[Entry]], Iterable[tuple[str, int | None]]]
"""Says of each entry's task when it wakes really, if at all."""

_SPARE: Final = 1_024  # stale entries that are not worth building the heap anew
_CHECKED_AT_ONCE: Final = 64  # where only the first is asked for


class Window:
    """The tasks that wake next. `horizon`: all entries before it are here."""

    def __init__(
        self, load: Load, check: Check, *, horizon: Entry, tasks_max: int, loaded_tasks_max: int
    ) -> None:
        """Begin empty, with nothing before the horizon."""
        self.horizon = horizon
        self._load = load
        self._check = check
        self._tasks_max = tasks_max
        self._loaded_tasks_max = loaded_tasks_max
        self._wakes: dict[str, int] = {}
        self._claims: set[str] = set()
        self._heap: list[Entry] = []

    def set(self, task_id: str, wake: int | None) -> None:
        """Take note of when a task wakes. None: never, or it is gone."""
        if self._claims:
            self._claims.discard(task_id)
        if wake is None or (wake, task_id) >= self.horizon:
            self._wakes.pop(task_id, None)
        elif self._wakes.get(task_id) != wake:
            self._wakes[task_id] = wake
            heapq.heappush(self._heap, (wake, task_id))
        if len(self._heap) > 2 * len(self._wakes) + _SPARE:
            self._rebuild()

    def claim(self, task_id: str, wake: int | None) -> None:
        """Take note of when a task may wake; it is checked before it counts."""
        self.set(task_id, wake)
        if task_id in self._wakes:
            self._claims.add(task_id)

    def trim(self) -> bool:
        """Draw the horizon nearer where there are too many; say whether it was."""
        if len(self._wakes) <= 2 * self._tasks_max:
            return False
        entries = ((wake, task_id) for task_id, wake in self._wakes.items())
        self.horizon = heapq.nsmallest(self._tasks_max + 1, entries)[-1]
        self._wakes = {
            task_id: wake for task_id, wake in self._wakes.items() if (wake, task_id) < self.horizon
        }
        self._claims.intersection_update(self._wakes)
        self._rebuild()
        return True

    def until(self, limit: int, tasks_max: int) -> list[str]:
        """Give the first tasks to wake up to and including `limit`."""
        while True:
            found = self._taken_out(limit, tasks_max)
            moved = self._check_claims(found)
            self._put_back(found)
            if not moved:
                return [task_id for _, task_id in found]

    def first(self) -> Entry | None:
        """Give the entry that comes first, from wherever it is."""
        while (first := self._head()) is not None and first[1] in self._claims:
            some = self._taken_out(END[0], _CHECKED_AT_ONCE)
            self._check_claims(some)
            self._put_back(some)
        return first

    def lowest(self) -> Entry:
        """Give an entry before which there is none."""
        self._drop_stale()
        return min(self._heap[0], self.horizon) if self._heap else self.horizon

    def _taken_out(self, limit: int, count_max: int) -> list[Entry]:
        """Take the first ones out of the heap."""
        some: list[Entry] = []
        while len(some) < count_max and (first := self._head()) is not None and first[0] <= limit:
            heapq.heappop(self._heap)
            if first not in some[-1:]:
                some.append(first)
        return some

    def _put_back(self, entries: Sequence[Entry]) -> None:
        """Put them back at once: a question changes no answer."""
        for entry in entries:
            heapq.heappush(self._heap, entry)

    def _check_claims(self, entries: Sequence[Entry]) -> bool:
        """Check those that are claims; say whether any was void."""
        claims = [entry for entry in entries if entry[1] in self._claims] if self._claims else []
        if not claims:
            return False
        self._claims.difference_update(task_id for _, task_id in claims)
        moved = False
        for (claimed, task_id), (_, wake) in zip(claims, self._check(claims), strict=True):
            if wake != claimed:
                moved = True
                self.set(task_id, wake)
        return moved

    def _head(self) -> Entry | None:
        """Give the entry that comes first, checked or not, loading what is needed for that."""
        while True:
            self._drop_stale()
            if self.horizon == END or (self._heap and self._heap[0] < self.horizon):
                return self._heap[0] if self._heap else None
            entries, self.horizon = self._load(self.horizon, self._loaded_tasks_max)
            for wake, task_id in entries:
                if task_id in self._wakes:
                    continue  # of two entries of one task one is void: a check says which
                self._wakes[task_id] = wake
                self._claims.add(task_id)
                heapq.heappush(self._heap, (wake, task_id))

    def _drop_stale(self) -> None:
        while self._heap and self._wakes.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _rebuild(self) -> None:
        self._heap = sorted((wake, task_id) for task_id, wake in self._wakes.items())
