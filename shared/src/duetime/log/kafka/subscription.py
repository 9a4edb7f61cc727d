"""A member of a consumer group on Kafka: ownership from one half, records from the other.

Knows what its caller has been told and what it delivers; the group is `membership`'s, reading is
`following`'s. Reading goes on through every round of the group: only what is lost stops.
"""

import asyncio
from collections.abc import Mapping, Sequence

from duetime.log.kafka.connection import Connection
from duetime.log.kafka.following import MakeFollower
from duetime.log.kafka.membership import Membership
from duetime.log.local.signal import Signal
from duetime.log.port import Commit, LogError, Polled, Stored, Subscription, TopicOffsets
from duetime.log.topics import Topic


class KafkaSubscription(Subscription):
    """Reads the partitions that its group gives it. One poll at a time."""

    def __init__(
        self, connection: Connection, group: str, topics: Sequence[Topic], follower: MakeFollower
    ) -> None:
        """Make it; `start` connects and begins to join."""
        self._group = group
        self._topics = frozenset(topics)
        self._signal = Signal()
        self._membership = Membership(connection, group, topics, self._changed)
        self._follower = follower(topics, self._signal.set)
        self._told: Mapping[int, int] = {}
        self._told_lost: dict[int, int] = {}
        self._delivering: dict[int, tuple[int, tuple[Topic, ...]]] = {}  # generation, topics
        self._reported: Mapping[int, TopicOffsets] = {}
        self._ask = False
        self._polling = False
        self._closed = False

    async def start(self) -> None:
        """Connect both halves. Raises LogAwayError."""
        try:
            await self._follower.start()
            await self._membership.start()
        except BaseException:
            await self.close()
            raise

    async def poll(self, *, records_max: int, wait_seconds: float) -> Polled:
        if self._closed:
            raise LogError(f"this member has left the group {self._group}")
        assert not self._polling, "one poll at a time"
        self._polling = True
        try:
            self._let_go()
            # A reader that always finds something must not keep the loop to itself.
            await asyncio.sleep(0)
            return await self._poll(records_max, wait_seconds)
        finally:
            self._polling = False

    def wake(self) -> None:
        self._ask = True
        self._signal.set()

    def deliver(self, partition: int, offsets: TopicOffsets) -> None:
        """Start delivery. Says nothing where the partition is lost already: the next poll tells."""
        assert self._topics.issuperset(offsets), "only topics of the subscription"
        generation = self._membership.owned.get(partition)
        if generation is not None and self._told.get(partition) == generation:
            self._stop(partition)
            for topic, offset in offsets.items():
                self._follower.seek((topic, partition), offset)
            self._delivering[partition] = (generation, tuple(offsets))
            self.wake()

    def pause(self, partition: int) -> None:
        for topic in self._delivering.get(partition, (0, ()))[1]:
            self._follower.hold((topic, partition))

    def resume(self, partition: int) -> None:
        for topic in self._delivering.get(partition, (0, ()))[1]:
            self._follower.resume((topic, partition))

    async def committed(self, partition: int) -> Mapping[Topic, Commit]:
        return await self._membership.committed(partition)

    async def commit(self, partition: int, commits: Mapping[Topic, Commit]) -> None:
        if self._closed:
            raise LogError(f"this member has left the group {self._group}")
        await self._membership.commit(partition, commits)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._signal.set()
            await self._membership.close()
            await self._follower.close()

    async def _poll(self, records_max: int, wait_seconds: float) -> Polled:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        while True:
            self._signal.clear()
            records = self._take(records_max)
            positions = self._positions()
            changed = self._membership.owned != self._told
            moved = bool(records) or positions != self._reported
            remaining = deadline - loop.time()
            if moved or changed or self._ask or self._closed or remaining <= 0:
                break
            await self._signal.wait(remaining)
        self._ask = False
        self._told = dict(self._membership.owned)
        self._told_lost = dict(self._membership.letting_go)
        self._reported = positions
        return Polled(assigned=self._told, records=records, positions=positions)

    def _take(self, records_max: int) -> Sequence[Stored]:
        if self._closed:
            return []
        self._membership.check()
        self._forget_lost()
        return self._follower.take(records_max)

    def _positions(self) -> Mapping[int, TopicOffsets]:
        return {
            partition: {topic: self._follower.position((topic, partition)) for topic in topics}
            for partition, (_, topics) in self._delivering.items()
        }

    def _let_go(self) -> None:
        """Polling again says: what the last poll took away is no longer in use."""
        for partition, generation in self._told_lost.items():
            self._membership.release(partition, generation)
        self._told_lost = {}

    def _changed(self) -> None:
        for partition, generation in self._membership.letting_go.items():
            if self._told.get(partition) != generation:
                # It never learnt that the partition was its own.
                asyncio.get_running_loop().call_soon(
                    self._membership.release, partition, generation
                )
        self._signal.set()

    def _forget_lost(self) -> None:
        """Stop what is no longer ours, or ours anew."""
        lost = [
            partition
            for partition, (generation, _) in self._delivering.items()
            if self._membership.owned.get(partition) != generation
        ]
        for partition in lost:
            self._stop(partition)

    def _stop(self, partition: int) -> None:
        for topic in self._delivering.pop(partition, (0, ()))[1]:
            self._follower.hold((topic, partition))
