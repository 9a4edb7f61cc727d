"""What is read from views.db, as functions of a connection.

Knows the statements; not threads. Each page comes as one row of JSON: SQLite lets go of the
interpreter at every row, and taking it back costs milliseconds while the event loop is busy.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import apsw
import msgspec

from duetime.store.cursors import Place
from duetime.store.order import RESTING, WAITING
from duetime.store.port import TopicPartition
from duetime.store.views import RunDocument, TaskDocument

_TASKS: Final = msgspec.json.Decoder(list[TaskDocument])
_RUNS: Final = msgspec.json.Decoder(list[RunDocument])
_TASK: Final = msgspec.json.Decoder(TaskDocument)

_WAITING_PAGE: Final = f"""
SELECT group_concat(document, ',' ORDER BY placed_at, id) FROM (
    SELECT document, placed_at, id FROM tasks
    WHERE section = {WAITING} AND (placed_at, id) > (?, ?) ORDER BY placed_at, id LIMIT ?)
"""  # noqa: S608 -- numbers of ours
_RESTING_PAGE: Final = f"""
SELECT group_concat(document, ',' ORDER BY placed_at DESC, id DESC) FROM (
    SELECT document, placed_at, id FROM tasks
    WHERE section = {RESTING} AND (placed_at, id) < (?, ?)
    ORDER BY placed_at DESC, id DESC LIMIT ?)
"""  # noqa: S608 -- numbers of ours
_RUNS_PAGE: Final = """
SELECT group_concat(document, ',' ORDER BY finished_at DESC, id DESC) FROM (
    SELECT document, finished_at, id FROM runs
    WHERE (finished_at, id) < (?, ?) ORDER BY finished_at DESC, id DESC LIMIT ?)
"""
_RUNS_OF_TASK_PAGE: Final = """
SELECT group_concat(document, ',' ORDER BY finished_at DESC, id DESC) FROM (
    SELECT document, finished_at, id FROM runs
    WHERE task_id = ? AND (finished_at, id) < (?, ?)
    ORDER BY finished_at DESC, id DESC LIMIT ?)
"""
_LOAD: Final = """
SELECT group_concat(document, ',') FROM tasks WHERE id IN (SELECT value FROM json_each(?))
"""
_LOWEST: Final = -(1 << 63)
_HIGHEST: Final = (1 << 63) - 1


def task(connection: apsw.Connection, task_id: str) -> TaskDocument | None:
    """Read one task."""
    document = connection.execute("SELECT document FROM tasks WHERE id = ?", (task_id,)).get
    return None if document is None else _TASK.decode(str(document))


def load(connection: apsw.Connection, task_ids: Sequence[str]) -> Mapping[str, TaskDocument]:
    """Read the tasks of these ids that exist."""
    ids = msgspec.json.encode(list(task_ids)).decode()
    found = _TASKS.decode(_array(connection.execute(_LOAD, (ids,)).get))
    return {document.task_id: document for document in found}


def tasks(connection: apsw.Connection, after: Place | None, count: int) -> list[TaskDocument]:
    """Read up to `count` tasks behind a place: the waiting ones upwards, then the resting ones."""
    found: list[TaskDocument] = []
    # One transaction: a task that changes its section in between must not come twice.
    with connection:
        if after is None or after.section == WAITING:
            at = (_LOWEST, "") if after is None else (after.at, after.id)
            found = _TASKS.decode(_array(connection.execute(_WAITING_PAGE, (*at, count)).get))
        if len(found) < count:
            resting = after if after is not None and after.section == RESTING else None
            at = (_HIGHEST, "") if resting is None else (resting.at, resting.id)
            rest = connection.execute(_RESTING_PAGE, (*at, count - len(found))).get
            found += _TASKS.decode(_array(rest))
    return found


def runs(
    connection: apsw.Connection, task_id: str | None, after: Place | None, count: int
) -> list[RunDocument]:
    """Read up to `count` runs behind a place, of one task or of all, newest first."""
    at = (_HIGHEST, "") if after is None else (after.at, after.id)
    if task_id is None:
        page = connection.execute(_RUNS_PAGE, (*at, count)).get
    else:
        page = connection.execute(_RUNS_OF_TASK_PAGE, (task_id, *at, count)).get
    return _RUNS.decode(_array(page))


def positions(connection: apsw.Connection) -> dict[TopicPartition, int]:
    """Read how far the read models have come."""
    rows = connection.execute("SELECT topic, partition, next_offset FROM positions")
    return {
        TopicPartition(str(topic), int(str(partition))): int(str(next_offset))
        for topic, partition, next_offset in rows
    }


def _array(elements: object) -> str:
    return "[]" if elements is None else f"[{elements}]"
