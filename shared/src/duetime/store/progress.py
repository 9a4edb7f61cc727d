"""How far the read models have come, and who waits for them to get further.

Knows positions and waiters, on one event loop; not how positions are stored.
"""

import asyncio
from collections.abc import Mapping
from heapq import heappop, heappush
from itertools import count

from duetime.store.port import TopicPartition

_Waiter = tuple[int, int, asyncio.Future[bool]]


class Positions:
    """The positions as last written, with the waiters for each partition, nearest offset first."""

    def __init__(self, known: Mapping[TopicPartition, int]) -> None:
        """Start at what was stored."""
        self._next_offsets = dict(known)
        self._waiters: dict[TopicPartition, list[_Waiter]] = {}
        self._numbers = count()  # breaks ties in the heap: futures have no order

    def known(self) -> Mapping[TopicPartition, int]:
        """Give a copy of them all."""
        return dict(self._next_offsets)

    def advance(self, written: Mapping[TopicPartition, int]) -> None:
        """Take note of written positions, and wake whoever waited for them."""
        for at, next_offset in written.items():
            if next_offset <= self._next_offsets.get(at, -1):
                continue
            self._next_offsets[at] = next_offset
            waiters = self._waiters.get(at, [])
            while waiters and waiters[0][0] < next_offset:
                _settle(heappop(waiters)[2], passed=True)

    async def passed(self, at: TopicPartition, offset: int, *, wait_seconds: float) -> bool:
        """Wait, bounded, until the event at `offset` has been passed; say whether it was."""
        if self._next_offsets.get(at, 0) > offset:
            return True
        if wait_seconds <= 0:
            return False
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heappush(self._waiters.setdefault(at, []), (offset, next(self._numbers), waiter))
        try:
            async with asyncio.timeout(wait_seconds):
                return await waiter
        except TimeoutError:
            return False
        finally:
            self._forget_abandoned(at)

    def release(self) -> None:
        """Tell all who wait that it will not come."""
        for waiters in self._waiters.values():
            for _, _, waiter in waiters:
                _settle(waiter, passed=False)
        self._waiters.clear()

    def _forget_abandoned(self, at: TopicPartition) -> None:
        # Only from the top: what lies deeper is dropped when it comes up, as everyone gives up.
        waiters = self._waiters.get(at, [])
        while waiters and waiters[0][2].done():
            heappop(waiters)


def _settle(waiter: asyncio.Future[bool], *, passed: bool) -> None:
    if not waiter.done():
        waiter.set_result(passed)
