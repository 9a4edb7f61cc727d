"""Telling a consumer group how far its lanes have come: for those who watch lag, for nobody else.

Knows when to tell; what counts as done is each lane's to say. Nothing is ever begun from it: a lane
knows its own truth (a changelog, the read models), and a telling may be old, or missing.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from duetime.limits import LAG_TOLD_LAST_SECONDS_MAX, LAG_TOLD_SECONDS
from duetime.log.port import Commit, LogError, Subscription, TopicOffsets


class Telling:
    """What a member of a group has told of its partitions."""

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._told: dict[int, TopicOffsets] = {}

    async def go_on(
        self, subscription: Subscription, done: Callable[[], Mapping[int, TopicOffsets]]
    ) -> None:
        """Tell now and then what has changed, beside all work, until it is cancelled."""
        while True:
            await asyncio.sleep(LAG_TOLD_SECONDS)
            for partition, offsets in done().items():
                if not await self._tell(subscription, partition, offsets):
                    break  # the others would only wait as long for nothing: next time

    async def tell_last(
        self, subscription: Subscription, partition: int, offsets: TopicOffsets
    ) -> None:
        """Tell it of a partition that goes elsewhere; bounded, so that it is not held up by it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAG_TOLD_LAST_SECONDS_MAX):
                await self._tell(subscription, partition, offsets)

    async def _tell(
        self, subscription: Subscription, partition: int, offsets: TopicOffsets
    ) -> bool:
        if offsets == self._told.get(partition):
            return True
        commits = {topic: Commit(offset) for topic, offset in offsets.items()}
        try:
            await subscription.commit(partition, commits)
        except LogError:
            return False  # lag is shown as it was, until the next time
        self._told[partition] = offsets
        return True
