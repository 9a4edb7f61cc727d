"""Has the read model seen it: read-your-writes, and when what it says may be believed.

Knows positions of the log and of the read models; not what is written or read.
"""

import contextlib
from datetime import datetime, timedelta
from typing import Final

from duetime.api import problems
from duetime.limits import STALE_SECONDS_MAX, VISIBLE_WAIT_SECONDS
from duetime.log.partitioner import partition_of
from duetime.log.port import Log, LogError
from duetime.log.topics import Topic
from duetime.runtime.clock import Clock
from duetime.store.port import Store, StoreError, TopicPartition

_STALE_AFTER: Final = timedelta(seconds=STALE_SECONDS_MAX)


class Visibility:
    """Waits, bounded, for the read models to come as far as an offset of `duetime.tasks`."""

    def __init__(self, *, log: Log, store: Store, clock: Clock) -> None:
        """Ask these."""
        self._log = log
        self._store = store
        self._clock = clock
        # Per partition an offset that was waited for in vain: until the read models have passed
        # it they lag by more than a wait is worth, and nobody else waits.
        self._late: dict[int, int] = {}
        # Per partition the latest instant of which it is known that the read models hold all that
        # the log held then; and an end of the log, with the instant it was seen, still to pass.
        self._complete_at: dict[int, datetime] = {}
        self._awaited: dict[int, tuple[datetime, int]] = {}

    async def reached(self, partition: int, offset: int, made_at: datetime) -> bool:
        """Wait until the event at `offset`, made at an instant, can be read; False if too long."""
        at = TopicPartition(Topic.TASKS, partition)
        with contextlib.suppress(StoreError):
            late = self._late.get(partition)
            if late is not None:
                if not await self._store.passed(at, late, wait_seconds=0.0):
                    return False
                self._late.pop(partition, None)
            if await self._store.passed(at, offset, wait_seconds=VISIBLE_WAIT_SECONDS):
                self._complete_at[partition] = made_at
                return True
            self._late[partition] = offset
        return False

    async def expect_current(self, task_id: str) -> int:
        """Wait until the read models have all that the log has of this task now.

        Only then may "there is no such task", or "another revision", be answered. Gives the offset
        in `tasks` below which nothing is missing. Raises ProblemError (503) where that takes too
        long or where one of the two is away.
        """
        partition = self._partition(task_id)
        asked_at = self._clock.now()
        end = await self._end(partition)
        await self._expect_passed(partition, end)
        self._complete_at[partition] = asked_at
        return end

    async def expect_fresh(self, task_id: str) -> None:
        """Refuse to work from what the read models may have held minutes ago.

        The timer forgets a finished or deleted task after ten minutes, and takes a later change for
        a new beginning: whoever writes must know what became of the task until shortly before.
        Asks nobody while something else has shown within five minutes that nothing was missing.
        Raises ProblemError (503).
        """
        partition = self._partition(task_id)
        now = self._clock.now()
        complete_at = self._complete_at.get(partition)
        if complete_at is not None and timedelta(0) <= now - complete_at <= _STALE_AFTER:
            return
        awaited = self._awaited.get(partition)
        if awaited is None or not timedelta(0) <= now - awaited[0] <= _STALE_AFTER:
            awaited = self._awaited[partition] = (now, await self._end(partition))
        seen_at, end = awaited
        await self._expect_passed(partition, end)
        self._awaited.pop(partition, None)
        self._complete_at[partition] = seen_at

    def _partition(self, task_id: str) -> int:
        return partition_of(task_id.encode(), self._log.partitions)

    async def _end(self, partition: int) -> int:
        try:
            return (await self._log.end_offsets(Topic.TASKS))[partition]
        except LogError as fault:
            raise problems.not_visible_yet() from fault

    async def _expect_passed(self, partition: int, end: int) -> None:
        if end == 0:
            return
        at = TopicPartition(Topic.TASKS, partition)
        try:
            passed = await self._store.passed(at, end - 1, wait_seconds=VISIBLE_WAIT_SECONDS)
        except StoreError as fault:
            raise problems.read_models_unavailable() from fault
        if not passed:
            raise problems.not_visible_yet()
