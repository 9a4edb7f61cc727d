"""The one database of a world and each process's way to it: away, slow, stale, wiped.

Knows the store's port and what may go wrong with a call; not what documents say.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from duetime.store.filters import EVERYTHING, TaskFilter
from duetime.store.memory import MemoryStore
from duetime.store.port import Found, Slice, Store, StoreError, TopicPartition, ViewChanges
from duetime.store.progress import Positions
from duetime.store.views import RunDocument, TaskDocument
from tests.simulation.history import Fault, FaultKind
from tests.simulation.network import Network
from tests.simulation.process import Process

T = TypeVar("T")


class Database:
    """The read models of a world."""

    def __init__(self) -> None:
        """Start empty."""
        self.store = MemoryStore()
        self.replicas: dict[Process, MemoryStore] = {}  # processes that read a replica that lags

    def wipe(self) -> None:
        """Lose everything."""
        self.store = MemoryStore()

    def copy(self) -> MemoryStore:
        """Give the read models as they are now, never to change."""
        copy = MemoryStore()
        copy._tasks = dict(self.store._tasks)
        copy._places = dict(self.store._places)
        copy._runs = dict(self.store._runs)
        copy._positions = Positions(self.store._positions.known())
        return copy


class ProcessStore(Store):
    """A process's way to the read models."""

    def __init__(self, database: Database, network: Network, process: Process) -> None:
        """Connect."""
        self._database = database
        self._network = network
        self._process = process

    async def task(self, task_id: str) -> TaskDocument | None:
        return await self._read(lambda store: store.task(task_id))

    async def find(self, *, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
        return await self._read(lambda store: store.find(task_ids=task_ids, run_ids=run_ids))

    async def tasks(
        self, *, items_max: int, cursor: str | None = None, wanted: TaskFilter = EVERYTHING
    ) -> Slice[TaskDocument]:
        return await self._read(
            lambda store: store.tasks(items_max=items_max, cursor=cursor, wanted=wanted)
        )

    async def runs(
        self, *, items_max: int, cursor: str | None = None, task_id: str | None = None
    ) -> Slice[RunDocument]:
        return await self._read(
            lambda store: store.runs(items_max=items_max, cursor=cursor, task_id=task_id)
        )

    async def positions(self) -> Mapping[TopicPartition, int]:
        await self._travel()
        return await self._database.store.positions()

    async def passed(self, at: TopicPartition, offset: int, *, wait_seconds: float) -> bool:
        await self._travel()
        replica = self._database.replicas.get(self._process)
        store = replica or self._database.store
        passed = await store.passed(at, offset, wait_seconds=wait_seconds)
        if replica is not None and not passed:
            self._network.was_effective(FaultKind.STALE_READS)
        return passed

    async def load(self, task_ids: Sequence[str]) -> Mapping[str, TaskDocument]:
        await self._travel()
        return await self._database.store.load(task_ids)

    async def write(self, changes: ViewChanges) -> None:
        await self._travel()
        kind = self._network.strikes(FaultKind.STORE_WRITE_UNKNOWN, FaultKind.STORE_WRITE_LATE)
        if kind is FaultKind.STORE_WRITE_LATE:
            fault = self._network.mark(kind, self._process)
            self._network.carry(self._land_late(self._database.store, changes, fault))
            raise StoreError("no answer came")
        await self._database.store.write(changes)
        if kind is not None:
            self._network.mark(kind, self._process, effective=bool(changes.tasks or changes.runs))
            raise StoreError("no answer came")
        await self._travel()

    async def prune(self, before: datetime, *, items_max: int) -> int:
        await self._travel()
        return await self._database.store.prune(before, items_max=items_max)

    async def close(self) -> None:
        """The database outlives its clients."""

    async def _land_late(self, store: MemoryStore, changes: ViewChanges, fault: Fault) -> None:
        """Write what a projector has given up, after others may have written the same documents."""
        await asyncio.sleep(self._network.rng.uniform(0.1, 6.0))
        known = await store.load([document.task_id for document in changes.tasks])
        fault.effective = any(
            document.task_id in known
            and (document.task_offset, document.run_offset)
            < (known[document.task_id].task_offset, known[document.task_id].run_offset)
            for document in changes.tasks
        )
        await store.write(changes)

    async def _read(self, ask: Callable[[MemoryStore], Awaitable[T]]) -> T:
        await self._travel()
        replica = self._database.replicas.get(self._process)
        if replica is None:
            return await ask(self._database.store)
        given = await ask(replica)
        if given != await ask(self._database.store):
            self._network.was_effective(FaultKind.STALE_READS)
        return given

    async def _travel(self) -> None:
        """Wait as long as the way takes. Raises StoreError where there is no way."""
        if not self._process.alive:
            raise StoreError("this process is gone")
        await asyncio.sleep(self._network.latency_seconds())
        if self._network.store_away:
            self._network.was_effective(FaultKind.STORE_AWAY)
            raise StoreError("the database does not answer")
        if not self._process.alive:
            raise StoreError("this process is gone")
