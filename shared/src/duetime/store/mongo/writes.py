"""What is written to a generation, as functions of its collections.

Knows the guards. Whole rows go in, each as a literal: user text that begins with `$` is no path.
A task's row replaces another where it has read at least as far in both topics, and further in one;
the rare row that is ahead in one and behind in the other is merged here, with what is stored, and
goes in only while that has not changed. A repeat changes nothing and raises nothing.
"""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo import ASCENDING, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from duetime.events.ids import microseconds
from duetime.limits import MONGO_ABSENT_MAX, MONGO_REMERGES_MAX
from duetime.store.mongo import reads
from duetime.store.mongo.client import Collection, Row
from duetime.store.mongo.rows import expiry, run_row, task_row
from duetime.store.mongo.schema import RUNS_BY_END, Generation
from duetime.store.port import StoreError
from duetime.store.views import RunDocument, TaskDocument, merged

_DUPLICATE_KEY: Final = 11_000
_UNWRITTEN: Final = -2  # below the offset of a part that was never read


class Absent:
    """Tasks that were not there when last asked for, until they are written."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ids: set[str] = set()

    def note(self, asked: Iterable[str], found: Container[str]) -> None:
        """Take note of what was asked for, and found."""
        if len(self._ids) > MONGO_ABSENT_MAX:
            self._ids.clear()  # they are of flushes that failed; what is not known is guarded
        self._ids.update(task_id for task_id in asked if task_id not in found)

    def take(self, task_id: str) -> bool:
        """Say whether a task was not there, once."""
        if task_id not in self._ids:
            return False
        self._ids.discard(task_id)
        return True


async def write_tasks(
    generation: Generation,
    documents: Sequence[TaskDocument],
    retention: timedelta,
    *,
    absent: Absent,
) -> None:
    """Write tasks, each at most once; of each part the one read further stays.

    Those that were not there a moment ago are inserted, for a seventh of the price; one that is
    there all the same is merged.
    """
    incoming: dict[str, TaskDocument] = {}
    for document in documents:
        incoming[document.task_id] = merged(incoming.get(document.task_id), document)
    if not incoming:
        return
    rows = [task_row(document, retention) for document in incoming.values()]
    written = await _bulk(
        generation.tasks,
        [InsertOne(row) if absent.take(row["_id"]) else _guarded_task(row) for row in rows],
    )
    if written < len(incoming):
        await _remerge(generation, incoming, retention)


async def write_runs(
    generation: Generation, documents: Sequence[RunDocument], retention: timedelta
) -> None:
    """Write runs: one insert; the guarded form follows for those that are there already."""
    newest: dict[str, RunDocument] = {}
    for run in documents:
        known = newest.get(run.id)
        if known is None or run.position > known.position:
            newest[run.id] = run
    if not newest:
        return
    rows = [run_row(run, retention) for run in newest.values()]
    try:
        await generation.runs.bulk_write([InsertOne(row) for row in rows], ordered=False)
    except BulkWriteError as fault:
        repeated = _duplicates(fault)
        await generation.runs.bulk_write(
            [_guarded_run(rows[number]) for number in repeated], ordered=False
        )


async def prune_runs(generation: Generation, before: datetime, count: int) -> int:
    """Delete runs that ended before an instant, oldest first; count them."""
    limit = microseconds(before)
    order = [("finished_at", ASCENDING), ("_id", ASCENDING)]
    ids = await _ids(generation.runs, {"finished_at": {"$lt": limit}}, order, count, RUNS_BY_END)
    deleted = await generation.runs.delete_many({"_id": {"$in": ids}})
    return deleted.deleted_count


async def prune_tasks(
    generation: Generation, before: datetime, count: int, retention: timedelta
) -> int:
    """Delete tasks that ended before an instant, oldest first; count them."""
    old = {
        "expires_at": {"$lte": expiry(before, retention)},
        "ended_at": {"$lt": microseconds(before)},
    }
    ids = await _ids(generation.tasks, old, [("expires_at", ASCENDING)], count, None)
    # Asked again as it deletes: a task that was scheduled anew meanwhile has no end.
    deleted = await generation.tasks.delete_many(
        {"_id": {"$in": ids}, "ended_at": {"$lt": microseconds(before)}}
    )
    return deleted.deleted_count


async def _remerge(
    generation: Generation, incoming: dict[str, TaskDocument], retention: timedelta
) -> None:
    """Merge what did not replace its row with what is stored, until nothing of it is new."""
    for _ in range(MONGO_REMERGES_MAX):
        stored = await reads.load(generation, list(incoming))
        operations: list[UpdateOne | ReplaceOne[Row]] = []
        for task_id, document in incoming.items():
            known = stored.get(task_id)
            document_now = merged(known, document)
            if document_now is known:
                continue
            row = task_row(document_now, retention)
            if known is None:
                operations.append(_guarded_task(row))
            else:
                unchanged = {
                    "_id": task_id,
                    "task_offset": known.task_offset,
                    "run_offset": known.run_offset,
                }
                operations.append(ReplaceOne(unchanged, row))
        if not operations or await _bulk(generation.tasks, operations) == len(operations):
            return
    raise StoreError("tasks changed while they were written: another projector writes them too")


async def _bulk(
    collection: Collection, operations: Sequence[InsertOne[Row] | UpdateOne | ReplaceOne[Row]]
) -> int:
    """Write in one go; count what was changed. Two that insert one id at once: one of them did."""
    try:
        result = await collection.bulk_write(list(operations), ordered=False)
    except BulkWriteError as fault:
        _duplicates(fault)
        return 0
    return result.inserted_count + result.modified_count + result.upserted_count


def _guarded_task(row: dict[str, Any]) -> UpdateOne:
    task_offset = {"$ifNull": ["$task_offset", _UNWRITTEN]}
    run_offset = {"$ifNull": ["$run_offset", _UNWRITTEN]}
    further = {
        "$and": [
            {"$lte": [task_offset, row["task_offset"]]},
            {"$lte": [run_offset, row["run_offset"]]},
            {
                "$or": [
                    {"$lt": [task_offset, row["task_offset"]]},
                    {"$lt": [run_offset, row["run_offset"]]},
                ]
            },
        ]
    }
    return UpdateOne({"_id": row["_id"]}, [_replaced_where(further, row)], upsert=True)


def _guarded_run(row: dict[str, Any]) -> UpdateOne:
    later = {"$lt": [{"$ifNull": ["$position", _UNWRITTEN]}, row["position"]]}
    # The shard key goes with the id; it follows from the id, so it finds what the id would.
    shard_key = {"_id": row["_id"], "task_id": row["task_id"], "nominal_at": row["nominal_at"]}
    return UpdateOne(shard_key, [_replaced_where(later, row)], upsert=True)


def _replaced_where(condition: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    return {"$replaceWith": {"$cond": [condition, {"$literal": row}, "$$ROOT"]}}


def _duplicates(fault: BulkWriteError) -> list[int]:
    """Give the numbers of the operations whose id was there already. Raises for other faults."""
    details = fault.details
    errors = details.get("writeErrors", [])
    only_duplicates = all(error["code"] == _DUPLICATE_KEY for error in errors)
    if not errors or not only_duplicates or details.get("writeConcernErrors"):
        raise fault
    return [int(error["index"]) for error in errors]


async def _ids(
    collection: Collection,
    wanted: dict[str, Any],
    order: list[tuple[str, int]],
    count: int,
    hint: str | None,
) -> list[str]:
    if count <= 0:
        return []
    cursor = collection.find(wanted, {"_id": True}, sort=order, limit=count, hint=hint)
    return [str(row["_id"]) for row in await cursor.to_list(count)]
