"""Following partitions from given offsets, each on its own: the reading half of every consumer.

Knows an aiokafka consumer that is no member of any group, and which partitions may deliver. All
partitions are assigned to it once and for all, each held until `seek` says from where: so starting
or holding one never disturbs the others, which a new assignment would.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from duetime import limits
from duetime.log.kafka.batches import stored
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.producer import bounded, end
from duetime.log.port import LogAwayError, LogError, Stored
from duetime.log.topics import Topic

_logger: Final = structlog.get_logger()

Slot = tuple[Topic, int]
"""A partition of a topic."""


class Follower:
    """Reads committed records of many partitions. `news` is called when there may be something."""

    def __init__(
        self, connection: Connection, topics: Sequence[Topic], news: Callable[[], None]
    ) -> None:
        """Make it; `start` connects."""
        self._names = connection.names
        self._news = news
        self._slots: dict[Slot, Any] = {
            (topic, partition): TopicPartition(connection.names.of(topic), partition)
            for topic in topics
            for partition in range(connection.partitions)
        }
        self._delivering: set[Slot] = set()
        self._served: set[Slot] = set()
        self._states: Mapping[Slot, Any] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._consumer: Any = AIOKafkaConsumer(
            **connection.arguments,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            request_timeout_ms=int(limits.KAFKA_REQUEST_SECONDS_MAX * 1_000),
            fetch_max_wait_ms=int(limits.KAFKA_FETCH_WAIT_SECONDS * 1_000),
            fetch_max_bytes=limits.KAFKA_FETCH_BYTES_MAX,
            max_partition_fetch_bytes=limits.KAFKA_PARTITION_FETCH_BYTES_MAX,
        )

    async def start(self) -> None:
        """Connect. Raises LogAwayError."""
        consumer = self._consumer
        try:
            async with asyncio.timeout(limits.KAFKA_START_SECONDS_MAX):
                await consumer.start()
        except (KafkaError, OSError, TimeoutError) as fault:
            await self.close()
            raise LogAwayError(f"Kafka cannot be reached: {fault}") from fault
        # What one partition brought and nobody has taken yet shall not keep the others waiting.
        consumer._fetcher._prefetch_backoff = 0  # noqa: SLF001 # no argument sets it
        consumer.assign(list(self._slots.values()))
        assignment = consumer._subscription.subscription.assignment  # noqa: SLF001 # `position` of aiokafka is a coroutine
        self._states = {slot: assignment.state_value(tp) for slot, tp in self._slots.items()}
        for tp in self._slots.values():
            # With a place and held, in the same turn of the loop: it never asks where to begin.
            consumer.seek(tp, 0)
            consumer.pause(tp)

    def seek(self, slot: Slot, offset: int) -> None:
        """Deliver from an offset on."""
        self._consumer.seek(self._slots[slot], offset)
        self._consumer.resume(self._slots[slot])
        self._delivering.add(slot)

    def hold(self, slot: Slot) -> None:
        """Deliver nothing until `resume` or `seek`; the place stays."""
        self._consumer.pause(self._slots[slot])
        self._delivering.discard(slot)

    def resume(self, slot: Slot) -> None:
        """Go on from the place."""
        self._consumer.resume(self._slots[slot])
        self._delivering.add(slot)

    def position(self, slot: Slot) -> int:
        """Give the offset of the next record to read; it moves past marks."""
        return int(self._states[slot].position)

    async def take(self, records_max: int) -> list[Stored]:
        """Give what is there, in order per partition, without waiting. Raises LogError."""
        consumer = self._consumer
        fetching = consumer._fetcher._fetch_task  # noqa: SLF001 # its death would else be silence
        if fetching.done():
            raise LogError("the reader of Kafka has stopped")
        try:
            found = await self._in_turn(records_max)
        except OffsetOutOfRangeError as fault:
            await self._go_on_after(fault)
            return []
        except KafkaError as fault:
            raise LogError(f"Kafka cannot be read: {fault}") from fault
        finally:
            self._ask_for_news()
        return [
            stored(self._names, record)
            for tp, records in found
            if (self._names.topic(tp.topic), tp.partition) in self._delivering
            for record in records
        ]

    async def _in_turn(self, records_max: int) -> Sequence[tuple[Any, Sequence[Any]]]:
        """Ask first those that gave nothing lately, so that none starves behind a busy one."""
        found: list[tuple[Any, Sequence[Any]]] = []
        late = [self._slots[slot] for slot in self._delivering if slot not in self._served]
        if self._served and late:
            found += (
                await self._consumer.getmany(*late, timeout_ms=0, max_records=records_max)
            ).items()
        left = records_max - sum(len(records) for _, records in found)
        if left:
            self._served.clear()
            found += (await self._consumer.getmany(timeout_ms=0, max_records=left)).items()
        self._served |= {(self._names.topic(tp.topic), tp.partition) for tp, _ in found}
        return found

    async def close(self) -> None:
        """Stop; bounded. Harmless when repeated."""
        consumer = self._consumer
        await bounded(consumer.stop(), limits.KAFKA_STOP_SECONDS_MAX)
        fetcher = consumer._fetcher  # noqa: SLF001 # `stop` can hang or fail before it gets there
        if fetcher is not None:
            for task in (fetcher._fetch_task, *fetcher._pending_tasks):  # noqa: SLF001 # as above
                await end(task, limits.KAFKA_RETRY_SECONDS)
        await bounded(consumer._client.close(), limits.KAFKA_STOP_SECONDS_MAX)  # noqa: SLF001 # as above

    def _ask_for_news(self) -> None:
        if self._waiter is None or self._waiter.done():
            waiter: asyncio.Future[None] = self._consumer._fetcher._create_fetch_waiter()  # noqa: SLF001 # `getmany` would not tell of marks that move a place
            waiter.add_done_callback(self._tell)
            self._waiter = waiter

    def _tell(self, waiter: "asyncio.Future[None]") -> None:
        if not waiter.cancelled():
            waiter.exception()  # `take` will raise it
        self._news()

    async def _go_on_after(self, fault: OffsetOutOfRangeError) -> None:
        """Skip what the log no longer holds; refuse places that it never had. Raises LogError."""
        for tp, offset in fault.args[0].items():
            slot = (self._names.topic(tp.topic), tp.partition)
            if slot not in self._delivering or self.position(slot) != offset:
                continue
            try:
                async with asyncio.timeout(limits.APPEND_WAIT_SECONDS_MAX):
                    first = (await self._consumer.beginning_offsets([tp]))[tp]
            except (KafkaError, TimeoutError) as away:
                raise LogAwayError(f"Kafka cannot be read: {away}") from away
            if offset >= first:
                raise LogError(
                    f"{tp.topic} partition {tp.partition} ends before offset {offset}: "
                    "it is not the log that this offset came from"
                )
            _logger.warning(
                "records are gone",
                topic=tp.topic,
                partition=tp.partition,
                asked=offset,
                first=first,
            )
            if slot in self._delivering and self.position(slot) == offset:
                self._consumer.seek(tp, first)
