"""The due index over RocksDB: what changed lately in memory, all else on disk.

Knows what is in memory and what is on disk, and when the one becomes the other; not how it lies
there (`database`).

A task that runs changes twice within some seconds, so changes stay in memory, and what many
commits have left is written at once (a *flush*). The mark on disk is that of the last flush: who
opens the database after a loss of the process folds a little of the changelog anew.

Nothing has to be read to change a task whose caller knows when it woke before: the due entry of
then is removed with the flush. Where that was wrong, as it may be after records were compacted
away, an entry is left behind that is void; entries from the disk are checked before they count.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import msgspec
import structlog
from msgspec.structs import replace

from duetime import limits
from duetime.events.ids import instant, microseconds
from duetime.timer.due_index.database import Change, Database, Kept, Shelf
from duetime.timer.due_index.port import UNKNOWN, DueIndex, DueIndexError, Mark, Unknown
from duetime.timer.due_index.window import BEGINNING, Entry, Window


class RocksDueIndexes:
    """The database of a process, and its partitions' indexes. Made by `open`."""

    def __init__(self, database: Database, *, exact: bool) -> None:
        """Use `open`."""
        self._database = database
        self._exact = exact
        self._indexes: dict[int, RocksDueIndex] = {}

    @classmethod
    def open(cls, path: Path, *, exact: bool = False) -> Self:
        """Open the database in a folder, creating both where there are none.

        `exact`, for a folder's whole life: believe nobody's word about when a task woke. No entry
        is void then, and none is checked; for a standby that would be a read for each record.
        Raises DueIndexError where another process uses it, or a newer Duetime wrote it.
        """
        return cls(Database.open(path), exact=exact)

    def of(self, partition: int) -> "RocksDueIndex":
        """Give a partition's index, the same whenever it is asked for."""
        if partition not in self._indexes:
            shelf = self._database.shelf(partition)
            self._indexes[partition] = RocksDueIndex(shelf, exact=self._exact)
        return self._indexes[partition]

    def close(self) -> None:
        """Flush what is committed, and let go. Harmless when repeated."""
        with suppress(DueIndexError):  # it was told to whoever used the index
            for partition in list(self._indexes):
                self._indexes.pop(partition).flush(whole=True)
        self._database.close()


class _OnDisk(msgspec.Struct, frozen=True, kw_only=True):
    """What stands under a partition's mark."""

    mark: Mark
    lowest: Entry  # nothing is due before it: where a scan begins


class _Before(msgspec.Struct, frozen=True, gc=False):
    """A task as it was committed: on disk, or in memory (`kept`, None: gone)."""

    on_disk: bool
    kept: Kept | None
    wake: int | None
    tally: int


_ON_DISK: Final = msgspec.json.Decoder(_OnDisk)
_AGAIN: Final = limits.DUE_FLUSH_AGAIN_SECONDS
_logger: Final = structlog.get_logger()


class RocksDueIndex(DueIndex):
    """A partition's tasks."""

    def __init__(self, shelf: Shelf, *, exact: bool) -> None:
        """Take up what the last flush left."""
        self._shelf = shelf
        self._exact = exact
        self._fresh: dict[str, Kept | None] = {}  # what the disk does not hold yet; None: gone
        self._settled_count = 0  # of those: the ones without a tally, which will not change soon
        self._disk_wakes: dict[str, int | None] = {}  # under which it may have entries of those
        self._before: dict[str, _Before] = {}  # of each with an uncommitted change
        self._reads: dict[str, Kept | None] = {}  # from disk since the last commit
        self._ahead: dict[str, Kept] = {}  # flushed ones with a tally, the latest last
        self._swept: dict[Entry, bytes] = {}  # states, read with what is due next
        self._void: list[Entry] = []  # on disk, and known to mean nothing
        self._tallies: dict[str, int] = {}  # of the few that have one
        self._tally = 0
        self._mark: Mark | None = None
        self._flushed: Mark | None = None  # the mark of then
        self._stayed: set[str] = set()  # what the last flush left to the next
        self._blocked_as_of: datetime | None = None  # when the disk did not take a flush
        self._take_up()

    def _take_up(self) -> None:
        value = self._shelf.mark()
        on_disk = None if value is None else _ON_DISK.decode(value)
        self._mark = self._flushed = None if on_disk is None else on_disk.mark
        self._settled_as_of = instant(0) if on_disk is None else on_disk.mark.as_of
        self._tallies = {} if on_disk is None else self._shelf.tallies()
        self._disk_tallies = set(self._tallies)
        self._tally = sum(self._tallies.values())
        self._window = Window(
            self._load,
            self._check,
            horizon=BEGINNING if on_disk is None else on_disk.lowest,
            tasks_max=limits.DUE_WINDOW_TASKS_MAX,
            loaded_tasks_max=limits.DUE_LOAD_TASKS_MAX,
        )

    @property
    def mark(self) -> Mark | None:
        return self._mark

    @property
    def tally(self) -> int:
        return self._tally

    def get(self, task_id: str) -> bytes | None:
        kept = self._kept(task_id)
        return None if kept is None else kept.state

    def expect(self, task_ids: Iterable[str]) -> None:
        self._read([task_id for task_id in task_ids if task_id not in self._fresh])

    def committed_wake(self, task_id: str) -> int | None:
        before = self._before.get(task_id)
        if before is not None:
            return before.wake
        kept = self._kept(task_id)
        return None if kept is None else kept.wake

    def put(
        self,
        task_id: str,
        wake: int | None,
        state: bytes,
        *,
        tally: int = 0,
        woke: int | Unknown | None = UNKNOWN,
    ) -> None:
        self._change(task_id, Kept(wake, tally, state), woke)

    def remove(self, task_id: str, *, woke: int | Unknown | None = UNKNOWN) -> None:
        if woke is not UNKNOWN or self._kept(task_id) is not None:
            self._change(task_id, None, woke)

    def until(self, now: datetime, *, tasks_max: int) -> Sequence[str]:
        return self._window.until(microseconds(now), tasks_max)

    def first(self) -> datetime | None:
        entry = self._window.first()
        return None if entry is None else instant(entry[0])

    def commit(self, task_ids: Iterable[str], mark: Mark) -> None:
        for task_id in task_ids:
            self._before.pop(task_id, None)
        self._mark = mark
        self._reads.clear()
        if self._window.trim():
            horizon = self._window.horizon
            self._swept = {entry: it for entry, it in self._swept.items() if entry < horizon}
        if self._blocked_as_of is None or _apart(mark.as_of, self._blocked_as_of) >= _AGAIN:
            self._flush_in_time(mark)

    def rollback(self) -> None:
        for task_id, before in self._before.items():
            if before.on_disk:
                del self._fresh[task_id], self._disk_wakes[task_id]
                self._window.claim(task_id, before.wake)
            else:
                self._fresh[task_id] = before.kept
                self._window.set(task_id, before.wake)
            self._set_tally(task_id, before.tally)
        self._before.clear()
        self._settled_count = sum(map(_is_settled, self._fresh.values()))

    def clear(self) -> None:
        self._shelf.clear()
        for memory in (self._fresh, self._disk_wakes, self._before, self._reads, self._ahead):
            memory.clear()
        self._swept.clear()
        self._void.clear()
        self._stayed, self._settled_count = set(), 0
        self._take_up()

    def flush(self, *, whole: bool = False) -> None:
        """Write down what is committed; unless `whole`, what will change again soon may wait.

        A run that is out ahead will have ended by the next flush, mostly. What waits changed after
        the flush before: whoever begins at the mark of that one folds it again.
        """
        if self._mark is None:
            return
        waits = self._flushed is not None and not whole
        written = dict[str, Kept | None]()
        left, stayed = dict[str, Kept | None](), set[str]()
        for task_id, kept in self._fresh.items():
            before = self._before.get(task_id)
            if before is not None and before.on_disk:
                left[task_id] = kept
                continue
            committed = kept if before is None else before.kept
            if waits and committed and committed.tally and task_id not in self._stayed:
                stayed.add(task_id)
                left[task_id] = kept
                continue
            written[task_id] = committed
            if before is not None:
                left[task_id] = kept
        mark = self._flushed if stayed and self._flushed is not None else self._mark
        self._shelf.write(self._change_of(written), self._under(mark))
        # From here on it is on disk. What could not be written is as if it had not been tried.
        self._note_written(written)
        for task_id, committed in written.items():
            if task_id in left:
                self._before[task_id] = replace(self._before[task_id], on_disk=True)
                self._disk_wakes[task_id] = None if committed is None else committed.wake
            else:
                del self._disk_wakes[task_id]
        self._fresh, self._stayed, self._flushed = left, stayed, self._mark
        self._settled_count = sum(map(_is_settled, left.values()))

    # --- its own ------------------------------------------------------------------------------

    def _flush_in_time(self, mark: Mark) -> None:
        """Flush where it is time to. Where that fails, as on a full disk, memory has some room."""
        try:
            settled = self._settled_count >= limits.DUE_FRESH_SETTLED_MAX
            if settled or len(self._fresh) >= limits.DUE_FRESH_TASKS_MAX:
                self.flush()
            elif _apart(mark.as_of, self._settled_as_of) >= limits.INDEX_SETTLE_SECONDS:
                # What is in memory only would else grow too old to be trusted after a restart.
                self.flush(whole=True)
                self._shelf.settle()
                self._settled_as_of = mark.as_of
            self._blocked_as_of = None
        except DueIndexError as fault:
            if len(self._fresh) >= limits.DUE_FRESH_TASKS_BLOCKED_MAX:
                raise
            self._blocked_as_of = mark.as_of
            _logger.warning("the due index cannot be written, and waits", reason=str(fault))

    def _kept(self, task_id: str) -> Kept | None:
        if task_id in self._fresh:
            return self._fresh[task_id]
        return self._from_disk(task_id)

    def _from_disk(self, task_id: str) -> Kept | None:
        ahead = self._ahead.get(task_id)
        if ahead is not None:
            return ahead
        if task_id not in self._reads:
            self._read((task_id,))
        return self._reads[task_id]

    def _read(self, task_ids: Sequence[str]) -> None:
        """Read what is on disk and was not read since the last commit."""
        known, ahead = self._reads, self._ahead
        wanted = [task_id for task_id in task_ids if not (task_id in known or task_id in ahead)]
        if not wanted:
            return
        found = self._shelf.tasks(wanted)
        if len(known) + len(wanted) > limits.DUE_READS_KEPT_MAX:
            known.clear()
        known.update(zip(wanted, found, strict=True))

    def _change(self, task_id: str, kept: Kept | None, woke: int | Unknown | None) -> None:
        if task_id not in self._before:
            self._before[task_id] = self._as_committed(task_id, woke)
        if task_id in self._fresh:
            self._settled_count -= _is_settled(self._fresh[task_id])
        self._fresh[task_id] = kept
        self._settled_count += _is_settled(kept)
        self._set_tally(task_id, 0 if kept is None else kept.tally)
        self._window.set(task_id, None if kept is None else kept.wake)

    def _as_committed(self, task_id: str, woke: int | Unknown | None) -> _Before:
        tally = self._tallies.get(task_id, 0)
        if task_id in self._fresh:
            kept = self._fresh[task_id]
            wake = None if kept is None else kept.wake
            return _Before(on_disk=False, kept=kept, wake=wake, tally=tally)
        if woke is UNKNOWN or self._exact:
            kept = self._from_disk(task_id)
            woke = None if kept is None else kept.wake
        assert not isinstance(woke, Unknown)
        self._disk_wakes[task_id] = woke
        if woke is not None:
            self._swept.pop((woke, task_id), None)
        return _Before(on_disk=True, kept=None, wake=woke, tally=tally)

    def _set_tally(self, task_id: str, tally: int) -> None:
        before = self._tallies.pop(task_id, 0)
        if tally:
            self._tallies[task_id] = tally
        self._tally += tally - before

    # --- the disk -----------------------------------------------------------------------------

    def _change_of(self, written: dict[str, Kept | None]) -> Change:
        """Say what a flush of these changes."""
        gone = list(self._void)
        tallies: dict[str, int] = {}
        for task_id, kept in written.items():
            woke = self._disk_wakes[task_id]
            if woke is not None and (kept is None or kept.wake != woke):
                gone.append((woke, task_id))
            if kept is not None and kept.tally:
                tallies[task_id] = kept.tally
            elif task_id in self._disk_tallies:
                tallies[task_id] = 0
        return Change(written, gone, tallies)

    def _note_written(self, written: dict[str, Kept | None]) -> None:
        self._void = []
        for task_id, kept in written.items():
            self._ahead.pop(task_id, None)
            if kept is not None and kept.tally:
                self._disk_tallies.add(task_id)
                self._ahead[task_id] = kept
            else:
                self._disk_tallies.discard(task_id)
        while len(self._ahead) > limits.DUE_AHEAD_KEPT_MAX:
            del self._ahead[next(iter(self._ahead))]

    def _under(self, mark: Mark) -> bytes:
        wakes = [
            (before.wake, task_id)
            for task_id, before in self._before.items()
            if before.wake is not None
        ]
        lowest = min([self._window.lowest(), *wakes])
        return msgspec.json.encode(_OnDisk(mark=mark, lowest=lowest))

    def _load(self, start: Entry, tasks_max: int) -> tuple[Sequence[Entry], Entry]:
        """Give the entries from one on, those in memory among them."""
        on_disk, end = self._shelf.entries(start, tasks_max)
        fresh = self._fresh
        found: list[Entry] = []
        for entry, state in on_disk:
            if entry[1] not in fresh:
                found.append(entry)
                self._swept[entry] = state
        found += (
            (kept.wake, task_id)
            for task_id, kept in fresh.items()
            if kept is not None and kept.wake is not None and start <= (kept.wake, task_id) < end
        )
        return found, end

    def _check(self, entries: Sequence[Entry]) -> list[tuple[str, int | None]]:
        """Say when these wake really; what was swept up with them is known then."""
        fresh, reads, checked = self._fresh, self._reads, list[tuple[str, int | None]]()
        on_disk = [entry for entry in entries if entry[1] not in fresh]
        heads = self._heads(on_disk)
        for entry in entries:
            task_id = entry[1]
            state = self._swept.pop(entry, None)
            if entry not in heads:
                kept = fresh[task_id]
                checked.append((task_id, None if kept is None else kept.wake))
                continue
            wake, tally = heads[entry]
            checked.append((task_id, wake))
            if wake != entry[0]:
                self._void.append(entry)
            elif state is not None:
                reads[task_id] = Kept(wake, tally, state)
        return checked

    def _heads(self, entries: Sequence[Entry]) -> dict[Entry, tuple[int | None, int]]:
        """Say when the tasks of entries on disk wake really, with their tallies."""
        if self._exact:
            return {entry: (entry[0], self._tallies.get(entry[1], 0)) for entry in entries}
        wakes = self._shelf.wakes([task_id for _, task_id in entries])
        return dict(zip(entries, wakes, strict=True))


def _is_settled(kept: Kept | None) -> bool:
    return kept is None or not kept.tally


def _apart(one: datetime, other: datetime) -> float:
    return abs((one - other).total_seconds())
