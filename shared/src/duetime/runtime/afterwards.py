"""Work that outlives the lane that began it, and ends with its worker.

Knows tasks and how they end; not what they do. Their faults are not lost: the worker asks.
"""

import asyncio
from collections.abc import Coroutine


class Afterwards:
    """What goes on for partitions that were handed over."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None

    def add(self, work: Coroutine[None, None, None], name: str) -> None:
        """Let it go on."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def check(self) -> None:
        """Raise the fault of what has ended with one."""
        if self._fault is not None:
            raise self._fault

    async def wait(self, seconds: float) -> None:
        """Wait for all of it, so long at most; what is left is cancelled. Raises its fault."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        await self.cancel()
        self.check()

    async def cancel(self) -> None:
        """End all of it at once."""
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._fault = self._fault or task.exception()
