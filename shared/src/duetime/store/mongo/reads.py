"""What is read from a generation, as functions of its collections.

Knows the queries; each reads one index in its order, from the cursor on: no scan of a collection,
no sort in memory. That it is so is tested with `explain`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.cursor import AsyncCursor

from duetime.limits import MONGO_BATCH_DOCUMENTS
from duetime.store.cursors import Place
from duetime.store.mongo.client import Row
from duetime.store.mongo.rows import DOCUMENT, run_of, task_of
from duetime.store.mongo.schema import RUNS_BY_END, RUNS_OF_TASK, TASKS_BY_PLACE, Generation
from duetime.store.order import RESTING, WAITING
from duetime.store.paging import Gathering
from duetime.store.port import Found, Slice
from duetime.store.views import RunDocument, TaskDocument

T = TypeVar("T")
_Order = list[tuple[str, int]]

_UPWARDS: Final[_Order] = [("placed_at", ASCENDING), ("_id", ASCENDING)]
_DOWNWARDS: Final[_Order] = [("placed_at", DESCENDING), ("_id", DESCENDING)]
_NEWEST_FIRST: Final[_Order] = [("finished_at", DESCENDING), ("_id", DESCENDING)]


async def task(generation: Generation, task_id: str) -> TaskDocument | None:
    """Read one task."""
    row = await generation.tasks.find_one({"_id": task_id}, DOCUMENT)
    return None if row is None else task_of(row)


async def load(generation: Generation, task_ids: Sequence[str]) -> Mapping[str, TaskDocument]:
    """Read the tasks of these ids that exist."""
    if not task_ids:
        return {}
    cursor = generation.tasks.find({"_id": {"$in": list(task_ids)}}, DOCUMENT)
    found = await _read(cursor, len(task_ids), task_of)
    return {document.task_id: document for document in found}


async def find(generation: Generation, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
    """Read the tasks and runs of these ids that exist."""
    found: list[RunDocument] = []
    if run_ids:
        cursor = generation.runs.find({"_id": {"$in": list(run_ids)}}, DOCUMENT)
        found = await _read(cursor, len(run_ids), run_of)
    return Found(tasks=await load(generation, task_ids), runs={run.id: run for run in found})


async def page(generation: Generation, gathering: Gathering) -> Slice[TaskDocument]:
    """Read a page of tasks."""
    while gathering.asked:
        gathering.take(await tasks(generation, gathering.place, gathering.asked))
    return gathering.slice()


async def tasks(generation: Generation, after: Place | None, count: int) -> list[TaskDocument]:
    """Read up to `count` tasks behind a place: the waiting ones upwards, then the resting ones."""
    found: list[TaskDocument] = []
    if after is None or after.section == WAITING:
        found = await _read(waiting(generation, after, count), count, task_of)
    if len(found) < count:
        behind = after if after is not None and after.section == RESTING else None
        left = count - len(found)
        seen = {document.task_id for document in found}
        rest = await _read(resting(generation, behind, left), left, task_of)
        # Two questions: a task that came to rest in between must not come twice.
        found += [document for document in rest if document.task_id not in seen]
    return found


def waiting(generation: Generation, after: Place | None, count: int) -> AsyncCursor[Row]:
    """Ask for tasks that have a next due time, nearest first."""
    behind = _behind({"section": WAITING}, "placed_at", "$gt", after)
    return _tasks(generation, behind, _UPWARDS, count)


def resting(generation: Generation, after: Place | None, count: int) -> AsyncCursor[Row]:
    """Ask for the other listed tasks, newest first."""
    behind = _behind({"section": RESTING}, "placed_at", "$lt", after)
    return _tasks(generation, behind, _DOWNWARDS, count)


async def runs(
    generation: Generation, task_id: str | None, after: Place | None, count: int
) -> list[RunDocument]:
    """Read up to `count` runs behind a place, of one task or of all, newest first."""
    return await _read(newest_runs(generation, task_id, after, count), count, run_of)


def newest_runs(
    generation: Generation, task_id: str | None, after: Place | None, count: int
) -> AsyncCursor[Row]:
    """Ask for runs, of one task or of all, newest first."""
    of_task = {} if task_id is None else {"task_id": task_id}
    index = RUNS_BY_END if task_id is None else RUNS_OF_TASK
    behind = _behind(of_task, "finished_at", "$lt", after)
    return generation.runs.find(
        behind, DOCUMENT, sort=_NEWEST_FIRST, limit=count, batch_size=_batch(count), hint=index
    )


def _tasks(
    generation: Generation, behind: dict[str, Any], order: _Order, count: int
) -> AsyncCursor[Row]:
    return generation.tasks.find(
        behind, DOCUMENT, sort=order, limit=count, batch_size=_batch(count), hint=TASKS_BY_PLACE
    )


def _behind(
    prefix: dict[str, Any], field: str, direction: str, after: Place | None
) -> dict[str, Any]:
    """Say what lies behind a place: two ranges of the index, which the server merges in order."""
    if after is None:
        return prefix
    return {
        "$or": [
            {**prefix, field: {direction: after.at}},
            {**prefix, field: after.at, "_id": {direction: after.id}},
        ]
    }


def _batch(count: int) -> int:
    return min(count, MONGO_BATCH_DOCUMENTS)


async def _read(cursor: AsyncCursor[Row], count: int, decode: Callable[[Row], T]) -> list[T]:
    """Read in pieces, each with a trip to the server: others get their turn in between."""
    found: list[T] = []
    async with cursor:
        while len(found) < count:
            rows = await cursor.to_list(MONGO_BATCH_DOCUMENTS)
            if not rows:
                break
            found += map(decode, rows)
    return found
