"""The due index: each task's state by id, and which task time will wake next.

Knows ids, instants and opaque bytes; not what a state says, nor why it wakes.
It is a cache: the truth is the changelog. Ordered by (wake_at, task id), so ties break alike
everywhere.
"""

import heapq
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from duetime.events.ids import instant, microseconds


class DueIndex(Protocol):
    """A partition's tasks. Synchronous and fast; asking (`until`, `first`) changes no answer."""

    def get(self, task_id: str) -> bytes | None:
        """Give a task's state, or None where it is unknown."""
        ...

    def put(self, task_id: str, wake_at: datetime | None, state: bytes) -> None:
        """Set a task's state and when to wake it (None: never by time alone)."""
        ...

    def remove(self, task_id: str) -> None:
        """Forget a task; harmless where it is unknown."""
        ...

    def until(self, now: datetime, *, tasks_max: int) -> Sequence[str]:
        """Give the first tasks to wake up to and including `now`, in order of (wake_at, id)."""
        ...

    def first(self) -> datetime | None:
        """Give the earliest instant at which a task wakes."""
        ...

    def __len__(self) -> int:
        """Count the tasks."""
        ...


class MemoryDueIndex:
    """A heap with lazy deletion over a dictionary.

    An entry counts only while it names the instant that its task still has, so a change leaves its
    old entry behind. When stale entries outnumber the tasks, the heap is built anew, so memory
    follows the tasks.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._tasks: dict[str, tuple[int | None, bytes]] = {}
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        """Count the tasks."""
        return len(self._tasks)

    def get(self, task_id: str) -> bytes | None:
        """Give a task's state, or None where it is unknown."""
        entry = self._tasks.get(task_id)
        return None if entry is None else entry[1]

    def put(self, task_id: str, wake_at: datetime | None, state: bytes) -> None:
        """Set a task's state and when to wake it."""
        wake = None if wake_at is None else microseconds(wake_at)
        before = self._tasks.get(task_id)
        self._tasks[task_id] = (wake, state)
        if wake is not None and (before is None or before[0] != wake):
            heapq.heappush(self._heap, (wake, task_id))
            self._compact()

    def remove(self, task_id: str) -> None:
        """Forget a task."""
        if self._tasks.pop(task_id, None) is not None:
            self._compact()

    def until(self, now: datetime, *, tasks_max: int) -> Sequence[str]:
        """Give the first tasks to wake up to and including `now`."""
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
        """Give the earliest instant at which a task wakes."""
        while self._heap and not self._counts(self._heap[0]):
            heapq.heappop(self._heap)
        return instant(self._heap[0][0]) if self._heap else None

    def _counts(self, entry: tuple[int, str]) -> bool:
        task = self._tasks.get(entry[1])
        return task is not None and task[0] == entry[0]

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._tasks) + 1_024:
            waking = {
                (wake, task_id) for task_id, (wake, _) in self._tasks.items() if wake is not None
            }
            self._heap = sorted(waking)
