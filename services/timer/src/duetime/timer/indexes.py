"""The due indexes of a process, and who uses each of them now.

Knows partitions; not what their indexes hold. An index outlives its lane: what the lane's core had
folded and the log had not accepted is taken back, and the rest is a head start for the next owner,
which may be this process again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from duetime.limits import RESTORES_AT_ONCE_MAX
from duetime.timer.due_index import DueIndex


class Indexes:
    """One index for each partition. A lane takes it; meanwhile the standby leaves it alone."""

    def __init__(self, make: Callable[[int], DueIndex]) -> None:
        """Take what makes a partition's index."""
        self._make = make
        self._indexes: dict[int, DueIndex] = {}
        self._taken: set[int] = set()
        self._times_taken: dict[int, int] = {}
        self.given_back: set[int] = set()
        """Partitions that lanes let go of; the standby forgets them as it takes them up."""
        self.turns = asyncio.Semaphore(RESTORES_AT_ONCE_MAX)
        """For who has a long way to bring an index up."""
        self._hurried: set[int] = set()
        self._calm = asyncio.Event()
        self._calm.set()

    def of(self, partition: int) -> DueIndex:
        """Give a partition's index, made when it is asked for first."""
        if partition not in self._indexes:
            self._indexes[partition] = self._make(partition)
        return self._indexes[partition]

    def take(self, partition: int) -> None:
        """Keep a partition's index for a lane. What was not committed is taken back."""
        assert partition not in self._taken, "a lane is closed before another is opened"
        self._taken.add(partition)
        self._times_taken[partition] = self._times_taken.get(partition, 0) + 1
        self.of(partition).rollback()

    def give_back(self, partition: int) -> None:
        """Let go of it. Harmless when repeated."""
        self.hurry(partition, behind=False)
        if partition in self._taken:
            self._taken.discard(partition)
            self.given_back.add(partition)
            self.of(partition).rollback()

    def hurry(self, partition: int, *, behind: bool) -> None:
        """Say whether a lane has more to do than it comes to: who only stands by waits then."""
        if behind:
            self._hurried.add(partition)
            self._calm.clear()
        elif partition in self._hurried:
            self._hurried.discard(partition)
            if not self._hurried:
                self._calm.set()

    async def wait_for_calm(self, seconds_max: float) -> None:
        """Wait, bounded, until no lane is behind."""
        if self._calm.is_set() or seconds_max <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                await self._calm.wait()

    def left_alone(self, partition: int) -> Callable[[], bool]:
        """Give what says whether no lane has taken it since; for who folds while nobody does."""
        times = self._times_taken.get(partition, 0)
        return lambda: partition not in self._taken and self._times_taken.get(partition, 0) == times

    def is_taken(self, partition: int) -> bool:
        """Whether a lane keeps it."""
        return partition in self._taken
