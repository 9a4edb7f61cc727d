"""The file of the log: its tables, its settings, and what is refused at opening.

Knows SQLite's pragmas and our format version; not how records travel to it. Called only on the
threads of `writer` and `reader`.

`batches` holds the records of one append to one partition as one row, and `latest` one row per key
of the compacted topics. One row for many records is not for space but for the interpreter lock:
SQLite lets go of it at every step, and beside a busy event loop each step may wait 5 ms to get it
back. Both tables are ordered by `place`: topic, partition and offset in one integer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import apsw

from duetime.log.port import Commit, LogError
from duetime.log.topics import Topic

FORMAT_VERSION: Final = 1
BUSY_MILLISECONDS: Final = 5_000  # only a checkpoint or a foreign reader can be in the way

NUMBERS: Final = {
    # In the file for ever: a number is never used again for another topic.
    Topic.TASKS: 1,
    Topic.SCHEDULE: 2,
    Topic.DUE: 3,
    Topic.EXECUTIONS: 4,
    Topic.DEAD_LETTERS: 5,
}
_TOPICS: Final = {number: topic for topic, number in NUMBERS.items()}
_OFFSET_BITS: Final = 44  # 17 million million records in a partition
_PARTITION_BITS: Final = 12
OFFSET_MAX: Final = (1 << _OFFSET_BITS) - 1

_TABLES: Final = """
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- place: of the last record; records: MessagePack, [[key, value, headers], ...]
CREATE TABLE batches (
    place INTEGER PRIMARY KEY,
    record_count INTEGER NOT NULL,
    appended_at_us INTEGER NOT NULL,
    records BLOB NOT NULL
) STRICT;

CREATE TABLE latest (
    place INTEGER PRIMARY KEY,
    slot INTEGER NOT NULL,
    key BLOB NOT NULL,
    appended_at_us INTEGER NOT NULL,
    value BLOB,
    headers BLOB NOT NULL,
    UNIQUE (slot, key)
) STRICT;
CREATE INDEX tombstones ON latest (appended_at_us) WHERE value IS NULL;

CREATE TABLE group_offsets (
    name TEXT NOT NULL,
    slot INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (name, slot)
) STRICT, WITHOUT ROWID;
"""


def slot_of(topic: Topic, partition: int) -> int:
    """Give the number of a partition of a topic."""
    return NUMBERS[topic] << _PARTITION_BITS | partition


def slot_named(slot: int) -> tuple[Topic, int]:
    """Give the topic and partition of a slot's number."""
    return _TOPICS[slot >> _PARTITION_BITS], slot & ((1 << _PARTITION_BITS) - 1)


def place_of(slot: int, offset: int) -> int:
    """Give the place of an offset in a slot."""
    return slot << _OFFSET_BITS | offset


def offset_at(place: int) -> int:
    """Give the offset of a place."""
    return place & OFFSET_MAX


def connect(path: Path, vfs: str | None) -> apsw.Connection:
    """Open a connection with the settings that durability (P1) rests on."""
    connection = apsw.Connection(str(path), vfs=vfs)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    connection.pragma("journal_mode", "wal")
    # NORMAL was seen to lose acknowledged rows on power loss: it syncs only at checkpoints.
    connection.pragma("synchronous", "full")
    # macOS: fsync leaves the rows in the drive's cache. Elsewhere this changes nothing.
    connection.pragma("fullfsync", value=True)
    connection.pragma("checkpoint_fullfsync", value=True)
    return connection


def prepare(connection: apsw.Connection, path: Path, partitions: int) -> str:
    """Create the tables, or check that they are ours; give the cluster id. Raises LogError."""
    connection.execute("BEGIN IMMEDIATE")
    with_tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if with_tables == 0:
        _create(connection, partitions)
    connection.execute("COMMIT")
    meta = _meta(connection, path)
    version = int(meta["format_version"])
    if version > FORMAT_VERSION:
        raise LogError(
            f"{path} was written by a newer Duetime (format {version}; this one knows formats up to"
            f" {FORMAT_VERSION}): start that version, or use another data directory"
        )
    if int(meta["partitions"]) != partitions:
        raise LogError(
            f"{path} has {meta['partitions']} partitions and {partitions} were asked for: the count"
            " is fixed when a log is created"
        )
    return meta["cluster_id"]


def ends(connection: apsw.Connection, partitions: int) -> dict[int, tuple[int, int]]:
    """Give each slot's end offset and the time of its newest record in microseconds."""
    found = {}
    for topic in Topic:
        for partition in range(partitions):
            slot = slot_of(topic, partition)
            newest = max(_newest(connection, table, slot) for table in ("batches", "latest"))
            found[slot] = newest
    return found


def committed(connection: apsw.Connection) -> Mapping[tuple[str, int], Mapping[Topic, Commit]]:
    """Give the positions of all groups."""
    found: dict[tuple[str, int], dict[Topic, Commit]] = {}
    for name, slot, offset, note in connection.execute(
        "SELECT name, slot, next_offset, note FROM group_offsets"
    ):
        topic, partition = slot_named(slot)
        found.setdefault((name, partition), {})[topic] = Commit(offset, note)
    return found


def _create(connection: apsw.Connection, partitions: int) -> None:
    connection.execute(_TABLES)
    connection.execute(
        "INSERT INTO meta VALUES ('format_version', ?), ('partitions', ?),"
        " ('cluster_id', lower(hex(randomblob(16))))",
        (str(FORMAT_VERSION), str(partitions)),
    )


def _meta(connection: apsw.Connection, path: Path) -> dict[str, str]:
    try:
        return dict(connection.execute("SELECT name, value FROM meta"))
    except apsw.SQLError as error:
        raise LogError(f"{path} is a database, but not a log of Duetime") from error


def _newest(connection: apsw.Connection, table: str, slot: int) -> tuple[int, int]:
    row = connection.execute(
        f"SELECT place, appended_at_us FROM {table}"  # noqa: S608 - one of two names above
        " WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1",
        (place_of(slot, 0), place_of(slot, OFFSET_MAX)),
    ).fetchone()
    return (offset_at(row[0]) + 1, row[1]) if row else (0, 0)
