"""The disks of the timers: what their due indexes have committed outlives their processes.

Knows the index's port and that a dead process writes nothing; the index itself is the one in
memory. What the adapter over RocksDB adds is for its own tests.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from duetime.timer.due_index import DueIndex, Mark, MemoryDueIndex
from tests.simulation.process import Process


class _Task(NamedTuple):
    wake: int | None  # microseconds
    state: bytes
    tally: int


class _Partition:
    """What is on a disk of one partition."""

    def __init__(self) -> None:
        self.tasks: dict[str, _Task] = {}
        self.mark: Mark | None = None


class Disk:
    """The disk of one slot, whichever process is in it."""

    def __init__(self) -> None:
        """Begin empty."""
        self._partitions: dict[int, _Partition] = {}

    @property
    def task_count(self) -> int:
        """How many tasks are on it."""
        return sum(len(each.tasks) for each in self._partitions.values())

    def of(self, process: Process) -> Callable[[int], DueIndex]:
        """Give what makes the indexes of a process that has this disk."""
        return lambda partition: _DiskIndex(
            self._partitions.setdefault(partition, _Partition()), process
        )

    def wipe(self) -> None:
        """Lose everything."""
        self._partitions = {}

    def copy(self) -> "Disk":
        """Give the disk as it is now, never to change."""
        copy = Disk()
        for number, partition in self._partitions.items():
            copied = copy._partitions[number] = _Partition()
            copied.tasks, copied.mark = dict(partition.tasks), partition.mark
        return copy

    def become(self, other: "Disk") -> None:
        """Hold what another disk holds; that one is given away."""
        self._partitions = other._partitions

    def is_ahead_of(self, other: "Disk") -> bool:
        """Say whether something was committed here and not there."""
        return any(
            number not in other._partitions or other._partitions[number].mark != partition.mark
            for number, partition in self._partitions.items()
        )


class _DiskIndex(MemoryDueIndex):
    """The index in memory, over what its process finds on the disk."""

    def __init__(self, kept: _Partition, process: Process) -> None:
        super().__init__()
        self._kept = kept
        self._process = process
        for task_id, task in kept.tasks.items():
            self._put(task_id, (task.wake, task.state), task.tally)
        self._mark = kept.mark

    def commit(self, task_ids: Iterable[str], mark: Mark) -> None:
        written = list(task_ids)
        super().commit(written, mark)
        if not self._process.alive:
            return
        for task_id in written:
            task = self._tasks.get(task_id)
            if task is None:
                self._kept.tasks.pop(task_id, None)
            else:
                self._kept.tasks[task_id] = _Task(*task, self._tallies.get(task_id, 0))
        self._kept.mark = mark

    def clear(self) -> None:
        super().clear()
        if self._process.alive:
            self._kept.tasks, self._kept.mark = {}, None
