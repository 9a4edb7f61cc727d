"""A process's RocksDB, and what lies in it for each partition.

Knows RocksDB (rocksdict), and alone does: keys, bytes, settings; not what is kept when (`rocks`).

Keys: partition (2 bytes), kind, and for a task its id, for a due entry the wake (8 bytes, rising)
and the id, for a tally the id. A task that time wakes has its state under its due entry: what is
due next is read in one sweep, and what is written anew, mostly due later than all else, is merged
with little of it. Under its id lies when it wakes. One write batch holds all of a flush, the mark
included.

Nothing is synced, and there is no log of writes beside the tables: the changelog is one. After the
loss of a process the database is as it was some time before, whole, mark included.
A database that is damaged, or of an older format, is thrown away; a newer one is refused.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, cast

import msgspec
import rocksdict

from duetime import limits
from duetime.timer.due_index.port import DueIndexError
from duetime.timer.due_index.window import END, Entry

# Also to be raised when a task of the same state wakes at another time than before.
FORMAT_VERSION: Final = 3

_TASK: Final = b"t"
_DUE: Final = b"d"
_TALLY: Final = b"a"
_MARK: Final = b"m"
_FORMAT_KEY: Final = b"\xff\xffformat"
_SIGN: Final = 1 << 63  # added, so that the bytes of instants before 1970 come first
_TALLY_BYTES: Final = 2
_HEAD_BYTES: Final = 8 + _TALLY_BYTES
_NEVER: Final = b"\xff" * 8  # a task that time does not wake
_DAMAGED: Final = "damaged"  # a file: the database beside it is not to be opened again


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A task as it is kept: when it wakes (microseconds), its tally, its state."""

    wake: int | None
    tally: int
    state: bytes


class Database:
    """The database in a folder, which belongs to one process. Made by `open`."""

    def __init__(self, path: Path, rocks: rocksdict.Rdict, lock: int) -> None:
        """Use `open`."""
        self._path = path
        self._rocks = rocks
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

    def shelf(self, partition: int) -> "Shelf":
        """Give a partition's part."""
        return Shelf(self._rocks, partition, damaged=self._note_damage)

    def close(self) -> None:
        """Let go; what was written is on the disk then, if it takes it. Harmless when repeated."""
        if self._lock >= 0:
            for step in (partial(self._rocks.flush, wait=True), self._rocks.close):
                with suppress(Exception):  # bare ones, as of a full disk: the changelog has it all
                    step()
            os.close(self._lock)
            self._lock = -1

    def _note_damage(self) -> None:
        # The next start throws the database away: RocksDB itself may open it again.
        with suppress(OSError):  # a full disk takes no file either
            (self._path / _DAMAGED).touch()


class Shelf:
    """What a database holds for one partition. Raises DueIndexError where it is broken."""

    def __init__(
        self, rocks: rocksdict.Rdict, partition: int, *, damaged: Callable[[], None]
    ) -> None:
        """Take a partition's part of the database."""
        self._rocks = rocks
        self._damaged = damaged
        self._prefix = partition.to_bytes(2, "big")
        self._task, self._due = self._prefix + _TASK, self._prefix + _DUE
        self._tally = self._prefix + _TALLY
        self._unlogged = rocksdict.WriteOptions()
        self._unlogged.disable_wal = True  # type: ignore[method-assign,assignment] # its stub is wrong

    def mark(self) -> bytes | None:
        """Give what the last flush put under the mark."""
        with self._watched():
            value: bytes | None = self._rocks.get(self._prefix + _MARK)
        return value

    def tasks(self, task_ids: Sequence[str]) -> list[Kept | None]:
        """Give tasks, all read at once; None for what is not there."""
        heads = self._heads(task_ids)
        found: list[Kept | None] = [_kept(head) for head in heads]
        waking = [place for place, kept in enumerate(found) if kept and kept.wake is not None]
        keys = [self._due + heads[place][:8] + task_ids[place].encode() for place in waking]
        for place, state in zip(waking, self._values(keys), strict=True):
            kept = found[place]
            # Without its state it is no task: the two are written together.
            if kept is not None:
                whole = None if state is None else Kept(kept.wake, kept.tally, state)
                found[place] = whole
        return found

    def wakes(self, task_ids: Sequence[str]) -> list[tuple[int | None, int]]:
        """Say when tasks wake (None: never, or they are not there), with their tallies."""
        return [
            (None, 0) if kept is None else (kept.wake, kept.tally)
            for kept in map(_kept, self._heads(task_ids))
        ]

    def _heads(self, task_ids: Sequence[str]) -> list[bytes]:
        """Give what lies under tasks' ids; nothing for what is not there."""
        keys = [self._task + task_id.encode() for task_id in task_ids]
        return [value or b"" for value in self._values(keys)]

    def _values(self, keys: list[bytes]) -> list[bytes | None]:
        if not keys:
            return []
        with self._watched():
            values: list[bytes | None] = self._rocks.get(cast("list[Any]", keys)) or []
        return values

    def tallies(self) -> dict[str, int]:
        """Give the tasks that have a tally, with it."""
        found: dict[str, int] = {}
        for key, value in self._rows(self._tally, self._tally):
            found[key[len(self._tally) :].decode()] = int.from_bytes(value, "big")
        return found

    def entries(self, start: Entry, count_max: int) -> tuple[list[tuple[Entry, bytes]], Entry]:
        """Give so many due entries from one on, with states, and up to where they are all."""
        found: list[tuple[Entry, bytes]] = []
        for key, state in self._rows(self._due, self._due_key(start)):
            entry = (int.from_bytes(key[3:11], "big") - _SIGN, key[11:].decode())
            if len(found) == count_max:
                return found, entry
            found.append((entry, state))
        return found, END

    def write(self, change: "Change", mark: bytes) -> None:
        """Write a change with a mark: all or nothing."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for entry in change.gone:  # first: what is written after it counts
            batch.delete(self._due_key(entry))
        for task_id, task in change.tasks.items():
            key = task_id.encode()
            if task is None:
                batch.delete(self._task + key)
                continue
            tally = task.tally.to_bytes(_TALLY_BYTES, "big")
            if task.wake is None:
                batch.put(self._task + key, _NEVER + tally + task.state)
            else:
                wake = (task.wake + _SIGN).to_bytes(8, "big")
                batch.put(self._task + key, wake + tally)
                batch.put(self._due + wake + key, task.state)
        for task_id, count in change.tallies.items():
            key = self._tally + task_id.encode()
            if count:
                batch.put(key, count.to_bytes(_TALLY_BYTES, "big"))
            else:
                batch.delete(key)
        batch.put(self._prefix + _MARK, mark)
        with self._watched():
            self._rocks.write(batch, self._unlogged)

    def settle(self) -> None:
        """Have all partitions' writes put on the disk soon; does not wait for it."""
        with self._watched():
            self._rocks.flush(wait=False)

    def clear(self) -> None:
        """Remove everything."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        after = (int.from_bytes(self._prefix, "big") + 1).to_bytes(2, "big")
        batch.delete_range(self._prefix, after)
        with self._watched():
            self._rocks.write(batch, self._unlogged)

    def _rows(self, kind: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        options = rocksdict.ReadOptions()
        options.set_iterate_upper_bound(kind[:-1] + bytes([kind[-1] + 1]))
        with self._watched():
            rows = self._rocks.iter(options)
            rows.seek(start)
            while rows.valid():
                yield rows.key(), rows.value()
                rows.next()
            rows.status()  # raises where it ended for another reason than the end

    def _due_key(self, entry: Entry) -> bytes:
        return self._due + (entry[0] + _SIGN).to_bytes(8, "big") + entry[1].encode()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except GeneratorExit:
            raise  # who reads rows has enough of them
        except Exception as fault:
            # rocksdict raises bare Exceptions. Whatever it is, the cache is not to be relied on.
            self._damaged()
            raise DueIndexError(
                f"the local due index cannot be used ({fault}): the next start builds it anew"
            ) from fault


class Change(NamedTuple):
    """What a flush writes: tasks (None: gone), due entries that are no more, and tallies."""

    tasks: Mapping[str, Kept | None]
    gone: Sequence[Entry]
    tallies: Mapping[str, int]


def _kept(value: bytes) -> Kept | None:
    if not value:
        return None
    wake = None if value[:8] == _NEVER else int.from_bytes(value[:8], "big") - _SIGN
    return Kept(wake, int.from_bytes(value[8:_HEAD_BYTES], "big"), value[_HEAD_BYTES:])


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
    # Most of what is written is soon replaced: merging files of like size writes less than levels.
    options.set_compaction_style(rocksdict.DBCompactionStyle.universal())
    # For the same reason only what stays is packed.
    options.set_compression_type(rocksdict.DBCompressionType.none())
    options.set_bottommost_compression_type(rocksdict.DBCompressionType.lz4())
    options.set_write_buffer_size(limits.DUE_WRITE_BUFFER_BYTES)
    options.set_max_write_buffer_number(2)
    options.set_max_background_jobs(2)
    options.set_level_zero_file_num_compaction_trigger(limits.DUE_FILES_PER_MERGE)
    options.set_max_open_files(limits.DUE_OPEN_FILES_MAX)
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(1024 * 1024)
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
