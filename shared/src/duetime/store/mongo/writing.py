"""The projector's side of the read models: what several partitions ask at once goes as one.

Knows in which order a flush is written: its effects, then how far it has read, so that what
`passed` confirms can be read. Which generation is written is the caller's to know.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from duetime.limits import MONGO_WRITE_SECONDS_MAX
from duetime.store.mongo import reads, writes
from duetime.store.mongo.client import Client, bounded
from duetime.store.mongo.rows import storable
from duetime.store.mongo.schema import Generation
from duetime.store.mongo.state import StateDocument
from duetime.store.mongo.together import BySize
from duetime.store.port import TopicPartition, ViewChanges
from duetime.store.views import TaskDocument


class Writing:
    """Loads and flushes of one process. Bounded; every fault is a StoreError."""

    def __init__(
        self,
        client: Client,
        document: StateDocument,
        retention: timedelta,
        *,
        must_be_live: bool,
    ) -> None:
        """Take where to write. `must_be_live`: a flush of a replaced generation is refused."""
        self._client: Final = client
        self._document: Final = document
        self._retention: Final = retention
        self._must_be_live: Final = must_be_live
        self._absent: Final = writes.Absent()
        self._loads: Final = BySize(self._load)
        self._flushes: Final = BySize(self._write)

    async def load(
        self, generation: Generation, task_ids: Sequence[str]
    ) -> Mapping[str, TaskDocument]:
        """Read the tasks of these ids that exist."""
        if not task_ids:
            return {}
        found = await self._loads(generation, task_ids, size=len(task_ids))
        return {task_id: found[task_id] for task_id in task_ids if task_id in found}

    async def write(self, generation: Generation, changes: ViewChanges) -> None:
        """Write a flush. Raises ReplacedError where its generation is no more."""
        size = len(changes.tasks) + len(changes.runs)
        await self._flushes(generation, changes, size=size)

    async def close(self) -> None:
        """Give up what is under way."""
        await self._loads.close()
        await self._flushes.close()

    async def _load(
        self, generation: Generation, asked: Sequence[Sequence[str]]
    ) -> Mapping[str, TaskDocument]:
        wanted = [task_id for task_ids in asked for task_id in task_ids if storable(task_id)]
        async with bounded(self._client, MONGO_WRITE_SECONDS_MAX):
            found = await reads.load(generation, wanted)
        self._absent.note(wanted, found)
        return found

    async def _write(self, generation: Generation, flushes: Sequence[ViewChanges]) -> None:
        tasks = [document for changes in flushes for document in changes.tasks]
        runs = [run for changes in flushes for run in changes.runs]
        positions: dict[TopicPartition, int] = {}
        for changes in flushes:
            for at, offset in changes.positions.items():
                positions[at] = max(offset, positions.get(at, 0))
        async with bounded(self._client, MONGO_WRITE_SECONDS_MAX):
            # Both are awaited to their end: what fails beside an unfinished write would leave it.
            faults = await asyncio.gather(
                writes.write_tasks(generation, tasks, self._retention, absent=self._absent),
                writes.write_runs(generation, runs, self._retention),
                return_exceptions=True,
            )
            for fault in faults:
                if fault is not None:
                    raise fault
            if positions:
                await self._document.advance(
                    generation.name, positions, must_be_live=self._must_be_live
                )
