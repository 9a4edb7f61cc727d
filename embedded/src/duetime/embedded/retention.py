"""What is old goes: finished tasks, ended runs and read log records, a little at a time.

Knows when to ask; the adapters know how. Runs as a service, so its death is not silent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from duetime.limits import RETENTION_SECONDS
from duetime.runtime.clock import Clock

_EVERY_SECONDS: Final = 60.0
PRUNED_PER_STEP_MAX: Final = 1_000  # one short transaction: nobody waits long behind it

Prune = Callable[[datetime], Awaitable[int]]
"""Deletes some of what lies before an instant; gives how many. 0: nothing is left."""


class RetentionService:
    """Asks every minute whether something has grown too old."""

    name = "retention"

    def __init__(self, *, clock: Clock, prunes: tuple[Prune, ...]) -> None:
        """Take what can be pruned."""
        self._clock = clock
        self._prunes = prunes
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Prune until drained."""
        while not self._stop.is_set():
            before = self._clock.now() - timedelta(seconds=RETENTION_SECONDS)
            for prune in self._prunes:
                await self._exhaust(prune, before)
            try:
                await asyncio.wait_for(self._stop.wait(), timeout=_EVERY_SECONDS)
            except TimeoutError:
                continue

    async def _exhaust(self, prune: Prune, before: datetime) -> None:
        left = True
        while left and not self._stop.is_set():
            left = await prune(before) >= PRUNED_PER_STEP_MAX

    def drain(self) -> None:
        """Stop after the step under way."""
        self._stop.set()

    def unready(self) -> str | None:
        """Retention keeps nobody from being ready."""
        return None
