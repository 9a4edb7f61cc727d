"""Transactions: records of one writer that become visible together, or never.

Knows one transactional producer per name and partition. It is used until the first doubt, and then
never again; opening the next fences it at the broker. Four things make up for the driver:

- It commits although a record was refused: every answer is awaited before the commit is asked for.
- A refused or timed-out record leaves its producer stuck for good: any failure discards it.
- A repeated EndTxn may arrive late and end a *later* transaction (the protocol before KIP-890): if
  any request went without an answer, this transaction is still good, but it is the last.
- Kafka answers a commit before its marks are in every partition: `commit` returns when they are,
  so that whoever reads afterwards sees all of it.

And for Kafka 4 itself: a coordinator that comes up with marks to write, while a partition has no
leader, takes its topic for deleted and leaves the mark out (`TransactionMarkerChannelManager` asks
`KRaftMetadataCache.getPartitionLeaderEndpoint`, which knows no difference; seen with one broker
that is killed and started again). The records wait there for the next mark of their producer id,
and what was said together is torn. So `open` gives them that mark.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    KafkaError,
    ProducerFenced,
)
from aiokafka.structs import TopicPartition

from duetime import limits
from duetime.log.kafka.batches import Batch, Ends, build, is_exact
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.producer import Producer, retrieve
from duetime.log.local.admission import refusals, size_bytes
from duetime.log.port import (
    Accepted,
    FencedError,
    LogAwayError,
    LogError,
    Record,
    Transactor,
    UnknownOutcomeError,
)
from duetime.log.topics import Topic

_logger: Final = structlog.get_logger()
_FAULTS: Final = (KafkaError, IllegalOperation, AssertionError, OSError, TimeoutError)
_FENCED: Final = (ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping)


class KafkaTransactor(Transactor):
    """The writer of one name and partition, until a newer one is opened."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        partition: int,
        visible: Callable[[Ends], Awaitable[bool]],
        left_open: Callable[[int], Awaitable[Ends]],
    ) -> None:
        """Make it; `open` fences.

        `visible` waits, bounded, and says whether readers see those records; `left_open` tells
        where a partition ends in records of which nothing is decided yet.
        """
        self._connection = connection
        self._what = f"transactor {name}, partition {partition}"
        self._producer = Producer(connection, connection.names.transactional_id(name, partition))
        self._partition = partition
        self._visible = visible
        self._left_open = left_open
        self._dead: LogError | None = None

    async def open(self) -> None:
        """Fence the one before, and end what it left open. Raises LogAwayError."""
        names = self._connection.names
        await self._producer.start([names.of(topic) for topic in Topic])
        try:
            await self._end_what_was_left_open()
        except BaseException as fault:
            self._die(fault)
            raise

    async def commit(self, records: Sequence[Record]) -> Sequence[Accepted]:
        if self._dead is not None:
            raise FencedError(f"the {self._what} has ended ({self._dead}): open a new one")
        if not records:
            return []
        try:
            self._check(records)
            accepted = await self._write(records)
            await self._end()
            await self._be_seen(_ends(records, accepted))
        except BaseException as fault:
            self._die(fault)
            raise
        if self._producer.disturbed:
            self._die(LogAwayError("a request of it got no answer, and might yet arrive"))
        return accepted

    @property
    def closed(self) -> bool:
        """Whether nothing of it is left."""
        return self._producer.closed

    async def close(self) -> None:
        self._die(LogAwayError("it was closed"))
        await self._producer.close()

    async def _end_what_was_left_open(self) -> None:
        """Commit what nobody else will end: it was said to be committed where it has no mark.

        An abort that was left out is not told from it, and would take two deaths within
        milliseconds; whoever reads next takes it for said, as its writer is gone.
        """
        left = await self._left_open(self._partition)
        if not left:
            return
        topics = [topic.value for topic, _ in left]
        _logger.warning("Kafka left a transaction open", what=self._what, topics=topics)
        names, driver = self._connection.names, self._producer.driver
        try:
            async with asyncio.timeout(limits.APPEND_WAIT_SECONDS_MAX):
                await driver.begin_transaction()
                for topic, partition in left:
                    slot = TopicPartition(names.of(topic), partition)
                    driver._txn_manager.maybe_add_partition_to_txn(slot)  # noqa: SLF001 # no record
                await driver.commit_transaction()
        except _FAULTS as fault:
            reason = str(fault) or "it took too long"
            raise LogAwayError(f"a transaction that was left open has no end: {reason}") from fault
        if not await self._visible(left) or self._producer.disturbed:
            raise LogAwayError("a transaction that was left open has no end")

    def _check(self, records: Sequence[Record]) -> None:
        sizes = [size_bytes(record) for record in records]
        for reason in refusals(records, self._connection.partitions, sizes).values():
            raise LogAwayError(f"nothing was written: {reason}")

    def _die(self, fault: BaseException) -> None:
        if self._dead is None:
            self._dead = fault if isinstance(fault, LogError) else LogError(type(fault).__name__)
            self._producer.discard()

    async def _write(self, records: Sequence[Record]) -> Sequence[Accepted]:
        """Have every record written, but not committed: whatever fails here, nothing is visible."""
        by_slot: defaultdict[tuple[Topic, int], list[tuple[int, Record]]] = defaultdict(list)
        for place, record in enumerate(records):
            by_slot[record.topic, record.partition].append((place, record))
        accepted: dict[int, Accepted] = {}
        try:
            async with asyncio.timeout(limits.APPEND_WAIT_SECONDS_MAX):
                await self._producer.driver.begin_transaction()
                for batch, answer in await self._send(by_slot):
                    result = await answer
                    if not is_exact(result):
                        raise LogAwayError("nothing was written: Kafka lost count of a batch")
                    accepted |= batch.accepted(result)
        except _FAULTS as fault:
            if self._is_fenced(fault):
                raise FencedError(f"there is a newer {self._what}") from fault
            reason = str(fault) or "it took too long"
            raise LogAwayError(f"nothing was written: {reason}") from fault
        return [accepted[place] for place in range(len(records))]

    async def _send(
        self, by_slot: Mapping[tuple[Topic, int], list[tuple[int, Record]]]
    ) -> list[tuple[Batch, Any]]:
        """Hand all batches over in one turn of the loop: one request then opens the partitions."""
        driver, names = self._producer.driver, self._connection.names
        sent = []
        for (topic, partition), records in by_slot.items():
            for batch in build(driver, records):
                answer = await driver.send_batch(
                    batch.builder, names.of(topic), partition=partition
                )
                answer.add_done_callback(retrieve)  # the first failure is told, the others not
                sent.append((batch, answer))
        return sent

    async def _end(self) -> None:
        """Ask for the commit. Raises FencedError only where that is certain."""
        try:
            async with asyncio.timeout(limits.APPEND_WAIT_SECONDS_MAX):
                await self._producer.driver.commit_transaction()
        except _FAULTS as fault:
            # Without an answer to a first EndTxn, "fenced" may be the answer to its repeat.
            if self._is_fenced(fault) and not self._producer.disturbed:
                raise FencedError(f"there is a newer {self._what}") from fault
            reason = str(fault) or "it took too long"
            raise UnknownOutcomeError(f"the commit may have happened: {reason}") from fault

    async def _be_seen(self, ends: Ends) -> None:
        """Wait for the marks. Where some are missing only the next one gives them: it comes now."""
        if not await self._visible(ends):
            raise UnknownOutcomeError("the commit has happened, and nobody sees it yet")

    def _is_fenced(self, fault: BaseException) -> bool:
        """Whether the broker said so, now or to the driver's background task before."""
        task = self._producer.driver._sender.sender_task  # noqa: SLF001 # it keeps the first error
        earlier = task.exception() if task is not None and _failed(task) else None
        return isinstance(fault, _FENCED) or isinstance(earlier, _FENCED)


def _ends(records: Sequence[Record], accepted: Sequence[Accepted]) -> Ends:
    """Give the last offset of each partition among these."""
    ends: dict[tuple[Topic, int], int] = {}
    for record, place in zip(records, accepted, strict=True):
        slot = (record.topic, record.partition)
        ends[slot] = max(place.offset, ends.get(slot, -1))
    return ends


def _failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and not task.cancelled()
