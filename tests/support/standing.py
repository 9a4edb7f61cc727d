"""A standby over a log of its own, on virtual time, and timers of other processes beside it.

Knows how to run it; decides nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import ManualClock
from duetime.timer.indexes import Indexes
from duetime.timer.standby import Standby
from tests.support.builders import NOON
from tests.support.timers import ReadingLog, Timer
from tests.support.virtual_loop import run_virtual

_SETTLED_SECONDS: Final = 3.0  # virtual: longer than a poll waits


class Ground:
    """A log, a clock that stands still unless moved, and a standby over indexes of its own."""

    def __init__(self, indexes: Indexes, *, partitions: int = 1) -> None:
        self.clock = ManualClock(NOON)
        self.log = ReadingLog(self.clock.now, partitions=partitions)
        self.indexes = indexes
        self.standby = Standby(
            log=self.log,
            clock=self.clock,
            indexes=indexes,
            lookahead_seconds=0.0,
            backoff=Backoff(first_seconds=0.1, seconds_max=1.0, fraction=lambda: 0.5),
        )

    @asynccontextmanager
    async def standing_by(self) -> AsyncIterator[None]:
        """Run the standby meanwhile."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.standby.run())
            await settle()
            try:
                yield
            finally:
                self.standby.drain()

    async def owner(self) -> Timer:
        """Give a timer in another process that owns the partition."""
        return await Timer(self.log, self.clock, name="owner").open()


async def settle() -> None:
    """Let whatever was appended be folded."""
    await asyncio.sleep(_SETTLED_SECONDS)


def virtually(script: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Live through a script on virtual time."""
    run_virtual(script())
