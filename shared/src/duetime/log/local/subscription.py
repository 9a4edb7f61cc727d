"""A member of a consumer group inside one process.

Knows its assignment, its cursors and how to wait for news; not how records are stored.
"""

import asyncio
from collections.abc import Mapping, Sequence

from duetime.log.local.group import Member
from duetime.log.local.hub import Cursor, Hub, accept
from duetime.log.local.signal import Signal
from duetime.log.port import Commit, LogError, Polled, Subscription, TopicOffsets
from duetime.log.topics import Topic


class LocalSubscription(Subscription):
    """Reads the partitions that its group gives it. One poll at a time."""

    def __init__(self, hub: Hub, group: str, topics: Sequence[Topic]) -> None:
        """Join at once."""
        self.topics = frozenset(topics)
        self._hub = hub
        self._group = group
        self._signal = Signal()
        self._member = Member(changed=self._signal.set)
        self._cursors: dict[int, dict[Topic, Cursor]] = {}
        self._generations: dict[int, int] = {}  # of each delivery
        self._letting_go: dict[int, int] = {}
        self._turn = 0
        self._ask = False  # answer the next poll even without records
        self._polling = False
        self._closed = False
        hub.add(self)
        hub.join(group, self._member)

    async def poll(self, *, records_max: int, wait_seconds: float) -> Polled:
        if self._closed:
            raise LogError(f"this member has left the group {self._group}, or its log is closed")
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

    def news(self) -> None:
        """Look again: there are new records."""
        self._signal.set()

    def deliver(self, partition: int, offsets: TopicOffsets) -> None:
        """Start delivery. Says nothing where the partition is lost already: the next poll tells."""
        assert self.topics.issuperset(offsets), "only topics of the subscription"
        if self._current(partition):
            self._stop(partition)
            self._cursors[partition] = {
                topic: Cursor(topic, partition, offset) for topic, offset in offsets.items()
            }
            self._generations[partition] = self._member.assigned[partition]
            self.wake()

    def pause(self, partition: int) -> None:
        for cursor in self._cursors.get(partition, {}).values():
            cursor.idle = True

    def resume(self, partition: int) -> None:
        for cursor in self._cursors.get(partition, {}).values():
            cursor.idle = False
        self._signal.set()

    async def committed(self, partition: int) -> Mapping[Topic, Commit]:
        return self._hub.committed(self._group, partition)

    async def commit(self, partition: int, commits: Mapping[Topic, Commit]) -> None:
        if self._closed or not self._member.uses(partition):
            raise LogError(f"partition {partition} is not this member's in {self._group}")
        await self._hub.commit(self._group, partition, commits)

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the group."""
        if not self._closed:
            self._closed = True
            self._hub.remove(self)
            self._drop()

    def expel(self) -> None:
        """Lose everything, as when a session ran out; the next poll joins anew."""
        self._drop()

    def _drop(self) -> None:
        self._hub.leave(self._group, self._member)
        for partition in list(self._cursors):
            self._stop(partition)
        self._letting_go = {}
        self._signal.set()

    async def _poll(self, records_max: int, wait_seconds: float) -> Polled:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        while True:
            if not self._closed and not self._hub.has(self._group, self._member):
                self._hub.join(self._group, self._member)
            self._signal.clear()
            self._forget_lost()
            found = await self._hub.fetch(self._in_turn(), records_max)
            self._forget_lost()
            records, moved = accept(found)
            changed = self._member.assigned != self._member.told
            remaining = deadline - loop.time()
            if moved or changed or self._ask or self._closed or remaining <= 0:
                break
            await self._signal.wait(remaining)
        self._ask = False
        self._turn += 1
        self._member.told = dict(self._member.assigned)
        self._letting_go = dict(self._member.revoking)
        return Polled(
            assigned=self._member.told,
            records=records,
            positions={
                partition: {topic: cursor.offset for topic, cursor in cursors.items()}
                for partition, cursors in self._cursors.items()
            },
        )

    def _let_go(self) -> None:
        """Polling again says: what the last poll took away is no longer in use."""
        for partition, generation in self._letting_go.items():
            self._hub.release(self._group, self._member, partition, generation)
        self._letting_go = {}

    def _current(self, partition: int) -> bool:
        """Whether the member owns the partition and has been told of this very generation."""
        generation = self._member.assigned.get(partition)
        return generation is not None and self._member.told.get(partition) == generation

    def _forget_lost(self) -> None:
        for partition in list(self._cursors):
            if self._member.assigned.get(partition) != self._generations[partition]:
                self._stop(partition)

    def _stop(self, partition: int) -> None:
        for cursor in self._cursors.pop(partition, {}).values():
            cursor.idle = True
        self._generations.pop(partition, None)

    def _in_turn(self) -> list[Cursor]:
        """Give the cursors, each time beginning with another: none starves behind a busy one."""
        cursors = [cursor for group in self._cursors.values() for cursor in group.values()]
        if not cursors:
            return cursors
        first = self._turn % len(cursors)
        return cursors[first:] + cursors[:first]
