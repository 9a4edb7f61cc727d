"""The log port over one SQLite file.

Knows which part answers what; SQL is on the threads' side.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from duetime import limits
from duetime.log.local.admission import refusal, refusals, size_bytes
from duetime.log.local.hub import Hub
from duetime.log.local.subscription import LocalSubscription
from duetime.log.local.tail import LocalTail
from duetime.log.port import (
    Accepted,
    AppendOutcome,
    Commit,
    FencedError,
    Log,
    LogAwayError,
    LogError,
    Record,
    Refused,
    Stored,
    Subscription,
    Tail,
    Transactor,
    Unknown,
    UnknownOutcomeError,
)
from duetime.log.sqlite.gate import Gate
from duetime.log.sqlite.reader import Reader
from duetime.log.sqlite.requests import Append, Fence, Prune, Save, Transact
from duetime.log.sqlite.rows import microseconds
from duetime.log.sqlite.writer import Opened, Writer
from duetime.log.topics import TOPICS, Cleanup, Topic

# TASKS stays whole: whatever is folded from it must come back equal (P6).
_PRUNED: Final = (Topic.DUE, Topic.EXECUTIONS, Topic.SCHEDULE)


class SqliteLog(Log):
    """A durable log in one file, for one process at a time. Made by `open`."""

    def __init__(
        self,
        *,
        partitions: int,
        now: Callable[[], datetime],
        opened: Opened,
        gate: Gate,
        reader: Reader,
    ) -> None:
        """Serve what `open` has opened."""
        self._partitions = partitions
        self._now = now
        self._cluster_id = opened.cluster_id
        self._gate = gate
        self._reader = reader
        self._hub = Hub(
            partitions=partitions,
            storage=_SqliteStorage(self),
            ends=opened.ends,
            committed=opened.committed,
        )
        gate.committed = lambda done: self._hub.publish(done.stored)
        # Without its writer the log is over: readers must not wait for ever for nothing.
        gate.writer.ended.add_done_callback(lambda _: self._hub.close())

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        now: Callable[[], datetime],
        partitions: int = limits.PARTITIONS_EMBEDDED,
        vfs: str | None = None,
    ) -> AsyncIterator[Self]:
        """Open the log in a file, creating it where there is none; close it in the end.

        `now` gives the log's clock, an aware UTC instant; it is called on a thread. `vfs` names
        another SQLite file system. Raises LogError where the file is not ours to use.
        """

        def make_writer(report: Callable[..., None]) -> Writer:
            return Writer(path=path, partitions=partitions, now=now, vfs=vfs, report=report)

        gate = Gate(make_writer)
        try:
            opened = await gate.writer.open()
            reader = Reader(path, vfs)
            log = cls(partitions=partitions, now=now, opened=opened, gate=gate, reader=reader)
            reader.start()
        except BaseException:
            await gate.close()
            raise
        try:
            yield log
        finally:
            await log.close()

    @property
    def partitions(self) -> int:
        return self._partitions

    @property
    def cluster_id(self) -> str:
        return self._cluster_id

    async def append(self, records: Sequence[Record]) -> Sequence[AppendOutcome]:
        sizes = [size_bytes(record) for record in records]
        refused = refusals(records, self._partitions, sizes)
        if not refused:
            return await self._append(records, sum(sizes))
        places = [place for place in range(len(records)) if place not in refused]
        size = sum(sizes[place] for place in places)
        written = iter(await self._append([records[place] for place in places], size))
        return [
            Refused(refused[place]) if place in refused else next(written)
            for place in range(len(records))
        ]

    async def subscribe(
        self, group: str, topics: Sequence[Topic], *, gather_seconds: float = 0.0
    ) -> Subscription:
        self._check_open()
        return LocalSubscription(self._hub, group, topics)

    async def tail(
        self,
        topics: Sequence[Topic],
        start: Mapping[tuple[Topic, int], int] | None = None,
        *,
        gather_seconds: float = 0.0,
    ) -> Tail:
        self._check_open()
        return LocalTail(self._hub, topics, start or {})

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        self._check_open()
        return await self._hub.read(topic, partition, start, records_max=records_max)

    async def end_offsets(self, topic: Topic) -> Sequence[int]:
        self._check_open()
        return [self._hub.end(topic, partition) for partition in range(self._partitions)]

    async def transactor(self, name: str, partition: int) -> Transactor:
        self._check_open()
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        fence = Fence(name=name, partition=partition, answer=answer)
        epoch = await self._gate.ask(fence, answer)
        return _SqliteTransactor(self, name, partition, epoch)

    async def prune(self, before: datetime) -> int:
        """Remove what nobody needs any more, in small steps; give how many rows were removed.

        Goes: records of DUE and EXECUTIONS older than `before` that every group has passed, and
        tombstones of SCHEDULE past their retention. Raises LogError where the disk fails.
        """
        removed = 0
        for topic in _PRUNED:
            limit = before
            if TOPICS[topic].cleanup is Cleanup.COMPACT:
                retention = timedelta(seconds=TOPICS[topic].retention_seconds or 0)
                limit = self._now() - retention
            for partition in range(self._partitions):
                while step := await self._prune(topic, partition, microseconds(limit)):
                    removed += step
        return removed

    async def close(self) -> None:
        self._hub.close()
        await self._reader.close()
        # The writer last: the last connection to close folds the write-ahead log into the file.
        await self._gate.close()

    async def read_older(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        """Read from disk what memory no longer has."""
        end = self._hub.end(topic, partition)
        return await self._reader.read(topic, partition, start, records_max=records_max, end=end)

    async def save(self, group: str, partition: int, commits: Mapping[Topic, Commit]) -> None:
        """Keep a group's positions. Raises LogError where it cannot."""
        self._check_room(0)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._gate.ask(
            Save(group=group, partition=partition, commits=dict(commits), answer=answer), answer
        )

    async def transact(
        self, name: str, partition: int, epoch: int, records: Sequence[Record]
    ) -> Sequence[Accepted]:
        """Write all records or none, for the newest transactor of a name."""
        sizes = [size_bytes(record) for record in records]
        for record, size in zip(records, sizes, strict=True):
            reason = refusal(record, self._partitions, size)
            if reason is not None:
                raise LogAwayError(f"nothing was written: {reason}")
        size = sum(sizes)
        self._check_room(size)
        answer: asyncio.Future[Sequence[Accepted]] = asyncio.get_running_loop().create_future()
        request = Transact(
            name=name,
            partition=partition,
            epoch=epoch,
            records=records,
            size_bytes=size,
            answer=answer,
        )
        return await self._gate.ask(request, answer)

    async def _append(self, records: Sequence[Record], size: int) -> Sequence[AppendOutcome]:
        reason = self._gate.refusal(size)
        if reason is not None:
            return [Refused(reason)] * len(records)
        if not records:
            return []
        answer: asyncio.Future[Sequence[AppendOutcome]] = asyncio.get_running_loop().create_future()
        request = Append(records=records, size_bytes=size, answer=answer)
        try:
            return await self._gate.ask(request, answer)
        except UnknownOutcomeError as error:
            return [Unknown(str(error))] * len(records)

    async def _prune(self, topic: Topic, partition: int, before_us: int) -> int:
        self._check_room(0)
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        request = Prune(topic=topic, partition=partition, before_us=before_us, answer=answer)
        return await self._gate.ask(request, answer)

    def _check_room(self, size: int) -> None:
        reason = self._gate.refusal(size)
        if reason is not None:
            raise LogAwayError(reason)

    def _check_open(self) -> None:
        if self._gate.closed:
            raise LogError("the log is closed")


class _SqliteStorage:
    """The hub's view of the disk."""

    def __init__(self, log: SqliteLog) -> None:
        self.read = log.read_older
        self.save = log.save


class _SqliteTransactor(Transactor):
    def __init__(self, log: SqliteLog, name: str, partition: int, epoch: int) -> None:
        self._log = log
        self._name = name
        self._partition = partition
        self._epoch = epoch
        self._dead = False

    async def commit(self, records: Sequence[Record]) -> Sequence[Accepted]:
        if self._dead:
            raise FencedError("this transactor has failed or was closed: open a new one")
        try:
            return await self._log.transact(self._name, self._partition, self._epoch, records)
        except (LogError, asyncio.CancelledError):
            self._dead = True  # cancelled, it cannot know what was written
            raise

    async def close(self) -> None:
        self._dead = True
