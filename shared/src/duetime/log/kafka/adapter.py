"""The event log on Kafka: the port's promises, each kept by a part of this package.

Knows the parts and who opened what, so that closing the log closes everything.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Protocol, Self

import structlog

from duetime.log.kafka.appender import Appender
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.driver_log import calm
from duetime.log.kafka.following import Follower, MakeFollower
from duetime.log.kafka.reader import Reader
from duetime.log.kafka.subscription import KafkaSubscription
from duetime.log.kafka.tail import KafkaTail
from duetime.log.kafka.topics_plan import check
from duetime.log.kafka.transactor import KafkaTransactor
from duetime.log.port import (
    AppendOutcome,
    Log,
    LogError,
    Record,
    Stored,
    Subscription,
    Tail,
    Transactor,
)
from duetime.log.topics import Topic

_logger: Final = structlog.get_logger()


class _Opened(Protocol):
    @property
    def closed(self) -> bool: ...

    async def close(self) -> None: ...


class KafkaLog(Log):
    """A log whose topics exist already (`duetime topics apply` makes them)."""

    def __init__(self, connection: Connection) -> None:
        """Make it; `open` connects."""
        self._connection = connection
        self._reader = Reader(connection)
        self._appender = Appender(connection)
        self._opened: list[_Opened] = []
        self._cluster_id = ""
        self._closed = False

    @classmethod
    async def open(cls, connection: Connection) -> Self:
        """Connect.

        Raises LogAwayError where no broker answers, and KafkaSetupError where the topics are not
        what the port's promises need.
        """
        calm()
        differences = await check(connection)
        log = cls(connection)
        log._cluster_id = connection.names.log_id(await log._reader.start())  # its own
        for finding in differences:
            _logger.warning("topic is not as planned", reason=finding.sentence)
        return log

    @property
    def partitions(self) -> int:
        return self._connection.partitions

    @property
    def cluster_id(self) -> str:
        return self._cluster_id

    async def append(self, records: Sequence[Record]) -> Sequence[AppendOutcome]:
        return await self._appender.append(records)

    async def subscribe(
        self, group: str, topics: Sequence[Topic], *, gather_seconds: float = 0.0
    ) -> Subscription:
        self._check_open()
        subscription = KafkaSubscription(
            self._connection, group, topics, self._follower(gather_seconds)
        )
        await subscription.start()
        self._keep(subscription)
        return subscription

    async def tail(
        self,
        topics: Sequence[Topic],
        start: Mapping[tuple[Topic, int], int] | None = None,
        *,
        gather_seconds: float = 0.0,
    ) -> Tail:
        self._check_open()
        given = start or {}
        places: dict[tuple[Topic, int], int] = {}
        for topic in topics:
            ends = await self.end_offsets(topic)
            places |= {(topic, p): given.get((topic, p), end) for p, end in enumerate(ends)}
        tail = KafkaTail(topics, self._follower(gather_seconds))
        await tail.start(places)
        self._keep(tail)
        return tail

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        self._check_open()
        return await self._reader.read(topic, partition, start, records_max=records_max)

    async def end_offsets(self, topic: Topic) -> Sequence[int]:
        self._check_open()
        return await self._reader.end_offsets(topic, range(self.partitions))

    async def transactor(self, name: str, partition: int) -> Transactor:
        self._check_open()
        reader = self._reader
        transactor = KafkaTransactor(
            self._connection, name, partition, visible=reader.visible, left_open=reader.left_open
        )
        await transactor.open()
        self._keep(transactor)
        return transactor

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        opened, self._opened = self._opened, []
        await asyncio.gather(*(each.close() for each in opened), self._appender.close())
        await self._reader.close()

    def _follower(self, gather_seconds: float) -> MakeFollower:
        return partial(
            Follower,
            self._connection,
            beginning=self._reader.beginning,
            gather_seconds=gather_seconds,
        )

    def _keep(self, opened: _Opened) -> None:
        """Close it with the log, unless it was closed before."""
        self._opened = [each for each in self._opened if not each.closed]
        self._opened.append(opened)

    def _check_open(self) -> None:
        if self._closed:
            raise LogError("the log is closed")
