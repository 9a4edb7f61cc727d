"""The log as one process sees it: the port of `duetime.log.port`, with faults between.

Knows what may go wrong with a call and what the log may honestly answer then; chance and the
notebook are the network's. A process that is gone reaches nothing.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from duetime.limits import VOID_AFTER_SECONDS
from duetime.log.local.subscription import LocalSubscription
from duetime.log.port import (
    Accepted,
    AppendOutcome,
    Commit,
    FencedError,
    Log,
    LogAwayError,
    Polled,
    Record,
    Refused,
    Stored,
    Subscription,
    Tail,
    TopicOffsets,
    Transactor,
    Unknown,
    UnknownOutcomeError,
)
from duetime.log.topics import Topic
from tests.simulation.broker import Broker
from tests.simulation.history import FaultKind
from tests.simulation.network import Network
from tests.simulation.process import Process

_UNKNOWN_AFTER_SECONDS_MAX: Final = 5.0  # as adapters bound their wait
_REDELIVERED_RECORDS_MAX: Final = 20
_SLOW_POLL_SECONDS: Final = 0.6  # a reader that lags, but stays in its group


class ProcessLog(Log):
    """A process's way to the log."""

    def __init__(self, broker: Broker, network: Network, process: Process) -> None:
        """Connect."""
        self.broker = broker
        self.network = network
        self.process = process

    @property
    def partitions(self) -> int:
        return self.broker.partitions

    @property
    def cluster_id(self) -> str:
        return self.broker.cluster_id

    async def append(self, records: Sequence[Record]) -> Sequence[AppendOutcome]:
        kind = self.network.strikes(
            FaultKind.APPEND_UNKNOWN_LANDED,
            FaultKind.APPEND_UNKNOWN_LOST,
            FaultKind.APPEND_LATE,
            FaultKind.APPEND_TWICE,
            FaultKind.APPEND_REFUSED,
        )
        what = f"{len(records)} to {records[0].topic}" if records else ""
        match kind:
            case None:
                return await self._appended(records)
            case FaultKind.APPEND_TWICE:
                outcomes = await self._appended(records)
                if any(isinstance(outcome, Accepted) for outcome in outcomes):
                    self._later(kind, records, self.network.rng.uniform(0.1, 10.0))
                return outcomes
            case FaultKind.APPEND_REFUSED:
                self.network.mark(kind, self.process, effective=True, note=what)
                await asyncio.sleep(self.network.latency_seconds())
                return [Refused("the queue is full")] * len(records)
            case FaultKind.APPEND_LATE:
                self._later(kind, records, self._late_seconds())
            case FaultKind.APPEND_UNKNOWN_LANDED:
                outcomes = await self._appended(records)
                landed = any(isinstance(outcome, Accepted) for outcome in outcomes)
                self.network.mark(kind, self.process, effective=landed, note=what)
            case _:
                self.network.mark(kind, self.process, effective=True, note=what)
        await asyncio.sleep(self.network.rng.uniform(0.0, _UNKNOWN_AFTER_SECONDS_MAX))
        return [Unknown("no answer came")] * len(records)

    async def subscribe(
        self, group: str, topics: Sequence[Topic], *, gather_seconds: float = 0.0
    ) -> Subscription:
        async def join() -> LocalSubscription:
            inner = await self.broker.subscribe(group, topics)
            assert isinstance(inner, LocalSubscription)
            # Noted where the log is, so that a member whose process has died meanwhile is expelled.
            self.process.subscriptions.append(inner)
            return inner

        inner = await self.network.call(self.process, join)
        return ProcessSubscription(self, inner)

    async def tail(
        self,
        topics: Sequence[Topic],
        start: Mapping[tuple[Topic, int], int] | None = None,
        *,
        gather_seconds: float = 0.0,
    ) -> Tail:
        inner = await self.network.call(self.process, lambda: self.broker.tail(topics, start))
        return ProcessTail(self, inner)

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        return await self.network.call(
            self.process,
            lambda: self.broker.read(topic, partition, start, records_max=records_max),
        )

    async def end_offsets(self, topic: Topic) -> Sequence[int]:
        return await self.network.call(self.process, lambda: self.broker.end_offsets(topic))

    async def transactor(self, name: str, partition: int) -> Transactor:
        inner = await self.network.call(
            self.process, lambda: self.broker.transactor(name, partition)
        )
        return ProcessTransactor(self, inner, f"{name}/{partition}")

    async def close(self) -> None:
        """The log outlives its processes."""

    async def _appended(self, records: Sequence[Record]) -> Sequence[AppendOutcome]:
        try:
            return await self.network.call(self.process, lambda: self.broker.append(records))
        except LogAwayError:
            if self.process.alive and self.network.rng.random() < 0.3:
                self._later(FaultKind.LOG_AWAY, records, self._late_seconds())
            return [Unknown("the log is away")] * len(records)

    def _late_seconds(self) -> float:
        """Draw when a delayed append lands: mostly soon, now and then after it is void."""
        rng = self.network.rng
        return rng.choice(
            (
                rng.uniform(0.0, 3.0),
                rng.uniform(3.0, 20.0),
                VOID_AFTER_SECONDS + rng.uniform(-2.0, 10.0),
            )
        )

    def _later(self, kind: FaultKind, records: Sequence[Record], seconds: float) -> None:
        fault = self.network.mark(
            kind, self.process, note=f"{len(records)} to {records[0].topic} in {seconds:.1f} s"
        )

        async def land() -> None:
            loop = asyncio.get_running_loop()
            # What is under way when the faults end is given up.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.network.calmed.wait()
            if self.network.calm or self.network.log_away:
                return
            await self.broker.append(records)
            fault.effective = True
            fault.until = loop.time()

        self.network.carry(land())


class ProcessSubscription(Subscription):
    """A process's membership in a group."""

    def __init__(self, log: ProcessLog, inner: LocalSubscription) -> None:
        """Wrap the membership."""
        self._log = log
        self._network = log.network
        self._process = log.process
        self._inner = inner
        self._assigned: Mapping[int, int] = {}
        self._delivered: dict[int, deque[Stored]] = {}

    async def poll(self, *, records_max: int, wait_seconds: float) -> Polled:
        loop = asyncio.get_running_loop()
        if not self._process.alive:
            await asyncio.sleep(wait_seconds)
        if self._network.log_away:
            self._network.was_effective(FaultKind.LOG_AWAY)
            await asyncio.sleep(min(wait_seconds, 0.5))
            return Polled(assigned=self._assigned, records=(), positions={})
        if loop.time() < self._process.slow_until:
            self._network.was_effective(FaultKind.SLOW_READS)
            await asyncio.sleep(self._network.rng.uniform(0.0, _SLOW_POLL_SECONDS))
        polled = await self._inner.poll(records_max=records_max, wait_seconds=wait_seconds)
        self._assigned = polled.assigned
        for partition in set(self._delivered) - set(polled.positions):
            del self._delivered[partition]
        again = self._again()
        for record in polled.records:
            seen = self._delivered.setdefault(
                record.partition, deque(maxlen=_REDELIVERED_RECORDS_MAX)
            )
            seen.append(record)
        return Polled(
            assigned=polled.assigned,
            records=[*again, *polled.records],
            positions=polled.positions,
        )

    def wake(self) -> None:
        if self._process.alive:
            self._inner.wake()

    def deliver(self, partition: int, offsets: TopicOffsets) -> None:
        self._delivered.pop(partition, None)
        if self._process.alive:
            self._inner.deliver(partition, offsets)

    def pause(self, partition: int) -> None:
        self._inner.pause(partition)

    def resume(self, partition: int) -> None:
        self._inner.resume(partition)

    async def committed(self, partition: int) -> Mapping[Topic, Commit]:
        return await self._network.call(self._process, lambda: self._inner.committed(partition))

    async def commit(self, partition: int, commits: Mapping[Topic, Commit]) -> None:
        kind = self._network.strikes(FaultKind.POSITION_NOT_COMMITTED)
        if kind is not None:
            self._network.mark(kind, self._process, effective=True, note=f"partition {partition}")
            raise LogAwayError("the coordinator does not answer")
        await self._network.call(self._process, lambda: self._inner.commit(partition, commits))

    async def close(self) -> None:
        if self._process.alive:
            await self._inner.close()

    def _again(self) -> list[Stored]:
        """Give records a second time, now and then."""
        if not any(self._delivered.values()):
            return []
        kind = self._network.strikes(FaultKind.DELIVERED_TWICE)
        if kind is None:
            return []
        rng = self._network.rng
        partition = rng.choice([partition for partition, seen in self._delivered.items() if seen])
        seen = list(self._delivered[partition])
        again = seen[-rng.randint(1, len(seen)) :]
        note = f"{len(again)} of partition {partition}"
        self._network.mark(kind, self._process, effective=True, note=note)
        return again


class ProcessTail(Tail):
    """A process's reader outside any group."""

    def __init__(self, log: ProcessLog, inner: Tail) -> None:
        """Wrap the reader."""
        self._log = log
        self._inner = inner

    async def poll(self, *, records_max: int, wait_seconds: float) -> Sequence[Stored]:
        network, process = self._log.network, self._log.process
        if not process.alive or network.log_away:
            network.was_effective(FaultKind.LOG_AWAY)
            await asyncio.sleep(wait_seconds)
            return ()
        if asyncio.get_running_loop().time() < process.slow_until:
            network.was_effective(FaultKind.SLOW_READS)
            await asyncio.sleep(network.rng.uniform(0.0, _SLOW_POLL_SECONDS))
        return await self._inner.poll(records_max=records_max, wait_seconds=wait_seconds)

    async def close(self) -> None:
        await self._inner.close()


class ProcessTransactor(Transactor):
    """A process's writer of transactions: dead after the first failure, as the port says."""

    def __init__(self, log: ProcessLog, inner: Transactor, name: str) -> None:
        """Wrap the writer."""
        self._network = log.network
        self._process = log.process
        self._inner = inner
        self._name = name
        self._dead = False

    async def commit(self, records: Sequence[Record]) -> Sequence[Accepted]:
        if self._dead:
            raise FencedError("this transactor has failed")
        self._dead = True  # until the log has answered
        kind = self._network.strikes(
            FaultKind.COMMIT_UNKNOWN_LANDED,
            FaultKind.COMMIT_UNKNOWN_LOST,
            FaultKind.TORN_TRANSACTION,
        )
        written = records
        if kind is FaultKind.TORN_TRANSACTION:
            written = [record for record in records if record.topic is not Topic.DUE]
            note = f"{self._name}: {len(records) - len(written)} lost"
            effective = len(written) < len(records)
            self._network.mark(kind, self._process, effective=effective, note=note)
        if kind is FaultKind.COMMIT_UNKNOWN_LOST:
            self._network.mark(kind, self._process, effective=True, note=self._name)
            await asyncio.sleep(self._network.rng.uniform(0.0, 1.0))
            raise UnknownOutcomeError("no answer came")
        try:
            accepted = await self._network.call(self._process, lambda: self._inner.commit(written))
        except FencedError:
            self._network.mark(FaultKind.FENCE, self._process, effective=True, note=self._name)
            raise
        if kind is FaultKind.COMMIT_UNKNOWN_LANDED:
            self._network.mark(kind, self._process, effective=True, note=self._name)
            await asyncio.sleep(self._network.rng.uniform(0.0, 1.0))
            raise UnknownOutcomeError("no answer came")
        self._dead = False
        return accepted

    async def close(self) -> None:
        self._dead = True
