"""The event log in memory: for tests and the simulator.

Knows lists; no threads, no chance, no clock of its own. The same calls on the same event loop give
the same log. Nothing is durable: "durable" here means "in the list".
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

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
)
from duetime.log.topics import TOPICS, Cleanup, Topic

_REPLACED_MIN: Final = 16  # small, so that short simulations meet compacted partitions too


class MemoryLog(Log):
    """A log that lives as long as this object; the contract's simplest reading."""

    def __init__(
        self, partitions: int, now: Callable[[], datetime], *, cluster_id: str = "memory"
    ) -> None:
        """Start empty. `now` gives the log's clock, an aware UTC instant."""
        self._partitions = partitions
        self._cluster_id = cluster_id
        self._now = now
        self._storage = _MemoryStorage(partitions)
        self._hub = Hub(partitions=partitions, storage=self._storage, ends={}, committed={})
        self._epochs: dict[tuple[str, int], int] = {}
        self._closed = False

    @property
    def partitions(self) -> int:
        return self._partitions

    @property
    def cluster_id(self) -> str:
        return self._cluster_id

    async def append(self, records: Sequence[Record]) -> Sequence[AppendOutcome]:
        if self._closed:
            return [Refused("the log is closed")] * len(records)
        sizes = [size_bytes(record) for record in records]
        refused = refusals(records, self._partitions, sizes)
        written = iter(
            self._write([record for place, record in enumerate(records) if place not in refused])
        )
        outcomes: list[AppendOutcome] = [
            Refused(refused[place]) if place in refused else next(written)
            for place in range(len(records))
        ]
        await asyncio.sleep(0)  # written, but not yet answered: where a crash leaves doubt
        return outcomes

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
        await asyncio.sleep(0)
        return await self._storage.read(topic, partition, start, records_max=records_max)

    async def end_offsets(self, topic: Topic) -> Sequence[int]:
        self._check_open()
        return [self._hub.end(topic, partition) for partition in range(self._partitions)]

    async def transactor(self, name: str, partition: int) -> Transactor:
        self._check_open()
        epoch = self._epochs[name, partition] = self._epochs.get((name, partition), 0) + 1
        await asyncio.sleep(0)
        return _MemoryTransactor(self, name, partition, epoch)

    async def close(self) -> None:
        self._closed = True
        self._hub.close()

    def expel(self, subscription: Subscription) -> None:
        """Throw a member out of its group, as a log does whose session with it ran out."""
        assert isinstance(subscription, LocalSubscription)
        subscription.expel()

    def transact(
        self, name: str, partition: int, epoch: int, records: Sequence[Record]
    ) -> Sequence[Accepted]:
        """Write all records or none, for the newest transactor of a name."""
        if self._epochs[name, partition] != epoch:
            raise FencedError(f"a newer transactor of {name}, partition {partition}, exists")
        if self._closed:
            raise LogAwayError("the log is closed")
        for record in records:
            reason = refusal(record, self._partitions, size_bytes(record))
            if reason is not None:
                raise LogAwayError(f"nothing was written: {reason}")
        return self._write(records)

    def _write(self, records: Sequence[Record]) -> list[Accepted]:
        now = self._now()
        stored = [self._storage.add(record, now) for record in records]
        self._hub.publish(stored)
        return [Accepted(record.offset, record.appended_at) for record in stored]

    def _check_open(self) -> None:
        if self._closed:
            raise LogError("the log is closed")


class _MemoryTransactor(Transactor):
    def __init__(self, log: MemoryLog, name: str, partition: int, epoch: int) -> None:
        self._log = log
        self._name = name
        self._partition = partition
        self._epoch = epoch
        self._dead = False

    async def commit(self, records: Sequence[Record]) -> Sequence[Accepted]:
        if self._dead:
            raise FencedError("this transactor has failed or was closed: open a new one")
        try:
            accepted = self._log.transact(self._name, self._partition, self._epoch, records)
            await asyncio.sleep(0)  # written, but not yet answered: where a crash leaves doubt
            return accepted
        except (LogError, asyncio.CancelledError):
            self._dead = True  # cancelled, it cannot know what was written
            raise

    async def close(self) -> None:
        self._dead = True


class _MemoryStorage:
    """The records, as lists; of compacted topics old ones of a key are dropped now and then."""

    def __init__(self, partitions: int) -> None:
        slots = [(topic, partition) for topic in Topic for partition in range(partitions)]
        self._records: dict[tuple[Topic, int], list[Stored]] = {slot: [] for slot in slots}
        self._latest: dict[tuple[Topic, int], dict[bytes | None, Stored]] = {
            slot: {} for slot in slots if TOPICS[slot[0]].cleanup is Cleanup.COMPACT
        }

    def add(self, record: Record, now: datetime) -> Stored:
        slot = (record.topic, record.partition)
        records = self._records[slot]
        stored = Stored(
            topic=record.topic,
            partition=record.partition,
            offset=records[-1].offset + 1 if records else 0,
            # The clock may step back; the order in a partition may not.
            appended_at=max(now, records[-1].appended_at) if records else now,
            key=record.key,
            value=record.value,
            headers=dict(record.headers),
        )
        records.append(stored)
        latest = self._latest.get(slot)
        if latest is not None:
            latest.pop(record.key, None)  # so that the order of keys is the order of offsets
            latest[record.key] = stored
            if len(records) > 2 * len(latest) + _REPLACED_MIN:
                records[:] = latest.values()
        return stored

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        records = self._records[topic, partition]
        end = records[-1].offset + 1 if records else 0
        first = bisect_left(records, start, key=lambda record: record.offset)
        found = records[first : first + records_max]
        if first + records_max >= len(records):
            return found, max(start, end)
        return found, found[-1].offset + 1

    async def save(self, _group: str, _partition: int, _commits: Mapping[Topic, Commit], /) -> None:
        """Nothing to do: the hub keeps what groups commit."""
        await asyncio.sleep(0)
