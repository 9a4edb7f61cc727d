"""Following partitions from given offsets, each on its own: the reading half of every consumer.

Knows fetches, places, and which partitions may deliver; no group. A broker has one fetch at a time,
for all of its partitions of which nothing is left to be taken: what nobody has taken yet of one
keeps no other waiting. A fetch waits at the broker until there is something; after one that brought
something the next waits `gather_seconds`, so that a steady trickle comes in few pieces.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    NoError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.structs import TopicPartition

from duetime import limits
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.fetched import Fetched, parts, request
from duetime.log.kafka.producer import bounded, end
from duetime.log.port import LogAwayError, LogError, Stored
from duetime.log.topics import Topic

_logger: Final = structlog.get_logger()
_NOWHERE: Final = -1

Slot = tuple[Topic, int]
"""A partition of a topic."""
Beginning = Callable[[Topic, int], Awaitable[int]]
"""Gives the first offset that a partition still holds. Raises LogAwayError."""
MakeFollower = Callable[[Sequence[Topic], Callable[[], None]], "Follower"]
"""Makes a follower of topics that calls when there may be news."""


class Follower:
    """Reads committed records of many partitions. `news` is called when there may be something."""

    def __init__(
        self,
        connection: Connection,
        topics: Sequence[Topic],
        news: Callable[[], None],
        *,
        beginning: Beginning,
        gather_seconds: float,
    ) -> None:
        """Make it; `start` connects."""
        self._names = connection.names
        self._topics = tuple(topics)
        self._news = news
        self._beginning = beginning
        self._gather_seconds = gather_seconds
        self._places: dict[Slot, int] = {}  # of the next record to fetch, or to take
        self._delivering: dict[Slot, None] = {}  # who was served last stands last
        self._fetched: dict[Slot, Fetched] = {}
        self._fault: BaseException | None = None
        self._asked: set[int] = set()  # brokers
        self._changed = asyncio.Event()
        self._fetching: asyncio.Task[None] | None = None
        self._fetches: set[asyncio.Task[None]] = set()
        self._client: Any = AIOKafkaClient(
            **connection.arguments,
            request_timeout_ms=int(limits.KAFKA_REQUEST_SECONDS_MAX * 1_000),
        )

    async def start(self) -> None:
        """Connect. Raises LogAwayError."""
        try:
            async with asyncio.timeout(limits.KAFKA_START_SECONDS_MAX):
                await self._client.bootstrap()
                await self._client.set_topics([self._names.of(topic) for topic in self._topics])
        except (KafkaError, OSError, TimeoutError) as fault:
            await self.close()
            raise LogAwayError(f"Kafka cannot be reached: {fault}") from fault
        self._fetching = asyncio.create_task(self._fetch_on(), name="fetch from Kafka")

    def seek(self, slot: Slot, offset: int) -> None:
        """Deliver from an offset on."""
        self._fetched.pop(slot, None)
        self._places[slot] = offset
        self.resume(slot)

    def hold(self, slot: Slot) -> None:
        """Deliver nothing until `resume` or `seek`; the place stays."""
        self._delivering.pop(slot, None)

    def resume(self, slot: Slot) -> None:
        """Go on from the place."""
        self._delivering.setdefault(slot)
        self._changed.set()
        if slot in self._fetched:
            self._news()

    def position(self, slot: Slot) -> int:
        """Give the offset of the next record to read; it moves past marks."""
        return self._places.get(slot, 0)

    def take(self, records_max: int) -> list[Stored]:
        """Give what is there, in order per partition. Raises LogError.

        Those come first that gave nothing lately, so that none starves behind a busy one.
        """
        if self._fault is not None:
            raise self._fault
        if self._fetching is None or self._fetching.done():
            raise LogError("the reader of Kafka has stopped")
        found: list[Stored] = []
        for slot in [slot for slot in self._delivering if slot in self._fetched]:
            if len(found) == records_max:
                break
            found += self._taken(slot, records_max - len(found))
        return found

    async def close(self) -> None:
        """Stop; bounded. Harmless when repeated."""
        for task in (self._fetching, *self._fetches):
            if task is not None:
                await end(task, limits.KAFKA_RETRY_SECONDS)
        await bounded(self._client.close(), limits.KAFKA_STOP_SECONDS_MAX)

    # --- fetching -----------------------------------------------------------------------------

    def _taken(self, slot: Slot, records_max: int) -> Sequence[Stored]:
        fetched = self._fetched[slot]
        try:
            found = fetched.take(records_max)
            more = fetched.more()
        except KafkaError as fault:
            del self._fetched[slot]
            raise LogError(f"Kafka cannot be read: {fault}") from fault
        self._places[slot] = fetched.position
        if not more:
            del self._fetched[slot]
            self._changed.set()
        if found:
            del self._delivering[slot]
            self._delivering[slot] = None
        return found

    async def _fetch_on(self) -> None:
        """Keep a fetch under way at each broker that leads what is wanted."""
        while True:
            self._changed.clear()
            for node, wanted in self._wanted().items():
                if node == _NOWHERE:
                    self._client.force_metadata_update()
                    loop = asyncio.get_running_loop()
                    loop.call_later(limits.KAFKA_RETRY_SECONDS, self._changed.set)
                    continue
                self._asked.add(node)
                fetch = asyncio.create_task(self._fetch(node, wanted), name="a fetch from Kafka")
                self._fetches.add(fetch)
                fetch.add_done_callback(self._ended)
            await self._changed.wait()

    def _wanted(self) -> Mapping[int, dict[Slot, int]]:
        """Give what is wanted of whom, and from where, of brokers that have no fetch to answer."""
        wanted: dict[int, dict[Slot, int]] = {}
        for slot in self._delivering:
            if slot in self._fetched:
                continue
            tp = TopicPartition(self._names.of(slot[0]), slot[1])
            leader = self._client.cluster.leader_for_partition(tp)
            node = _NOWHERE if leader is None else int(leader)
            if node not in self._asked:
                wanted.setdefault(node, {})[slot] = self._places[slot]
        return wanted

    async def _fetch(self, node: int, starts: Mapping[Slot, int]) -> None:
        """Fetch once from a broker, and let it be asked again when that is useful."""
        pause = 0.0
        try:
            size_bytes = await self._ask(node, starts)
            if 0 < size_bytes < limits.KAFKA_GATHERED_BYTES:
                pause = self._gather_seconds
        except (KafkaError, LogAwayError) as fault:
            _logger.debug("a fetch failed, and is tried again", reason=str(fault))
            self._client.force_metadata_update()
            pause = limits.KAFKA_FETCH_WAIT_SECONDS
        await asyncio.sleep(pause)
        self._asked.discard(node)
        self._changed.set()

    def _ended(self, fetch: "asyncio.Task[None]") -> None:
        """Keep a fault for who takes next: the death of a fetch would else be silence."""
        self._fetches.discard(fetch)
        if not fetch.cancelled() and fetch.exception() is not None:
            self._fault = fetch.exception()
            self._news()

    async def _ask(self, node: int, starts: Mapping[Slot, int]) -> int:
        """Fetch once; give how many bytes that brought. Raises KafkaError, LogError."""
        named = {(self._names.of(topic), number): at for (topic, number), at in starts.items()}
        asked = request(
            named,
            wait_seconds=limits.KAFKA_FETCH_WAIT_SECONDS,
            bytes_max=limits.KAFKA_FETCH_BYTES_MAX,
        )
        size_bytes, fault = 0, None
        for part in parts(await self._client.send(node, asked)):
            slot = (self._names.topic(part.topic), part.partition)
            kind = for_code(part.error)
            if kind is OffsetOutOfRangeError:
                await self._go_on_after(slot, starts[slot])
            elif kind is TopicAuthorizationFailedError:
                raise LogError(f"Kafka does not let us read {part.topic}")
            elif kind is not NoError:
                fault = kind(part.topic)
            elif part.records and self._places.get(slot) == starts[slot]:
                self._fetched[slot] = Fetched(slot[0], starts[slot], part)
                size_bytes += len(part.records)
        if size_bytes:
            self._news()
        if fault is not None:
            raise fault
        return size_bytes

    async def _go_on_after(self, slot: Slot, offset: int) -> None:
        """Skip what the log no longer holds; refuse places that it never had. Raises LogError."""
        first = await self._beginning(*slot)
        if self._places.get(slot) != offset:
            return
        name = self._names.of(slot[0])
        if offset >= first:
            raise LogError(
                f"{name} partition {slot[1]} ends before offset {offset}: "
                "it is not the log that this offset came from"
            )
        _logger.warning(
            "records are gone", topic=name, partition=slot[1], asked=offset, first=first
        )
        self._places[slot] = first
