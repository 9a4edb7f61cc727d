"""What is old goes from the read models, once all that was appended has been projected.

Knows when it is safe to ask a store to prune: an event that was not read yet may bring a task back,
and several projectors share the partitions, so all positions are held against all ends of the log.
Every projector does this; two that do it at once only share the work.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from duetime.limits import PRUNE_EVERY_SECONDS, PRUNED_PER_STEP_MAX, RETENTION_SECONDS
from duetime.log.port import Log, LogError
from duetime.log_projector.lane import PROJECTOR_TOPICS
from duetime.runtime.clock import Clock
from duetime.store.port import Store, StoreError, TopicPartition

_logger: Final = structlog.get_logger()
_RETENTION: Final = timedelta(seconds=RETENTION_SECONDS)


class ViewsRetention:
    """Asks every minute whether something in the read models has grown too old."""

    name = "retention"

    def __init__(self, *, log: Log, store: Store, clock: Clock) -> None:
        """Take the log whose ends count, and the read models."""
        self._log = log
        self._store = store
        self._clock = clock
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Prune until drained."""
        while not self._stop.is_set():
            try:
                await self.prune()
            except (LogError, StoreError) as fault:
                _logger.warning("nothing was pruned", reason=f"{type(fault).__name__}: {fault}")
            try:
                await asyncio.wait_for(self._stop.wait(), timeout=PRUNE_EVERY_SECONDS)
            except TimeoutError:
                continue

    async def prune(self) -> int:
        """Delete what is too old, if all was projected; count it. Raises LogError, StoreError."""
        before = self._clock.now() - _RETENTION
        pruned_count = 0
        more = True
        while more and not self._stop.is_set() and await self._all_is_projected():
            count = await self._store.prune(before, items_max=PRUNED_PER_STEP_MAX)
            pruned_count += count
            more = count >= PRUNED_PER_STEP_MAX
        return pruned_count

    def drain(self) -> None:
        """Stop after the step under way."""
        self._stop.set()

    def unready(self) -> str | None:
        """It keeps nobody from being ready."""
        return None

    async def _all_is_projected(self) -> bool:
        for topic in PROJECTOR_TOPICS:
            ends = await self._log.end_offsets(topic)
            positions = await self._store.positions()
            for partition, end in enumerate(ends):
                if positions.get(TopicPartition(topic, partition), 0) < end:
                    return False
        return True
