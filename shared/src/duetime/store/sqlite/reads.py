"""What is read from views.db, as functions of a connection.

Knows the statements; not threads. Many documents come as one row of JSON: SQLite lets go of the
interpreter at every row, and taking it back costs milliseconds while the event loop is busy. Not
all of them in one, though: decoding holds the interpreter, and the event loop waits that long.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import apsw
import msgspec

from duetime.limits import STORE_CHUNK_DOCUMENTS_MAX
from duetime.store.cursors import Place
from duetime.store.order import RESTING, WAITING, run_place, task_place
from duetime.store.paging import Gathering
from duetime.store.port import Found, Slice, TopicPartition
from duetime.store.views import RunDocument, TaskDocument

_Document = TypeVar("_Document")

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
_FIND_RUNS: Final = """
SELECT group_concat(document, ',') FROM runs WHERE id IN (SELECT value FROM json_each(?))
"""
_FIRST_WAITING: Final = Place(WAITING, -(1 << 63), "")
_FIRST_RESTING: Final = Place(RESTING, (1 << 63) - 1, "")
_FIRST_RUN: Final = Place(0, (1 << 63) - 1, "")


def task(connection: apsw.Connection, task_id: str) -> TaskDocument | None:
    """Read one task."""
    document = connection.execute("SELECT document FROM tasks WHERE id = ?", (task_id,)).get
    return None if document is None else _TASK.decode(str(document))


def load(connection: apsw.Connection, task_ids: Sequence[str]) -> Mapping[str, TaskDocument]:
    """Read the tasks of these ids that exist."""
    found = _of_ids(connection, _LOAD, _TASKS, task_ids)
    return {document.task_id: document for document in found}


def find(connection: apsw.Connection, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
    """Read the tasks and runs of these ids that exist."""
    runs = _of_ids(connection, _FIND_RUNS, _RUNS, run_ids)
    return Found(tasks=load(connection, task_ids), runs={run.id: run for run in runs})


def page(connection: apsw.Connection, gathering: Gathering) -> Slice[TaskDocument]:
    """Read a page of tasks."""
    while gathering.asked:
        gathering.take(tasks(connection, gathering.place, gathering.asked))
    return gathering.slice()


def tasks(connection: apsw.Connection, after: Place | None, count: int) -> list[TaskDocument]:
    """Read up to `count` tasks behind a place: the waiting ones upwards, then the resting ones."""
    found: list[TaskDocument] = []
    # One transaction: a task that changes its section in between must not come twice.
    with connection:
        if after is None or after.section == WAITING:
            start = _FIRST_WAITING if after is None else after
            found += _in_chunks(connection, _WAITING_PAGE, _TASKS, task_place, start, count)
        if len(found) < count:
            start = after if after is not None and after.section == RESTING else _FIRST_RESTING
            rest = count - len(found)
            found += _in_chunks(connection, _RESTING_PAGE, _TASKS, task_place, start, rest)
    return found


def runs(
    connection: apsw.Connection, task_id: str | None, after: Place | None, count: int
) -> list[RunDocument]:
    """Read up to `count` runs behind a place, of one task or of all, newest first."""
    start = _FIRST_RUN if after is None else after
    statement, of_task = (_RUNS_PAGE, ()) if task_id is None else (_RUNS_OF_TASK_PAGE, (task_id,))
    found: list[RunDocument] = []
    with connection:
        found += _in_chunks(connection, statement, _RUNS, run_place, start, count, *of_task)
    return found


def positions(connection: apsw.Connection) -> dict[TopicPartition, int]:
    """Read how far the read models have come."""
    rows = connection.execute("SELECT topic, partition, next_offset FROM positions")
    return {
        TopicPartition(str(topic), int(str(partition))): int(str(next_offset))
        for topic, partition, next_offset in rows
    }


def _of_ids(
    connection: apsw.Connection,
    statement: str,
    decoder: msgspec.json.Decoder[list[_Document]],
    ids: Sequence[str],
) -> list[_Document]:
    found: list[_Document] = []
    for start in range(0, len(ids), STORE_CHUNK_DOCUMENTS_MAX):
        chunk = msgspec.json.encode(ids[start : start + STORE_CHUNK_DOCUMENTS_MAX]).decode()
        found += decoder.decode(_array(connection.execute(statement, (chunk,)).get))
    return found


def _in_chunks(
    connection: apsw.Connection,
    statement: str,
    decoder: msgspec.json.Decoder[list[_Document]],
    place_of: Callable[[_Document], Place | None],
    start: Place,
    count: int,
    *leading: str,
) -> list[_Document]:
    found: list[_Document] = []
    place: Place | None = start
    while place is not None and len(found) < count:
        asked = min(STORE_CHUNK_DOCUMENTS_MAX, count - len(found))
        chunk = decoder.decode(
            _array(connection.execute(statement, (*leading, place.at, place.id, asked)).get)
        )
        found += chunk
        place = place_of(chunk[-1]) if len(chunk) == asked else None
    return found


def _array(elements: object) -> str:
    return "[]" if elements is None else f"[{elements}]"
