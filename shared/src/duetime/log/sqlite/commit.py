"""One commit: everything that waited, written with as few steps of SQLite as can be.

Knows SQL for writing, and which failures leave doubt; not who asked.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Final

import apsw

from duetime import limits
from duetime.log.port import Commit, LogError, Stored
from duetime.log.sqlite.rows import (
    BATCH_COLUMNS,
    LATEST_COLUMNS,
    Value,
    batch_rows,
    latest_row,
)
from duetime.log.sqlite.schema import OFFSET_MAX, place_of
from duetime.log.topics import TOPICS, Cleanup, Topic

# Rows go in by statements of these many, so that few statements are prepared and all are kept.
_ROWS_AT_ONCE: Final = (64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1)

_NOTHING_WRITTEN: Final = (
    # Whatever the stage. A failed sync is not among them: what it was to sync may be on the disk.
    apsw.FullError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ConstraintError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.TooBigError,
)

_PRUNE_BATCHES: Final = """
DELETE FROM batches WHERE place IN (
    SELECT place FROM batches WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?
) AND appended_at_us < ?
"""

# A group that has not read a record yet keeps it.
_FIRST_NEEDED: Final = "SELECT min(next_offset) FROM group_offsets WHERE slot = ?"

_PRUNE_TOMBSTONES: Final = """
DELETE FROM latest WHERE place IN (
    SELECT place FROM latest
    WHERE value IS NULL AND appended_at_us < ? AND place BETWEEN ? AND ?
    ORDER BY appended_at_us LIMIT ?
)
"""

_NEWEST: Final = {
    Cleanup.DELETE: "SELECT max(place) FROM batches WHERE place BETWEEN ? AND ?",
    Cleanup.COMPACT: "SELECT max(place) FROM latest WHERE place BETWEEN ? AND ?",
}


class CommitFailedError(LogError):
    """Nothing was written; where `doubtful`, it may yet be found after a crash."""

    def __init__(self, error: apsw.Error, *, doubtful: bool) -> None:
        super().__init__(f"the log cannot be written: {error}")
        self.doubtful = doubtful


class Work:
    """What one commit is to write."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us
        self.stored: list[Stored] = []
        self.positions: dict[tuple[str, int], Commit] = {}
        self.prunes: list[tuple[Topic, int, int]] = []  # topic, slot, before in microseconds
        self._batches: dict[int, list[Stored]] = {}
        self._latest: dict[tuple[int, bytes | None], Stored] = {}

    def add(self, slot: int, record: Stored) -> None:
        """Add a record, placed already."""
        self.stored.append(record)
        if TOPICS[record.topic].cleanup is Cleanup.COMPACT:
            self._latest[slot, record.key] = record
        else:
            self._batches.setdefault(slot, []).append(record)

    def statements(self) -> Iterator[tuple[str, Sequence[Value]]]:
        """Give the statements that write records and positions."""
        batches = [row for records in self._batches.values() for row in batch_rows(records)]
        yield from _together("INSERT INTO batches VALUES", BATCH_COLUMNS, batches)
        latest = [latest_row(record) for record in self._latest.values()]
        yield from _together("INSERT OR REPLACE INTO latest VALUES", LATEST_COLUMNS, latest)
        positions = [
            (group, slot, commit.offset, commit.note)
            for (group, slot), commit in self.positions.items()
        ]
        yield from _together("INSERT OR REPLACE INTO group_offsets VALUES", 4, positions)


def carry_out(connection: apsw.Connection, work: Work) -> list[int]:
    """Write it all or nothing, durably; give how many rows each prune removed.

    Raises CommitFailedError.
    """
    statements = list(work.statements())
    if not statements and not work.prunes:
        return []
    committing = False
    try:
        if len(statements) == 1 and not work.prunes:
            committing = True  # a statement alone is its own transaction, and two steps fewer
            connection.execute(*statements[0])
            return []
        connection.execute("BEGIN IMMEDIATE")
        for statement, values in statements:
            connection.execute(statement, values)
        removed = [_prune(connection, *prune) for prune in work.prunes]
        committing = True
        connection.execute("COMMIT")
        return removed
    except apsw.Error as error:
        _roll_back(connection)
        doubtful = committing and not isinstance(error, _NOTHING_WRITTEN)
        raise CommitFailedError(error, doubtful=doubtful) from error


def _roll_back(connection: apsw.Connection) -> None:
    """End what the failure left open, if SQLite has not done so by itself."""
    with contextlib.suppress(apsw.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    # In a transaction left open the next request would seem to be committed. Better no writer.
    assert not connection.in_transaction, "a failed commit could not be rolled back"


def _together(
    insert: str, columns: int, rows: Sequence[tuple[Value, ...]]
) -> Iterator[tuple[str, Sequence[Value]]]:
    first = 0
    for count in _ROWS_AT_ONCE:
        while len(rows) - first >= count:
            one = f"({','.join('?' * columns)})"
            values = [value for row in rows[first : first + count] for value in row]
            yield f"{insert} {','.join([one] * count)}", values
            first += count


def _prune(connection: apsw.Connection, topic: Topic, slot: int, before_us: int) -> int:
    """Remove a few old rows; never a slot's newest, which keeps its end offset."""
    low, high = place_of(slot, 0), place_of(slot, OFFSET_MAX)
    cleanup = TOPICS[topic].cleanup
    newest = connection.execute(_NEWEST[cleanup], (low, high)).get
    if newest is None:
        return 0
    last = newest - 1
    if cleanup is Cleanup.COMPACT:
        values = (before_us, low, last, limits.LOG_PRUNE_ROWS_MAX)
        connection.execute(_PRUNE_TOMBSTONES, values)
    else:
        needed = connection.execute(_FIRST_NEEDED, (slot,)).get
        if needed is not None:
            last = min(last, place_of(slot, needed) - 1)
        values = (low, last, limits.LOG_PRUNE_ROWS_MAX, before_us)
        connection.execute(_PRUNE_BATCHES, values)
    return connection.changes()
