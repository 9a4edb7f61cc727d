"""What is written to views.db, as functions of a connection inside a transaction.

Knows the statements and the guards; not threads. Rows go in as one JSON text per table, for the
reason that `reads` gives.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import apsw
import msgspec

from duetime.events.ids import microseconds
from duetime.limits import STORE_CHUNK_DOCUMENTS_MAX
from duetime.store.order import ended, task_place
from duetime.store.port import ViewChanges
from duetime.store.sqlite.reads import load
from duetime.store.views import RunDocument, TaskDocument, merged

_PUT_TASKS: Final = """
INSERT INTO tasks (id, section, placed_at, ended_at, document)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)
WHERE true
ON CONFLICT (id) DO UPDATE SET section = excluded.section, placed_at = excluded.placed_at,
    ended_at = excluded.ended_at, document = excluded.document
"""
_PUT_RUNS: Final = """
INSERT INTO runs (id, task_id, finished_at, position, document)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)
WHERE true
ON CONFLICT (id) DO UPDATE SET task_id = excluded.task_id, finished_at = excluded.finished_at,
    position = excluded.position, document = excluded.document
WHERE excluded.position > runs.position
"""
_PUT_POSITIONS: Final = """
INSERT INTO positions (topic, partition, next_offset)
SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)
WHERE true
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = max(next_offset, excluded.next_offset)
"""
_PRUNE_RUNS: Final = """
DELETE FROM runs WHERE id IN (
    SELECT id FROM runs WHERE finished_at < ? ORDER BY finished_at, id LIMIT ?)
"""
_PRUNE_TASKS: Final = """
DELETE FROM tasks WHERE id IN (
    SELECT id FROM tasks WHERE ended_at < ? ORDER BY ended_at, id LIMIT ?)
"""
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def write(connection: apsw.Connection, changes: ViewChanges) -> None:
    """Write effects and positions. A part that was read further before stays as it is."""
    for start in range(0, len(changes.tasks), STORE_CHUNK_DOCUMENTS_MAX):
        _put_tasks(connection, changes.tasks[start : start + STORE_CHUNK_DOCUMENTS_MAX])
    for start in range(0, len(changes.runs), STORE_CHUNK_DOCUMENTS_MAX):
        runs = changes.runs[start : start + STORE_CHUNK_DOCUMENTS_MAX]
        connection.execute(_PUT_RUNS, (_rows([_run_row(run) for run in runs]),))
    if changes.positions:
        rows = [(at.topic, at.partition, offset) for at, offset in changes.positions.items()]
        connection.execute(_PUT_POSITIONS, (_rows(rows),))


def prune(connection: apsw.Connection, before: datetime, items_max: int) -> int:
    """Delete what ended before an instant, oldest first; count it."""
    limit = microseconds(before)
    connection.execute(_PRUNE_RUNS, (limit, items_max))
    count = connection.changes()
    if count < items_max:
        connection.execute(_PRUNE_TASKS, (limit, items_max - count))
        count += connection.changes()
    return count


def _put_tasks(connection: apsw.Connection, documents: Sequence[TaskDocument]) -> None:
    known = load(connection, [document.task_id for document in documents])
    changed: dict[str, TaskDocument] = {}
    for incoming in documents:
        before = changed.get(incoming.task_id) or known.get(incoming.task_id)
        after = merged(before, incoming)
        if after is not before:
            changed[after.task_id] = after
    if changed:
        connection.execute(_PUT_TASKS, (_rows([_task_row(it) for it in changed.values()]),))


def _task_row(document: TaskDocument) -> tuple[object, ...]:
    place = task_place(document)
    updated_at = document.updated_at
    return (
        document.task_id,
        None if place is None else place.section,
        None if place is None else place.at,
        microseconds(updated_at) if updated_at is not None and ended(document) else None,
        msgspec.Raw(_ENCODER.encode(document)),
    )


def _run_row(run: RunDocument) -> tuple[object, ...]:
    return (
        run.id,
        run.task_id,
        microseconds(run.finished_at),
        run.position,
        msgspec.Raw(_ENCODER.encode(run)),
    )


def _rows(rows: Sequence[tuple[object, ...]]) -> str:
    return _ENCODER.encode(rows).decode()
