"""Reading by offset: one fetch per question, with no consumer behind it.

Knows leaders, fetches, and where partitions begin and end for a reader of committed records. What a
fetch brought beyond what was asked for is kept for the next question, so that reading a partition
from end to end costs one request per four megabytes.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, OffsetResetStrategy
from aiokafka.errors import KafkaError, NoError, OffsetOutOfRangeError, StaleMetadata, for_code
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.structs import TopicPartition

from duetime import limits
from duetime.log.kafka.batches import Ends
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.fetched import Fetched, parts, request
from duetime.log.kafka.producer import bounded
from duetime.log.port import LogAwayError, LogError, Stored
from duetime.log.topics import Topic

_logger: Final = structlog.get_logger()
_LOOK_AGAIN_SECONDS: Final = 0.002  # marks of a transaction take about as long
_LATEST: Final = OffsetResetStrategy.LATEST
_EARLIEST: Final = OffsetResetStrategy.EARLIEST

T = TypeVar("T")
_Place = tuple[Topic, int, int]
"""A partition of a topic, and the offset of the next record to read there."""


class Reader:
    """Answers single questions about partitions; holds no place in any."""

    def __init__(self, connection: Connection) -> None:
        """Make it; `start` connects."""
        self._connection = connection
        self._names = connection.names
        self._client: Any = AIOKafkaClient(
            **connection.arguments,
            request_timeout_ms=int(limits.KAFKA_REQUEST_SECONDS_MAX * 1_000),
        )
        self._rests: OrderedDict[_Place, Fetched] = OrderedDict()

    async def start(self) -> str:
        """Connect, and give the cluster's id. Raises LogAwayError."""
        try:
            async with asyncio.timeout(limits.KAFKA_START_SECONDS_MAX):
                await self._client.bootstrap()
                for topic in Topic:  # new ones take a moment to be known to every broker
                    await self._client._wait_on_metadata(self._names.of(topic))  # noqa: SLF001 # the driver's own clients use it so
                node = self._client.get_random_node()
                answer = await self._client.send(node, MetadataRequest([]))
        except (KafkaError, OSError, TimeoutError) as fault:
            await self.close()
            raise LogAwayError(f"Kafka cannot be reached: {fault}") from fault
        return str(answer.cluster_id)

    async def close(self) -> None:
        """Let go. Harmless when repeated."""
        self._rests.clear()
        await bounded(self._client.close(), limits.KAFKA_STOP_SECONDS_MAX)

    async def end_offsets(self, topic: Topic, partitions: Sequence[int]) -> Sequence[int]:
        """Give the offset after the last committed record of each partition."""
        ends = await self._offsets({(topic, partition): _LATEST for partition in partitions})
        return [ends[topic, partition] for partition in partitions]

    async def beginning(self, topic: Topic, partition: int) -> int:
        """Give the first offset that the log still holds."""
        return (await self._offsets({(topic, partition): _EARLIEST}))[topic, partition]

    async def visible(self, ends: Ends) -> bool:
        """Wait, bounded, until readers see records at these offsets; say whether they do."""
        until = asyncio.get_running_loop().time() + limits.KAFKA_VISIBLE_SECONDS_MAX
        while asyncio.get_running_loop().time() < until:
            try:
                seen = await self._offsets(dict.fromkeys(ends, _LATEST))
            except LogAwayError:
                return False
            if all(seen[slot] > offset for slot, offset in ends.items()):
                return True
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        return False

    async def left_open(self, partition: int) -> Ends:
        """Give the last offset of each topic whose partition ends in records not decided yet."""
        slots = [(topic, partition) for topic in Topic]
        # In this order: what is appended between the two questions is decided at once.
        ends = await self._offsets(dict.fromkeys(slots, _LATEST), isolation=READ_UNCOMMITTED)
        decided = await self._offsets(dict.fromkeys(slots, _LATEST))
        return {slot: ends[slot] - 1 for slot in slots if decided[slot] < ends[slot]}

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        """Read as `Log.read`."""
        found: list[Stored] = []
        position = start
        while True:
            rest = self._rests.pop((topic, partition, position), None)
            fetched = rest or await self._fetch((topic, partition, position))
            found += _taken(fetched, records_max - len(found))
            before, more, position = position, fetched.more(), max(position, fetched.position)
            if more:
                self._keep((topic, partition, position), fetched)
                return found, position
            # A rest knows an older end than the log has now; a fetch that moves nothing is the end.
            if rest is None and (position >= fetched.end or position == before):
                return found, position

    # --- fetching -----------------------------------------------------------------------------

    def _keep(self, place: _Place, rest: Fetched) -> None:
        self._rests[place] = rest
        while len(self._rests) > limits.KAFKA_READ_RESTS_MAX:
            self._rests.popitem(last=False)

    async def _fetch(self, place: _Place) -> Fetched:
        topic, partition, start = place
        slot = TopicPartition(self._names.of(topic), partition)
        try:
            return await self._again(lambda: self._fetch_once(topic, slot, start))
        except OffsetOutOfRangeError:
            first = await self.beginning(topic, partition)
            if start >= first:
                raise LogError(
                    f"{slot.topic} partition {partition} ends before offset {start}: "
                    "it is not the log that this offset came from"
                ) from None
            _logger.warning(
                "records are gone", topic=slot.topic, partition=partition, asked=start, first=first
            )
            return await self._again(lambda: self._fetch_once(topic, slot, first))

    async def _fetch_once(self, topic: Topic, slot: Any, start: int) -> Fetched:
        asked = request(
            {(slot.topic, slot.partition): start},
            wait_seconds=0,
            bytes_max=limits.KAFKA_PARTITION_FETCH_BYTES_MAX,
        )
        (part,) = parts(await self._client.send(self._leader(slot), asked))
        kind = for_code(part.error)
        if kind is not NoError:
            raise kind(slot)
        return Fetched(topic, start, part)

    # --- asking brokers -----------------------------------------------------------------------

    async def _offsets(
        self, wanted: Mapping[tuple[Topic, int], int], *, isolation: int = READ_COMMITTED
    ) -> Mapping[tuple[Topic, int], int]:
        return await self._again(lambda: self._offsets_once(wanted, isolation))

    async def _offsets_once(
        self, wanted: Mapping[tuple[Topic, int], int], isolation: int
    ) -> Mapping[tuple[Topic, int], int]:
        by_leader: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for (topic, partition), which in wanted.items():
            slot = TopicPartition(self._names.of(topic), partition)
            by_leader[self._leader(slot)][slot.topic].append((partition, which))
        answers = await asyncio.gather(
            *(
                self._client.send(leader, OffsetRequest(-1, isolation, list(topics.items())))
                for leader, topics in by_leader.items()
            )
        )
        found: dict[tuple[Topic, int], int] = {}
        for answer in answers:
            for name, of_topic in answer.topics:
                for partition, error, _, offset in of_topic:
                    kind = for_code(error)
                    if kind is not NoError:
                        raise kind(name)
                    found[self._names.topic(name), partition] = offset
        return found

    def _leader(self, slot: Any) -> int:
        leader = self._client.cluster.leader_for_partition(slot)
        if leader is None or leader == -1:
            raise StaleMetadata(slot)
        return int(leader)

    async def _again(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer; bounded. Raises LogAwayError, and OffsetOutOfRangeError."""
        last: Exception | None = None
        try:
            async with asyncio.timeout(limits.APPEND_WAIT_SECONDS_MAX):
                while True:
                    try:
                        return await ask()
                    except OffsetOutOfRangeError:
                        raise
                    except KafkaError as fault:
                        if not fault.retriable:
                            raise
                        last = fault
                        await self._client.force_metadata_update()
                        await asyncio.sleep(limits.KAFKA_RETRY_SECONDS)
        except OffsetOutOfRangeError:
            raise
        except (KafkaError, OSError, TimeoutError) as fault:
            reason = str(fault) or str(last or "") or "it took too long"
            raise LogAwayError(f"Kafka cannot be read: {reason}") from fault


def _taken(fetched: Fetched, records_max: int) -> Sequence[Stored]:
    try:
        return fetched.take(records_max)
    except KafkaError as fault:
        raise LogAwayError(f"Kafka cannot be read: {fault}") from fault
