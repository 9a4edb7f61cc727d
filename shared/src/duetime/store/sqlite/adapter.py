"""The read models in a SQLite file (views.db), for the embedded mode.

Knows how the port's questions spread over three threads: one writes, one looks up, one lists, so
that a long list keeps neither a write nor a look-up waiting. The statements are in `reads` and
`writes`, the file's format in `schema`.
A rebuild fills a file of its own, which is then put in the place of this one; whoever asks
meanwhile waits for the moment that it takes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from duetime.limits import STORE_WRITES_PER_COMMIT_MAX
from duetime.store.cursors import read_cursor, write_cursor
from duetime.store.filters import EVERYTHING, TaskFilter
from duetime.store.order import run_list, run_place
from duetime.store.paging import Gathering
from duetime.store.port import Found, Slice, StoreError, TopicPartition, ViewChanges
from duetime.store.progress import Positions
from duetime.store.sqlite import reads, writes
from duetime.store.sqlite.lane import Lane
from duetime.store.sqlite.rebuild import SqliteRebuild, beside, remove
from duetime.store.sqlite.schema import connector, prepare, set_up_writer
from duetime.store.views import RunDocument, TaskDocument


class _Lanes(NamedTuple):
    write: Lane
    look_up: Lane
    listing: Lane

    async def close(self) -> None:
        for lane in self:
            await lane.close()


class SqliteStore:
    """Read models in a file; `passed` answers for this process, which writes it alone."""

    def __init__(self, *, path: Path, log_id: str, lanes: _Lanes, positions: Positions) -> None:
        """Take what `open` has made ready."""
        self._path: Final = path
        self._log_id: Final = log_id
        self._lanes = lanes
        self._passable = asyncio.Event()
        self._passable.set()
        self._positions: Final = positions
        self._rebuild: SqliteRebuild[SqliteStore] | None = None
        self._closed = False
        self.set_aside: str | None = None
        """Why an earlier file was set aside, as a sentence to be logged; None where none was."""

    @classmethod
    async def open(cls, path: Path, *, log_id: str = "") -> "SqliteStore":
        """Open the file, or make it. `log_id` names the log it is built from (`Log.cluster_id`).

        A file that is torn, older, or of another log is moved aside and `set_aside` says so: all
        positions are then 0 again. Raises StoreError where the file is newer than this program.
        """
        lanes, positions, set_aside = await _opened(path, log_id)
        store = cls(path=path, log_id=log_id, lanes=lanes, positions=Positions(positions))
        store.set_aside = set_aside
        return store

    async def task(self, task_id: str) -> TaskDocument | None:
        if not _storable(task_id):
            return None
        return await (await self._open()).look_up.ask(partial(reads.task, task_id=task_id))

    async def find(self, *, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
        task_ids, run_ids = list(filter(_storable, task_ids)), list(filter(_storable, run_ids))
        return await (await self._open()).look_up.ask(
            partial(reads.find, task_ids=task_ids, run_ids=run_ids)
        )

    async def tasks(
        self, *, items_max: int, cursor: str | None = None, wanted: TaskFilter = EVERYTHING
    ) -> Slice[TaskDocument]:
        gathering = Gathering(wanted, items_max=items_max, cursor=cursor)
        return await (await self._open()).listing.ask(partial(reads.page, gathering=gathering))

    async def runs(
        self, *, items_max: int, cursor: str | None = None, task_id: str | None = None
    ) -> Slice[RunDocument]:
        of_list = run_list(task_id)
        after = None if cursor is None else read_cursor(of_list, cursor)
        if task_id is not None and not _storable(task_id):
            return Slice(items=[], next_cursor=None)
        found = await (await self._open()).listing.ask(
            partial(reads.runs, task_id=task_id, after=after, count=items_max + 1)
        )
        page = found[:items_max]
        more = len(found) > items_max
        return Slice(
            items=page, next_cursor=write_cursor(of_list, run_place(page[-1])) if more else None
        )

    async def positions(self) -> Mapping[TopicPartition, int]:
        self._check_open()
        return self._positions.known()

    async def passed(self, at: TopicPartition, offset: int, *, wait_seconds: float) -> bool:
        self._check_open()
        return await self._positions.passed(at, offset, wait_seconds=wait_seconds)

    async def load(self, task_ids: Sequence[str]) -> Mapping[str, TaskDocument]:
        storable = [task_id for task_id in task_ids if _storable(task_id)]
        return await (await self._open()).look_up.ask(partial(reads.load, task_ids=storable))

    async def write(self, changes: ViewChanges) -> None:
        await (await self._open()).write.ask(partial(writes.write, changes=changes))
        self._positions.advance(changes.positions)

    async def prune(self, before: datetime, *, items_max: int) -> int:
        return await (await self._open()).write.ask(
            partial(writes.prune, before=before, items_max=items_max)
        )

    async def close(self) -> None:
        self._closed = True
        await self._lanes.close()
        self._positions.release()

    async def rebuild(self) -> "SqliteRebuild[SqliteStore]":
        self._check_open()
        if self._rebuild is not None:
            await self._rebuild.give_up()
        path = beside(self._path)
        remove(path)
        views = await SqliteStore.open(path, log_id=self._log_id)
        self._rebuild = SqliteRebuild(live=self, views=views, path=path)
        return self._rebuild

    async def replace_by(self, views: "SqliteStore") -> bool:
        """Take over the file of `views` if it has been read as far; say whether it is so.

        `views` is closed then. A crash leaves the one file or the other.
        """
        self._check_open()
        self._passable.clear()
        try:
            # The last question to this file: every write that was asked before it is done.
            live = await self._lanes.write.ask(reads.positions)
            built = await views.positions()
            if any(built.get(at, 0) < offset for at, offset in live.items()):
                return False
            # Closed by its last connection, a file is whole without its write-ahead log.
            await self._lanes.close()
            await views.close()
            await asyncio.to_thread(views._path.replace, self._path)  # noqa: SLF001 -- another of this class
            self._lanes, positions, _ = await _opened(self._path, self._log_id)
            self._positions.advance(positions)
            return True
        finally:
            self._passable.set()

    async def _open(self) -> "_Lanes":
        """Give the lanes, after a replacement that is under way."""
        if not self._passable.is_set():
            await self._passable.wait()
        self._check_open()
        return self._lanes

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the read models are closed")


async def _opened(
    path: Path, log_id: str
) -> tuple[_Lanes, Mapping[TopicPartition, int], str | None]:
    """Open the lanes of a file; give them, its positions, and why an earlier one was set aside."""
    set_aside: list[str | None] = []

    def connect_writer() -> apsw.Connection:
        set_aside.append(prepare(path, log_id))
        connection = connector(path, reading=False)()
        set_up_writer(connection)
        return connection

    write = Lane("views-write", connect_writer, together_max=STORE_WRITES_PER_COMMIT_MAX)
    try:
        positions = await write.ask(reads.positions)
    except BaseException:
        await write.close()
        raise
    lanes = _Lanes(
        write=write,
        look_up=Lane("views-look-up", connector(path, reading=True)),
        listing=Lane("views-list", connector(path, reading=True)),
    )
    return lanes, positions, set_aside[-1]


def _storable(task_id: str) -> bool:
    """Whether it is text that SQLite can hold: half a surrogate pair is in no id that we gave."""
    return not any("\ud800" <= character <= "\udfff" for character in task_id)
