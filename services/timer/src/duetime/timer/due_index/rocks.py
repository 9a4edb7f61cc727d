"""The due index on disk: one RocksDB for the process, its keys prefixed by partition.

Knows RocksDB (rocksdict), and alone does; not what a state says. Nothing is synced: the changelog
is the truth, and after a loss of power the database is older but whole, mark included.

Keys: partition (2 bytes), kind, and for `task` the id, for `due` the wake (8 bytes, rising) and the
id. One write batch holds a commit: states, due entries, deletes and the mark.
A database that is damaged, or of an older format, is thrown away; a newer one is refused.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import msgspec
import rocksdict

from duetime import limits
from duetime.events.ids import instant, microseconds
from duetime.timer.due_index.port import DueIndex, DueIndexError, Mark
from duetime.timer.due_index.window import BEGINNING, END, Entry, Window

# Also to be raised when a task of the same state wakes at another time than before.
FORMAT_VERSION: Final = 1

_TASK: Final = b"t"
_DUE: Final = b"d"
_MARK: Final = b"m"
_FORMAT_KEY: Final = b"\xff\xffformat"
_SIGN: Final = 1 << 63  # added, so that the bytes of instants before 1970 come first
_TALLY_BYTES: Final = 2
_NEVER: Final = b"\xff" * 8  # a task that time does not wake
_DAMAGED: Final = "damaged"  # a file: the database beside it is not to be opened again


class _Stored(NamedTuple):
    wake: int | None
    tally: int
    state: bytes


_GONE: Final = _Stored(None, 0, b"")


@dataclass(slots=True)
class _Change:
    committed: _Stored | None
    now: _Stored | None


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What stands under a partition's mark."""

    mark: Mark
    count: int
    tally: int
    lowest: Entry  # nothing is due before it: where a scan begins


_KEPT: Final = msgspec.json.Decoder(_Kept)


class RocksDueIndexes:
    """The database of a process, and its partitions' indexes. Made by `open`."""

    def __init__(self, path: Path, database: rocksdict.Rdict, lock: int) -> None:
        """Use `open`."""
        self._path = path
        self._database = database
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the database in a folder, creating both where there are none.

        Raises DueIndexError where another process uses it, or a newer Duetime wrote it.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as fault:
            raise DueIndexError(f"{path} cannot be used: {fault.strerror}") from fault
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(path, _database(path), lock)
        except BlockingIOError as fault:
            os.close(lock)
            message = f"{path} is in use by another process: give each timer a folder of its own"
            raise DueIndexError(message) from fault
        except BaseException:
            os.close(lock)
            raise

    def of(self, partition: int) -> "RocksDueIndex":
        """Give a partition's index, as it was committed last. One at a time for each."""
        return RocksDueIndex(self._database, partition, damaged=self._note_damage)

    def close(self) -> None:
        """Let go. Harmless when repeated."""
        if self._lock >= 0:
            with suppress(rocksdict.DbClosedError):
                self._database.close()
            os.close(self._lock)
            self._lock = -1

    def _note_damage(self) -> None:
        # The next start throws the database away: RocksDB itself may open it again.
        (self._path / _DAMAGED).touch()


class RocksDueIndex(DueIndex):
    """A partition's tasks. What is not committed yet is in memory, before the disk."""

    def __init__(
        self, database: rocksdict.Rdict, partition: int, *, damaged: Callable[[], None]
    ) -> None:
        """Take up what the last commit left."""
        self._database = database
        self._damaged = damaged
        self._prefix = partition.to_bytes(2, "big")
        self._task_prefix, self._due = self._prefix + _TASK, self._prefix + _DUE
        self._options = rocksdict.ReadOptions()
        self._options.set_iterate_upper_bound(self._prefix + bytes([_DUE[0] + 1]))
        self._changes: dict[str, _Change] = {}
        self._reads: dict[str, _Stored | None] = {}  # since the last commit: read once, used twice
        self._ahead: dict[str, _Stored] = {}  # committed ones with a tally, the latest last
        self._kept: _Kept | None = None
        self._count = self._tally = 0
        self._take_up()

    def __len__(self) -> int:
        return self._count

    @property
    def mark(self) -> Mark | None:
        return None if self._kept is None else self._kept.mark

    @property
    def tally(self) -> int:
        return self._tally

    def get(self, task_id: str) -> bytes | None:
        task = self._task(task_id)
        return None if task is None else task.state

    def expect(self, task_ids: Iterable[str]) -> None:
        wanted = [
            task_id
            for task_id in task_ids
            if not (task_id in self._changes or task_id in self._reads or task_id in self._ahead)
        ]
        with self._watched():
            keys: list[Any] = [self._task_prefix + task_id.encode() for task_id in wanted]
            values = self._database.get(keys) or []
        if len(self._reads) + len(wanted) > limits.DUE_READS_KEPT_MAX:
            self._reads.clear()
        for task_id, value in zip(wanted, values, strict=True):
            self._reads[task_id] = None if value is None else _stored(value)

    def put(self, task_id: str, wake_at: datetime | None, state: bytes, *, tally: int = 0) -> None:
        wake = None if wake_at is None else microseconds(wake_at)
        self._change(task_id, _Stored(wake, tally, state))

    def remove(self, task_id: str) -> None:
        self._change(task_id, None)

    def until(self, now: datetime, *, tasks_max: int) -> Sequence[str]:
        return self._window.until(microseconds(now), tasks_max)

    def first(self) -> datetime | None:
        entry = self._window.first()
        return None if entry is None else instant(entry[0])

    def commit(self, task_ids: Iterable[str], mark: Mark) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        count, tally = (0, 0) if self._kept is None else (self._kept.count, self._kept.tally)
        committed = dict.fromkeys(task_id for task_id in task_ids if task_id in self._changes)
        for task_id in committed:
            change = self._changes.pop(task_id)
            self._write(batch, task_id, change)
            count += (change.now is not None) - (change.committed is not None)
            tally += (change.now or _GONE).tally - (change.committed or _GONE).tally
            self._window.settle(task_id)
            self._keep_ahead(task_id, change.now)
        self._window.trim(self._changes)
        self._reads.clear()
        kept = _Kept(mark=mark, count=count, tally=tally, lowest=self._lowest())
        batch.put(self._prefix + _MARK, msgspec.json.encode(kept))
        with self._watched():
            self._database.write(batch)
        self._kept = kept

    def rollback(self) -> None:
        if self._changes:
            self._take_up()

    def clear(self) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        after = (int.from_bytes(self._prefix, "big") + 1).to_bytes(2, "big")
        batch.delete_range(self._prefix, after)
        with self._watched():
            self._database.write(batch)
        self._take_up()

    # --- its own ------------------------------------------------------------------------------

    def _take_up(self) -> None:
        self._changes.clear()
        self._reads.clear()
        self._ahead.clear()
        with self._watched():
            value = self._database.get(self._prefix + _MARK)
        self._kept = None if value is None else _KEPT.decode(value)
        self._count = 0 if self._kept is None else self._kept.count
        self._tally = 0 if self._kept is None else self._kept.tally
        self._window = Window(
            self._load,
            horizon=BEGINNING if self._kept is None else self._kept.lowest,
            tasks_max=limits.DUE_WINDOW_TASKS_MAX,
            loaded_tasks_max=limits.DUE_LOAD_TASKS_MAX,
        )

    def _task(self, task_id: str) -> _Stored | None:
        change = self._changes.get(task_id)
        return self._committed(task_id) if change is None else change.now

    def _committed(self, task_id: str) -> _Stored | None:
        if task_id in self._ahead:
            return self._ahead[task_id]
        if task_id not in self._reads:
            self.expect((task_id,))
        return self._reads[task_id]

    def _change(self, task_id: str, task: _Stored | None) -> None:
        change = self._changes.get(task_id)
        if change is None:
            known = self._committed(task_id)
            if known is None and task is None:
                return
            change = self._changes[task_id] = _Change(known, known)
        before, change.now = change.now or _GONE, task
        now = task or _GONE
        self._count += (task is not None) - (before is not _GONE)
        self._tally += now.tally - before.tally
        self._window.set(task_id, now.wake)

    def _keep_ahead(self, task_id: str, task: _Stored | None) -> None:
        """Keep what has a run out: its end will want it soon, and a look at the disk costs."""
        self._ahead.pop(task_id, None)
        if task is not None and task.tally:
            self._ahead[task_id] = task
            if len(self._ahead) > limits.DUE_AHEAD_KEPT_MAX:
                del self._ahead[next(iter(self._ahead))]

    def _write(self, batch: rocksdict.WriteBatch, task_id: str, change: _Change) -> None:
        """Add a change to a batch."""
        key = task_id.encode()
        woke, wakes = (change.committed or _GONE).wake, (change.now or _GONE).wake
        if woke != wakes:
            if woke is not None:
                batch.delete(self._due_key(woke, key))
            if wakes is not None:
                batch.put(self._due_key(wakes, key), b"")
        if change.now is not None:
            batch.put(self._task_prefix + key, _bytes_of(change.now))
        elif change.committed is not None:
            batch.delete(self._task_prefix + key)

    def _lowest(self) -> Entry:
        """Give an entry before which nothing committed is due."""
        moved = [
            (change.committed.wake, task_id)
            for task_id, change in self._changes.items()
            if change.committed is not None and change.committed.wake is not None
        ]
        return min([self._window.lowest(), *moved])

    def _load(self, start: Entry, tasks_max: int) -> tuple[Sequence[Entry], Entry]:
        found: list[Entry] = []
        with self._watched():
            entries = self._database.iter(self._options)
            entries.seek(self._due_key(start[0], start[1].encode()))
            for _ in range(tasks_max):
                if not entries.valid():
                    entries.status()  # raises where it ended for another reason than the end
                    return found, END
                key = entries.key()
                entry = (int.from_bytes(key[3:11], "big") - _SIGN, key[11:].decode())
                if entry[1] not in self._changes:
                    found.append(entry)
                start = (entry[0], entry[1] + "\0")
                entries.next()
        return found, start

    def _due_key(self, wake: int, key: bytes) -> bytes:
        return self._due + (wake + _SIGN).to_bytes(8, "big") + key

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except Exception as fault:
            raise self._broken(fault) from fault

    def _broken(self, fault: Exception) -> DueIndexError:
        # rocksdict raises bare Exceptions. Whatever it is, the cache is not to be relied on.
        self._damaged()
        return DueIndexError(
            f"the local due index cannot be used ({fault}): the next start builds it anew"
        )


def _bytes_of(task: _Stored) -> bytes:
    wake = _NEVER if task.wake is None else (task.wake + _SIGN).to_bytes(8, "big")
    return wake + task.tally.to_bytes(_TALLY_BYTES, "big") + task.state


def _stored(value: bytes) -> _Stored:
    head = 8 + _TALLY_BYTES
    wake = None if value[:8] == _NEVER else int.from_bytes(value[:8], "big") - _SIGN
    return _Stored(wake, int.from_bytes(value[8:head], "big"), value[head:])


def _database(path: Path) -> rocksdict.Rdict:
    """Open the database, throwing away one that cannot be opened. Raises DueIndexError."""
    folder, damaged = path / "database", path / _DAMAGED
    if damaged.exists():
        shutil.rmtree(folder, ignore_errors=True)
        damaged.unlink()
    try:
        try:
            return _opened(folder)
        except _UnusableError:
            shutil.rmtree(folder, ignore_errors=True)
            return _opened(folder)
    except (_UnusableError, OSError) as fault:
        raise DueIndexError(f"the due index in {path} cannot be opened: {fault}") from fault


def _opened(folder: Path) -> rocksdict.Rdict:
    settings = _settings()
    try:
        database = rocksdict.Rdict(str(folder), settings)
    except Exception as fault:
        raise _UnusableError(str(fault)) from fault
    try:
        found = database.get(_FORMAT_KEY)
        if found is None:
            database.put(_FORMAT_KEY, str(FORMAT_VERSION).encode())
            found = str(FORMAT_VERSION).encode()
        version = int(found)
    except Exception as fault:
        database.close()
        raise _UnusableError(str(fault)) from fault
    if version != FORMAT_VERSION:
        database.close()
    if version > FORMAT_VERSION:
        raise DueIndexError(
            f"the due index in {folder.parent} was written by a newer Duetime (format {version};"
            f" this one knows formats up to {FORMAT_VERSION}): start that version, or delete the"
            " folder to have it built anew"
        )
    if version < FORMAT_VERSION:
        raise _UnusableError(f"it has the older format {version}")
    return database


def _settings() -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.set_compression_type(rocksdict.DBCompressionType.lz4())
    options.set_write_buffer_size(limits.DUE_WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_max_background_jobs(2)
    options.set_max_open_files(limits.DUE_OPEN_FILES_MAX)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(1024 * 1024)
    options.set_max_total_wal_size(4 * limits.DUE_WRITE_BUFFER_BYTES)
    # What woke leaves a tombstone, and all of them lie together: files full of them go first.
    options.add_compact_on_deletion_collector_factory(1_000, 500, 0.5)
    blocks = rocksdict.BlockBasedOptions()
    blocks.set_block_cache(rocksdict.Cache(limits.DUE_CACHE_BYTES))
    # Indexes and filters are in the cache as well, so that its bound is the bound of all.
    blocks.set_cache_index_and_filter_blocks(v=True)
    # In small parts: a whole filter is larger than what a shard of the cache may hold.
    blocks.set_index_type(rocksdict.BlockBasedIndexType.two_level_index_search())
    blocks.set_partition_filters(size=True)
    blocks.set_pin_top_level_index_and_filter(v=True)
    blocks.set_bloom_filter(10, block_based=False)
    options.set_block_based_table_factory(blocks)
    return options


class _UnusableError(Exception):
    """A database that is to be thrown away."""
