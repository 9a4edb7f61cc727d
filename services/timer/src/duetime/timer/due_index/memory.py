"""The due index in memory: for the embedded mode, the simulator and tests.

Knows a heap over a dictionary; nothing outlives the process.
"""

import heapq
from collections.abc import Iterable, Sequence
from datetime import datetime

from duetime.events.ids import instant, microseconds
from duetime.timer.due_index.port import UNKNOWN, DueIndex, Mark, Unknown

_Task = tuple[int | None, bytes]


class MemoryDueIndex(DueIndex):
    """A heap with lazy deletion over a dictionary.

    An entry counts only while it names the instant that its task still has, so a change leaves its
    old entry behind. When stale entries outnumber the tasks, the heap is built anew, so memory
    follows the tasks.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._tasks: dict[str, _Task] = {}
        self._heap: list[tuple[int, str]] = []
        self._tallies: dict[str, int] = {}  # of the few that have one
        self._tally = 0
        # Of each task with an uncommitted change.
        self._before: dict[str, tuple[_Task | None, int]] = {}
        self._mark: Mark | None = None

    @property
    def mark(self) -> Mark | None:
        return self._mark

    @property
    def tally(self) -> int:
        return self._tally

    def get(self, task_id: str) -> bytes | None:
        task = self._tasks.get(task_id)
        return None if task is None else task[1]

    def expect(self, task_ids: Iterable[str]) -> None:
        """Nothing is read from anywhere else."""

    def committed_wake(self, task_id: str) -> int | None:
        before = self._before.get(task_id)
        task = self._tasks.get(task_id) if before is None else before[0]
        return None if task is None else task[0]

    def put(
        self,
        task_id: str,
        wake: int | None,
        state: bytes,
        *,
        tally: int = 0,
        woke: int | Unknown | None = UNKNOWN,
    ) -> None:
        del woke  # it knows
        self._note(task_id)
        self._put(task_id, (wake, state), tally)

    def remove(self, task_id: str, *, woke: int | Unknown | None = UNKNOWN) -> None:
        del woke
        if task_id in self._tasks:
            self._note(task_id)
            self._remove(task_id)

    def until(self, now: datetime, *, tasks_max: int) -> Sequence[str]:
        limit = microseconds(now)
        found: list[tuple[int, str]] = []
        while self._heap and self._heap[0][0] <= limit and len(found) < tasks_max:
            entry = heapq.heappop(self._heap)
            if self._counts(entry) and entry not in found[-1:]:
                found.append(entry)
        # Put back at once: a question changes no answer, and nothing lives outside the heap.
        for entry in found:
            heapq.heappush(self._heap, entry)
        return [task_id for _, task_id in found]

    def first(self) -> datetime | None:
        while self._heap and not self._counts(self._heap[0]):
            heapq.heappop(self._heap)
        return instant(self._heap[0][0]) if self._heap else None

    def commit(self, task_ids: Iterable[str], mark: Mark) -> None:
        for task_id in task_ids:
            self._before.pop(task_id, None)
        self._mark = mark

    def rollback(self) -> None:
        for task_id, (before, tally) in self._before.items():
            if before is None:
                self._remove(task_id)
            else:
                self._put(task_id, before, tally)
        self._before.clear()

    def clear(self) -> None:
        self._tasks.clear()
        self._heap.clear()
        self._before.clear()
        self._tallies.clear()
        self._tally = 0
        self._mark = None

    def _note(self, task_id: str) -> None:
        if task_id not in self._before:
            self._before[task_id] = (self._tasks.get(task_id), self._tallies.get(task_id, 0))

    def _put(self, task_id: str, task: _Task, tally: int) -> None:
        self._set_tally(task_id, tally)
        before = self._tasks.get(task_id)
        self._tasks[task_id] = task
        wake = task[0]
        if wake is not None and (before is None or before[0] != wake):
            heapq.heappush(self._heap, (wake, task_id))
            self._compact()

    def _remove(self, task_id: str) -> None:
        self._set_tally(task_id, 0)
        if self._tasks.pop(task_id, None) is not None:
            self._compact()

    def _set_tally(self, task_id: str, tally: int) -> None:
        self._tally += tally - self._tallies.pop(task_id, 0)
        if tally:
            self._tallies[task_id] = tally

    def _counts(self, entry: tuple[int, str]) -> bool:
        task = self._tasks.get(entry[1])
        return task is not None and task[0] == entry[0]

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._tasks) + 1_024:
            waking = {
                (wake, task_id) for task_id, (wake, _) in self._tasks.items() if wake is not None
            }
            self._heap = sorted(waking)
