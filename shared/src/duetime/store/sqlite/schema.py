"""The tables of views.db, how connections to it are set up, and when the file is set aside.

Knows the file and its format; not what is asked of it (`reads`, `writes`).
The file is a cache of the log: one that is older, torn or of another log is moved out of the way,
and the projector fills a new one from offset 0. A newer one is refused: whoever wrote it is needed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from duetime.limits import STORE_WAIT_SECONDS_MAX
from duetime.store.port import StoreError

FORMAT_VERSION: Final = 1

# Every order that a list has is one index, read from the cursor on.
# Partial indexes keep the writing cheap: a task stands in one section only.
_TABLES: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE tasks (
    id TEXT PRIMARY KEY,
    section INTEGER,            -- of the list of tasks; null: not listed
    placed_at INTEGER,          -- microseconds: next due time or last update, as the section says
    ended_at INTEGER,           -- microseconds: last update, of what may be pruned
    document TEXT NOT NULL
);
CREATE INDEX tasks_by_place ON tasks (section, placed_at, id) WHERE section IS NOT NULL;
CREATE INDEX tasks_by_end ON tasks (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    task_id TEXT NOT NULL,
    finished_at INTEGER NOT NULL,   -- microseconds
    position INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX runs_by_end ON runs (finished_at, id);
CREATE INDEX runs_of_task ON runs (task_id, finished_at, id);
"""

_CHECKPOINT_PAGES: Final = 4_000  # 16 MiB of log between checkpoints: each costs one sync
_CACHE_KIBIBYTES: Final = 8_192  # the upper levels of the indexes
_LEFT_BEHIND: Final = ("", "-wal", "-shm")


class UnusableError(Exception):
    """The file cannot be used and says why; it can be built again."""


def connector(path: Path, *, reading: bool) -> Callable[[], apsw.Connection]:
    """Give what opens a connection to the file, in the thread that will use it."""

    def connect() -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOMUTEX
        connection = apsw.Connection(str(path), flags=flags | apsw.SQLITE_OPEN_CREATE)
        connection.set_busy_timeout(int(STORE_WAIT_SECONDS_MAX * 1_000))
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
        if reading:
            connection.execute("PRAGMA query_only = ON")
        return connection

    return connect


def prepare(path: Path, log_id: str) -> str | None:
    """Make the file ready for use; say why an earlier one was set aside, if one was.

    Raises StoreError where the file is newer than this program, or cannot be written.
    """
    set_aside = None
    try:
        try:
            _prepare(path, log_id)
        except (UnusableError, apsw.CorruptError, apsw.NotADBError) as reason:
            set_aside = f"{reason}; it was moved to {_move_aside(path).name}"
            _prepare(path, log_id)
    except (apsw.Error, OSError) as fault:
        raise StoreError(f"{path} cannot be opened: {fault}") from fault
    return set_aside


def _prepare(path: Path, log_id: str) -> None:
    connection = connector(path, reading=False)()
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        set_up_writer(connection)
        with connection:
            _check_or_create(connection, path, log_id)
    finally:
        connection.close()


def set_up_writer(connection: apsw.Connection) -> None:
    """Set what only the writing connection cares about.

    NORMAL syncs at checkpoints only. After a loss of power the file is whole, if older: positions
    and effects are one transaction, so the projector goes on from where the file says.
    """
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")


def _check_or_create(connection: apsw.Connection, path: Path, log_id: str) -> None:
    names = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if not names:
        connection.execute(_TABLES)
        connection.execute(
            "INSERT INTO meta VALUES ('format', ?), ('log', ?)", (str(FORMAT_VERSION), log_id)
        )
        return
    if "meta" not in names:
        raise UnusableError(f"{path.name} is not a file of read models")
    meta = {str(key): str(value) for key, value in connection.execute("SELECT * FROM meta")}
    found = meta.get("format", "")
    if not found.isdecimal() or int(found) < FORMAT_VERSION:
        raise UnusableError(f"{path.name} has the older format {found or 'none'}")
    if int(found) > FORMAT_VERSION:
        raise StoreError(
            f"{path} has format {found}, and this Duetime knows formats up to {FORMAT_VERSION}: "
            f"use the newer Duetime that wrote it, or delete it to have it built again"
        )
    if meta.get("log") != log_id:
        raise UnusableError(f"{path.name} was built from another log")
    # Torn pages show when they are read; the roots of what is always read are tried here.
    for table in ("positions", "tasks", "runs"):
        connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()  # noqa: S608 -- our names


def _move_aside(path: Path) -> Path:
    """Move the file out of the way; one earlier copy is kept, for whoever wants to know."""
    aside = path.with_name(path.name + ".set-aside")
    for suffix in _LEFT_BEHIND:
        path.with_name(aside.name + suffix).unlink(missing_ok=True)
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(path.with_name(aside.name + suffix))
    return aside
