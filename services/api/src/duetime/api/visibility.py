"""Has the read model seen it: read-your-writes, and when a "no" may be believed.

Knows positions of the log and of the read models; not what is written or read.
"""

import contextlib

from duetime.api import problems
from duetime.limits import VISIBLE_WAIT_SECONDS
from duetime.log.partitioner import partition_of
from duetime.log.port import Log, LogError
from duetime.log.topics import Topic
from duetime.store.port import Store, StoreError, TopicPartition


class Visibility:
    """Waits, bounded, for the read models to come as far as an offset of `duetime.tasks`."""

    def __init__(self, *, log: Log, store: Store) -> None:
        """Ask these two."""
        self._log = log
        self._store = store
        # Per partition an offset that was waited for in vain: until the read models have passed
        # it they lag by more than a wait is worth, and nobody else waits.
        self._late: dict[int, int] = {}

    async def reached(self, partition: int, offset: int) -> bool:
        """Wait until the event at `offset` can be read; False where that takes too long."""
        at = TopicPartition(Topic.TASKS, partition)
        with contextlib.suppress(StoreError):
            late = self._late.get(partition)
            if late is not None:
                if not await self._store.passed(at, late, wait_seconds=0.0):
                    return False
                self._late.pop(partition, None)
            if await self._store.passed(at, offset, wait_seconds=VISIBLE_WAIT_SECONDS):
                return True
            self._late[partition] = offset
        return False

    async def expect_current(self, task_id: str) -> None:
        """Wait until the read models have all that the log has of this task now.

        Only then may "there is no such task", or "another revision", be answered. Raises
        ProblemError (503) where that takes too long or where one of the two is away.
        """
        partition = partition_of(task_id.encode(), self._log.partitions)
        try:
            end = (await self._log.end_offsets(Topic.TASKS))[partition]
        except LogError as fault:
            raise problems.not_visible_yet() from fault
        if end == 0:
            return
        at = TopicPartition(Topic.TASKS, partition)
        try:
            passed = await self._store.passed(at, end - 1, wait_seconds=VISIBLE_WAIT_SECONDS)
        except StoreError as fault:
            raise problems.read_models_unavailable() from fault
        if not passed:
            raise problems.not_visible_yet()
