"""The ends of `tasks`, asked for by all lanes of an executor and answered once for all.

Knows one question to the log and how young an answer may be shared.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from duetime.limits import FRESH_SHARE_SECONDS
from duetime.log.port import Log
from duetime.log.topics import Topic


class Ends(NamedTuple):
    """The end offsets of `tasks` by partition, at least as new as `asked_at`."""

    asked_at: datetime
    offsets: Sequence[int]


class TaskEnds:
    """Shares one ListOffsets among the lanes that want it at about the same time."""

    def __init__(self, log: Log, now: Callable[[], datetime]) -> None:
        """Ask `log`; `now` is the clock that judges due times."""
        self._log = log
        self._now = now
        self._asked: tuple[float, asyncio.Task[Ends]] | None = None

    async def ask(self) -> Ends:
        """Give the ends, asked for now or a moment ago. Raises LogError."""
        loop = asyncio.get_running_loop()
        if self._asked is not None:
            asked, task = self._asked
            failed = task.done() and (task.cancelled() or task.exception() is not None)
            if not failed and loop.time() - asked <= FRESH_SHARE_SECONDS:
                return await asyncio.shield(task)
        task = asyncio.create_task(self._ask(), name="ends of tasks")
        self._asked = (loop.time(), task)
        return await asyncio.shield(task)

    async def _ask(self) -> Ends:
        asked_at = self._now()
        return Ends(asked_at, await self._log.end_offsets(Topic.TASKS))
