"""The read models in memory: for tests, the simulator and as the plain statement of the port.

Knows the port's promises in their simplest form. Deterministic: no threads, no clock, no waiting
but in `passed`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from duetime.events.ids import microseconds
from duetime.store.cursors import Place, read_cursor, write_cursor
from duetime.store.filters import EVERYTHING, TaskFilter
from duetime.store.order import (
    RESTING,
    WAITING,
    ended_before,
    run_list,
    run_place,
    task_place,
)
from duetime.store.paging import Gathering
from duetime.store.port import Found, Slice, StoreError, TopicPartition, ViewChanges
from duetime.store.progress import Positions
from duetime.store.views import RunDocument, TaskDocument, merged

_Document = TypeVar("_Document")
_Placed = tuple[Place, _Document]


class MemoryStore:
    """Read models that live as long as the process."""

    def __init__(self) -> None:
        """Start empty."""
        self._tasks: dict[str, TaskDocument] = {}
        self._places: dict[str, Place] = {}  # of the visible ones
        self._runs: dict[str, RunDocument] = {}
        self._positions = Positions({})
        self._rebuild: MemoryRebuild | None = None
        self._closed = False

    async def task(self, task_id: str) -> TaskDocument | None:
        self._check_open()
        return self._tasks.get(task_id)

    async def find(self, *, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
        return Found(
            tasks=await self.load(task_ids),
            runs={run_id: self._runs[run_id] for run_id in run_ids if run_id in self._runs},
        )

    async def tasks(
        self, *, items_max: int, cursor: str | None = None, wanted: TaskFilter = EVERYTHING
    ) -> Slice[TaskDocument]:
        self._check_open()
        gathering = Gathering(wanted, items_max=items_max, cursor=cursor)
        while gathering.asked:
            gathering.take(self._tasks_behind(gathering.place)[: gathering.asked])
        return gathering.slice()

    def _tasks_behind(self, after: Place | None) -> list[TaskDocument]:
        placed = [(place, self._tasks[place.id]) for place in self._places.values()]
        waiting = sorted((pair for pair in placed if pair[0].section == WAITING), key=_place)
        resting = sorted(
            (pair for pair in placed if pair[0].section == RESTING), key=_place, reverse=True
        )
        if after is not None and after.section == WAITING:
            waiting = [pair for pair in waiting if pair[0] > after]
        elif after is not None:
            waiting = []
            resting = [pair for pair in resting if pair[0] < after]
        return [document for _, document in (*waiting, *resting)]

    async def runs(
        self, *, items_max: int, cursor: str | None = None, task_id: str | None = None
    ) -> Slice[RunDocument]:
        self._check_open()
        of_list = run_list(task_id)
        after = None if cursor is None else read_cursor(of_list, cursor)
        placed = [
            (run_place(run), run)
            for run in self._runs.values()
            if task_id is None or run.task_id == task_id
        ]
        if after is not None:
            placed = [pair for pair in placed if pair[0] < after]
        return _slice(of_list, sorted(placed, key=_place, reverse=True), items_max)

    async def positions(self) -> Mapping[TopicPartition, int]:
        self._check_open()
        return self._positions.known()

    async def passed(self, at: TopicPartition, offset: int, *, wait_seconds: float) -> bool:
        self._check_open()
        return await self._positions.passed(at, offset, wait_seconds=wait_seconds)

    async def load(self, task_ids: Sequence[str]) -> Mapping[str, TaskDocument]:
        self._check_open()
        return {task_id: self._tasks[task_id] for task_id in task_ids if task_id in self._tasks}

    async def write(self, changes: ViewChanges) -> None:
        self._check_open()
        for incoming in changes.tasks:
            document = merged(self._tasks.get(incoming.task_id), incoming)
            self._tasks[document.task_id] = document
            place = task_place(document)
            if place is None:
                self._places.pop(document.task_id, None)
            else:
                self._places[document.task_id] = place
        for run in changes.runs:
            known = self._runs.get(run.id)
            if known is None or run.position > known.position:
                self._runs[run.id] = run
        self._positions.advance(changes.positions)

    async def prune(self, before: datetime, *, items_max: int) -> int:
        self._check_open()
        runs = sorted(run_place(run) for run in self._runs.values() if run.finished_at < before)[
            :items_max
        ]
        for place in runs:
            del self._runs[place.id]
        tasks = _oldest_ended(self._tasks.values(), before)[: items_max - len(runs)]
        for task_id in tasks:
            del self._tasks[task_id]
            self._places.pop(task_id, None)
        return len(runs) + len(tasks)

    async def rebuild(self) -> "MemoryRebuild":
        self._check_open()
        if self._rebuild is not None:
            self._rebuild.give_up()
        self._rebuild = MemoryRebuild(live=self)
        return self._rebuild

    def replace_by(self, views: "MemoryStore") -> bool:
        """Become what `views` is, if that has read at least as far; say whether it is so."""
        known = views._positions.known()  # noqa: SLF001 -- another object of this very class
        if any(known.get(at, 0) < offset for at, offset in self._positions.known().items()):
            return False
        self._tasks, self._places, self._runs = views._held()  # noqa: SLF001 -- the same
        self._positions.advance(known)
        return True

    async def close(self) -> None:
        self._closed = True
        self._positions.release()

    def _held(
        self,
    ) -> tuple[dict[str, TaskDocument], dict[str, Place], dict[str, RunDocument]]:
        return self._tasks, self._places, self._runs

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the read models are closed")


class MemoryRebuild:
    """Read models that are built beside those of a store, to take their place."""

    def __init__(self, *, live: MemoryStore) -> None:
        """Start empty."""
        self._live = live
        self._views = MemoryStore()
        self._given_up = False
        self._active = False

    @property
    def views(self) -> MemoryStore:
        """The read models that are being built."""
        return self._views

    async def activate(self) -> bool:
        if self._given_up:
            raise StoreError("this rebuild was given up: a newer one was begun")
        self._active = self._active or self._live.replace_by(self._views)
        return self._active

    def give_up(self) -> None:
        """Hear that a newer one was begun."""
        self._given_up = not self._active

    async def close(self) -> None:
        await self._views.close()


def _place(placed: _Placed[_Document]) -> Place:
    return placed[0]


def _slice(of_list: str, placed: Sequence[_Placed[_Document]], items_max: int) -> Slice[_Document]:
    page = placed[:items_max]
    more = len(placed) > items_max
    return Slice(
        items=[document for _, document in page],
        next_cursor=write_cursor(of_list, page[-1][0]) if more else None,
    )


def _oldest_ended(documents: Iterable[TaskDocument], before: datetime) -> list[str]:
    ended = [
        (microseconds(document.updated_at), document.task_id)
        for document in documents
        if ended_before(document, before) and document.updated_at is not None
    ]
    return [task_id for _, task_id in sorted(ended)]
