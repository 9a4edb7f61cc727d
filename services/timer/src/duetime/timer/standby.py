"""The warm standby: the changelog of partitions that others own, folded as it grows.

Knows the log's tail and the process's indexes; decides nothing. A take-over then replays the last
records only, however many tasks there are.

The newest records come by the tail; what lies before them, and what was written while a lane of
this process had the partition, is read. Every INDEX_REFRESH_SECONDS each index is brought up to the
end of its partition as seen then, whether records come or not: an index that has not seen the end
for long is not to be trusted (`restore.doubt`), and a standby that was suspended is such a one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from duetime.limits import (
    FOLD_RECORDS_MAX,
    INDEX_ADVANCE_SECONDS,
    INDEX_REFRESH_SECONDS,
    POLL_WAIT_SECONDS_MAX,
    STANDBY_BEHIND_SECONDS,
    STANDBY_GATHER_SECONDS,
    STANDBY_WAIT_SECONDS_MAX,
)
from duetime.log.port import Log, LogError, Stored
from duetime.log.topics import Topic
from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import Clock
from duetime.timer.changelog import Changelog
from duetime.timer.indexes import Indexes
from duetime.timer.restore import doubt, restore, rule_of

_logger: Final = structlog.get_logger()


class Standby:
    """Keeps the indexes of partitions that no lane of this process has warm. A service."""

    name = "standby"

    def __init__(
        self,
        *,
        log: Log,
        clock: Clock,
        indexes: Indexes,
        lookahead_seconds: float,
        backoff: Backoff,
    ) -> None:
        """Take the indexes that the process's lanes use too."""
        self._log = log
        self._clock = clock
        self._indexes = indexes
        self._lookahead = timedelta(seconds=lookahead_seconds)
        self._rule = rule_of(self._lookahead)
        self._backoff = backoff
        self._stop = asyncio.Event()
        self._fault_count = 0

    async def run(self) -> None:
        """Follow until drained."""
        following = asyncio.create_task(self._follow_on(), name="standby follows")
        stopping = asyncio.create_task(self._stop.wait(), name="standby stops")
        try:
            await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
        finally:
            following.cancel()
            stopping.cancel()
            await asyncio.wait({following, stopping})

    def drain(self) -> None:
        """Stop. Every fold is committed: nothing is under way."""
        self._stop.set()

    def unready(self) -> str | None:
        """A standby keeps nobody from being ready: without it a take-over is slower, no more."""
        return None

    async def _follow_on(self) -> None:
        while True:
            try:
                await self._follow()
            except LogError as fault:
                self._fault_count += 1
                _logger.warning("standby lost the log, and tries again", reason=str(fault))
                await asyncio.sleep(self._backoff.seconds(self._fault_count))

    async def _follow(self) -> None:
        """Follow until far behind: then it begins anew, at the end, and reads what lies before it.

        Reading a partition on its own is several times as fast as the tail, which brings a little
        of each, and of those that lanes of this process own. A take-over waits for all of it.
        """
        loop = asyncio.get_running_loop()
        partitions = range(self._log.partitions)
        ends = await self._log.end_offsets(Topic.SCHEDULE)
        # The tail first, the past then: nothing can fall between the two.
        start = {(Topic.SCHEDULE, partition): ends[partition] for partition in partitions}
        tail = await self._log.tail([Topic.SCHEDULE], start, gather_seconds=STANDBY_GATHER_SECONDS)
        try:
            await self._catch_up(partitions)
            refresh_at = loop.time() + INDEX_REFRESH_SECONDS
            advance_at = loop.time() + INDEX_ADVANCE_SECONDS
            while True:
                records = await tail.poll(
                    records_max=FOLD_RECORDS_MAX, wait_seconds=POLL_WAIT_SECONDS_MAX
                )
                self._fault_count = 0
                if records and self._age_seconds(records[0]) > STANDBY_BEHIND_SECONDS:
                    return
                if records:
                    await self._indexes.wait_for_calm(self._seconds_left(records[0]))
                await self._fold(records)
                if loop.time() >= refresh_at:
                    await self._catch_up(partitions)
                    refresh_at = loop.time() + INDEX_REFRESH_SECONDS
                if loop.time() >= advance_at:
                    self._advance(partitions)
                    advance_at = loop.time() + INDEX_ADVANCE_SECONDS
        finally:
            await tail.close()

    async def _fold(self, records: Iterable[Stored]) -> None:
        """Fold what the tail brought, where it follows what is known."""
        of_partition: defaultdict[int, list[Stored]] = defaultdict(list)
        for record in records:
            of_partition[record.partition].append(record)
        behind = {
            partition
            for partition in (*self._indexes.given_back, *of_partition)
            if partition in self._indexes.given_back or self._is_doubtful(partition)
        }
        for partition, found in of_partition.items():
            if partition not in behind and not self._indexes.is_taken(partition):
                self._changelog(partition).fold(found)
        await self._catch_up(sorted(behind))

    async def _catch_up(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._indexes.given_back.discard(partition)
            if not self._indexes.is_taken(partition):
                await self._changelog(partition).catch_up(self._indexes.turns)
        self._advance(partitions)

    def _advance(self, partitions: Iterable[int]) -> None:
        """Move the places where scans begin past what has woken by now: it would be in the way."""
        for partition in partitions:
            if not self._indexes.is_taken(partition):
                self._indexes.of(partition).first()

    def _is_doubtful(self, partition: int) -> bool:
        mark = self._indexes.of(partition).mark
        return mark is None or (
            doubt(
                mark,
                cluster_id=self._log.cluster_id,
                end=mark.offset,
                now=self._clock.now(),
                rule=self._rule,
            )
            is not None
        )

    def _seconds_left(self, record: Stored) -> float:
        """Say how long a record may wait: a take-over has to fold all that waits."""
        return STANDBY_WAIT_SECONDS_MAX - self._age_seconds(record)

    def _age_seconds(self, record: Stored) -> float:
        return (self._clock.now() - record.appended_at).total_seconds()

    def _changelog(self, partition: int) -> Changelog:
        index = self._indexes.of(partition)
        return Changelog(
            partition=partition,
            log=self._log,
            clock=self._clock,
            index=index,
            rule=self._rule,
            restore=partial(restore, index, lookahead=self._lookahead),
            mine=self._indexes.left_alone(partition),
        )
