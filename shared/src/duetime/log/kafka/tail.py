"""A reader of whole topics on Kafka, outside any group.

Knows how to wait for records; where it starts is decided when it is made.
"""

import asyncio
from collections.abc import Mapping, Sequence

from duetime.log.kafka.following import MakeFollower, Slot
from duetime.log.local.signal import Signal
from duetime.log.port import LogError, Stored, Tail
from duetime.log.topics import Topic


class KafkaTail(Tail):
    """Follows every partition of its topics."""

    def __init__(self, topics: Sequence[Topic], follower: MakeFollower) -> None:
        """Make it; `start` connects and takes up the places."""
        self._signal = Signal()
        self._follower = follower(topics, self._signal.set)
        self._closed = False

    async def start(self, places: Mapping[Slot, int]) -> None:
        """Follow from these offsets. Raises LogAwayError."""
        await self._follower.start()
        for slot, offset in places.items():
            self._follower.seek(slot, offset)

    async def poll(self, *, records_max: int, wait_seconds: float) -> Sequence[Stored]:
        if self._closed:
            raise LogError("this reader is closed")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        await asyncio.sleep(0)
        while True:
            self._signal.clear()
            records = [] if self._ended() else self._follower.take(records_max)
            remaining = deadline - loop.time()
            if records or remaining <= 0 or self._ended():
                return records
            await self._signal.wait(remaining)

    def _ended(self) -> bool:
        return self._closed

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._signal.set()
            await self._follower.close()
