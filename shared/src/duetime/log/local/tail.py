"""A reader of whole topics inside one process, outside any group.

Knows its cursors and how to wait for news; not how records are stored.
"""

import asyncio
from collections.abc import Mapping, Sequence

from duetime.log.local.hub import Cursor, Hub, Slot, accept
from duetime.log.local.signal import Signal
from duetime.log.port import LogError, Stored, Tail
from duetime.log.topics import Topic


class LocalTail(Tail):
    """Follows topics from given offsets, or from their ends as they are now."""

    def __init__(self, hub: Hub, topics: Sequence[Topic], start: Mapping[Slot, int]) -> None:
        """Take up the place now: nothing appended later is missed."""
        self.topics = frozenset(topics)
        self._hub = hub
        self._signal = Signal()
        self._cursors = [
            Cursor(topic, partition, start.get((topic, partition), hub.end(topic, partition)))
            for topic in topics
            for partition in range(hub.partitions)
        ]
        self._turn = 0
        self._closed = False
        hub.add(self)

    async def poll(self, *, records_max: int, wait_seconds: float) -> Sequence[Stored]:
        if self._closed:
            raise LogError("this reader, or its log, is closed")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        await asyncio.sleep(0)
        while True:
            self._signal.clear()
            first = self._turn % len(self._cursors)
            in_turn = self._cursors[first:] + self._cursors[:first]
            records, _ = accept(await self._hub.fetch(in_turn, records_max))
            remaining = deadline - loop.time()
            if records or remaining <= 0 or self._ended():
                break
            await self._signal.wait(remaining)
        self._turn += 1
        return records

    def news(self) -> None:
        """Look again: there are new records."""
        self._signal.set()

    def _ended(self) -> bool:
        return self._closed

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Read no more."""
        self._closed = True
        self._hub.remove(self)
        self._signal.set()
