"""The read models in a SQLite file (views.db), for the embedded mode.

Knows how the port's questions spread over three threads: one writes, one looks up, one lists, so
that a long list keeps neither a write nor a look-up waiting. The statements are in `reads` and
`writes`, the file's format in `schema`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

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
from duetime.store.sqlite.schema import connector, prepare, set_up_writer
from duetime.store.views import RunDocument, TaskDocument


class SqliteStore:
    """Read models in a file; `passed` answers for this process, which writes it alone."""

    def __init__(self, *, write: Lane, look_up: Lane, listing: Lane, positions: Positions) -> None:
        """Take what `open` has made ready."""
        self._write: Final = write
        self._look_up: Final = look_up
        self._listing: Final = listing
        self._positions: Final = positions
        self.set_aside: str | None = None
        """Why an earlier file was set aside, as a sentence to be logged; None where none was."""

    @classmethod
    async def open(cls, path: Path, *, log_id: str = "") -> "SqliteStore":
        """Open the file, or make it. `log_id` names the log it is built from (`Log.cluster_id`).

        A file that is torn, older, or of another log is moved aside and `set_aside` says so: all
        positions are then 0 again. Raises StoreError where the file is newer than this program.
        """
        set_aside: list[str | None] = []

        def connect_writer() -> apsw.Connection:
            set_aside.append(prepare(path, log_id))
            connection = connector(path, reading=False)()
            set_up_writer(connection)
            return connection

        write = Lane("views-write", connect_writer, together_max=STORE_WRITES_PER_COMMIT_MAX)
        try:
            positions = Positions(await write.ask(reads.positions))
        except BaseException:
            await write.close()
            raise
        store = cls(
            write=write,
            look_up=Lane("views-look-up", connector(path, reading=True)),
            listing=Lane("views-list", connector(path, reading=True)),
            positions=positions,
        )
        store.set_aside = set_aside[-1]
        return store

    async def task(self, task_id: str) -> TaskDocument | None:
        if not _storable(task_id):
            return None
        return await self._look_up.ask(partial(reads.task, task_id=task_id))

    async def find(self, *, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
        task_ids, run_ids = list(filter(_storable, task_ids)), list(filter(_storable, run_ids))
        return await self._look_up.ask(partial(reads.find, task_ids=task_ids, run_ids=run_ids))

    async def tasks(
        self, *, items_max: int, cursor: str | None = None, wanted: TaskFilter = EVERYTHING
    ) -> Slice[TaskDocument]:
        gathering = Gathering(wanted, items_max=items_max, cursor=cursor)
        return await self._listing.ask(partial(reads.page, gathering=gathering))

    async def runs(
        self, *, items_max: int, cursor: str | None = None, task_id: str | None = None
    ) -> Slice[RunDocument]:
        of_list = run_list(task_id)
        after = None if cursor is None else read_cursor(of_list, cursor)
        if task_id is not None and not _storable(task_id):
            return Slice(items=[], next_cursor=None)
        found = await self._listing.ask(
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
        return await self._look_up.ask(partial(reads.load, task_ids=storable))

    async def write(self, changes: ViewChanges) -> None:
        await self._write.ask(partial(writes.write, changes=changes))
        self._positions.advance(changes.positions)

    async def prune(self, before: datetime, *, items_max: int) -> int:
        return await self._write.ask(partial(writes.prune, before=before, items_max=items_max))

    async def close(self) -> None:
        for lane in (self._write, self._look_up, self._listing):
            await lane.close()
        self._positions.release()

    def _check_open(self) -> None:
        if self._write.closed:
            raise StoreError("the read models are closed")


def _storable(task_id: str) -> bool:
    """Whether it is text that SQLite can hold: half a surrogate pair is in no id that we gave."""
    return not any("\ud800" <= character <= "\udfff" for character in task_id)
