"""The read models in MongoDB, for the distributed system.

Knows how the port's questions reach the live generation, who is told when it changes, and what
happens while MongoDB is away: every call is bounded and raises StoreError, the next one tries anew.
The queries are in `reads` and `writes`, the live generation and the positions in `state`.

Nothing is asked of MongoDB before it is needed: a service starts while MongoDB is away, says so,
and works once it is back. `prepare` lets a composition root find out early.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from duetime.limits import (
    GENERATION_LINGER_SECONDS,
    GENERATION_SECONDS_MAX,
    MONGO_POLL_SECONDS,
    MONGO_PREPARE_SECONDS_MAX,
    MONGO_READ_SECONDS_MAX,
    MONGO_SELECT_SECONDS_MAX,
    RETENTION_SECONDS,
)
from duetime.store.cursors import read_cursor, write_cursor
from duetime.store.filters import EVERYTHING, TaskFilter
from duetime.store.mongo import reads, writes
from duetime.store.mongo.client import Client, RefusedError, ReplacedError, Row, bounded, connect
from duetime.store.mongo.rebuild import MongoRebuild, begin_generation
from duetime.store.mongo.rows import storable
from duetime.store.mongo.schema import (
    Generation,
    create_indexes,
    database_of,
    generation_of,
    let_tasks_expire,
)
from duetime.store.mongo.state import GIVEN_UP, LOST, State, StateDocument
from duetime.store.mongo.writing import Writing
from duetime.store.order import run_list, run_place
from duetime.store.paging import Gathering
from duetime.store.port import Found, Slice, StoreError, TopicPartition, ViewChanges
from duetime.store.progress import Positions
from duetime.store.views import RunDocument, TaskDocument

# Making indexes may take longer, and goes on; nobody waits for that.
_LOOK_SECONDS_MAX: Final = MONGO_SELECT_SECONDS_MAX + MONGO_READ_SECONDS_MAX + 1.0
_CLOSED: Final = "the read models are closed"

# What the running writer began with, by store: these read models it was told the positions of, and
# from them its flushes are folded. Several write through one store, each in a task of its own: when
# one learns of other read models, the rest must not go on into them.
_began_with: ContextVar["Mapping[MongoStore, Generation]"] = ContextVar("began_with", default={})  # noqa: B039 -- replaced, never changed


class MongoStore:
    """Read models in a MongoDB database. One object serves one process, on one event loop."""

    def __init__(
        self,
        *,
        client: Client,
        database: AsyncDatabase[Row],
        log_id: str,
        retention: timedelta,
        linger_seconds: float,
        pinned: str | None = None,
    ) -> None:
        """Take what `open` has made. `pinned`: the generation of a rebuild; None: the live one."""
        self._client: Final = client
        self._database: Final = database
        self._document: Final = StateDocument(database, log_id=log_id)
        self._retention: Final = retention
        self._linger_seconds: Final = linger_seconds
        self._pinned: Final = pinned
        self._log_id: Final = log_id
        self._state: State | None = None
        self._seen_at = 0.0
        self._reading: Generation | None = None
        self._expiring: Generation | None = None
        self._positions = Positions({})
        self._writing: Final = Writing(
            client, self._document, retention, must_be_live=pinned is None
        )
        self._looking: asyncio.Task[None] | None = None
        self._waiting_count = 0
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    def open(
        cls,
        uri: str,
        *,
        database: str,
        tls_ca_file: Path | None = None,
        log_id: str = "",
        retention_seconds: float = RETENTION_SECONDS,
        linger_seconds: float = GENERATION_LINGER_SECONDS,
    ) -> "MongoStore":
        """Make the store for the running event loop; nothing is asked of MongoDB yet.

        `log_id` names the log the read models are built from (`Log.cluster_id`): those of another
        are refused. Raises RefusedError where the address cannot be used.
        """
        client = connect(uri, tls_ca_file=tls_ca_file)
        return cls(
            client=client,
            database=database_of(client, database),
            log_id=log_id,
            retention=timedelta(seconds=retention_seconds),
            linger_seconds=linger_seconds,
        )

    async def prepare(self) -> None:
        """Make the database ready: its state, its indexes. Idempotent; every call does it too.

        Raises RefusedError where waiting does not help, StoreError where MongoDB is away.
        """
        await self._live()

    # --- what readers ask ------------------------------------------------------------------------

    async def task(self, task_id: str) -> TaskDocument | None:
        generation = await self._live()
        if not storable(task_id):
            return None
        async with bounded(self._client, MONGO_READ_SECONDS_MAX):
            return await reads.task(generation, task_id)

    async def find(self, *, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
        generation = await self._live()
        task_ids, run_ids = list(filter(storable, task_ids)), list(filter(storable, run_ids))
        async with bounded(self._client, MONGO_READ_SECONDS_MAX):
            return await reads.find(generation, task_ids, run_ids)

    async def tasks(
        self, *, items_max: int, cursor: str | None = None, wanted: TaskFilter = EVERYTHING
    ) -> Slice[TaskDocument]:
        gathering = Gathering(wanted, items_max=items_max, cursor=cursor)
        generation = await self._live()
        async with bounded(self._client, MONGO_READ_SECONDS_MAX):
            return await reads.page(generation, gathering)

    async def runs(
        self, *, items_max: int, cursor: str | None = None, task_id: str | None = None
    ) -> Slice[RunDocument]:
        of_list = run_list(task_id)
        after = None if cursor is None else read_cursor(of_list, cursor)
        generation = await self._live()
        if task_id is not None and not storable(task_id):
            return Slice(items=[], next_cursor=None)
        async with bounded(self._client, MONGO_READ_SECONDS_MAX):
            found = await reads.runs(generation, task_id, after, items_max + 1)
        page = found[:items_max]
        more = len(found) > items_max
        return Slice(
            items=page, next_cursor=write_cursor(of_list, run_place(page[-1])) if more else None
        )

    async def positions(self) -> Mapping[TopicPartition, int]:
        # Whoever begins to write asks this first: from here on it writes to what it was told about.
        await self.look()
        state, generation = self._known()
        self._begin_with(generation)
        return self._positions_in(state)

    async def passed(self, at: TopicPartition, offset: int, *, wait_seconds: float) -> bool:
        self._check_open()
        if await self._positions.passed(at, offset, wait_seconds=0):
            return True
        if wait_seconds <= 0:
            await self.look()
            return await self._positions.passed(at, offset, wait_seconds=0)
        self._waiting_count += 1
        self._poll_while_someone_waits()
        try:
            return await self._positions.passed(at, offset, wait_seconds=wait_seconds)
        finally:
            self._waiting_count -= 1

    # --- what the projector asks -----------------------------------------------------------------

    async def load(self, task_ids: Sequence[str]) -> Mapping[str, TaskDocument]:
        return await self._writing.load(await self._written(), task_ids)

    async def write(self, changes: ViewChanges) -> None:
        generation = await self._written()
        try:
            await self._writing.write(generation, changes)
        except ReplacedError:
            # Whatever is there now is found out by the next call, which then starts from there.
            self._forget()
            raise
        if generation is self._reading:
            self._positions.advance(changes.positions)

    async def prune(self, before: datetime, *, items_max: int) -> int:
        generation = await self._live()
        async with bounded(self._client, MONGO_PREPARE_SECONDS_MAX):
            count = await writes.prune_runs(generation, before, items_max)
            count += await writes.prune_tasks(
                generation, before, items_max - count, self._retention
            )
            # It has read to the end, or it would not ask: MongoDB may see to the rest by itself.
            if self._expiring is not generation:
                await let_tasks_expire(self._database, generation)
                self._expiring = generation
        return count

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._positions.release()
        ours = [task for task in (self._poller, self._looking) if task is not None]
        for task in ours:
            task.cancel()
        if ours:
            await asyncio.wait(ours)
        await self._writing.close()
        if self._pinned is None:
            # It says goodbye to the server, which may be away.
            with suppress(PyMongoError, TimeoutError):
                async with asyncio.timeout(MONGO_SELECT_SECONDS_MAX):
                    await self._client.close()

    # --- a rebuild -------------------------------------------------------------------------------

    async def rebuild(self) -> "MongoRebuild":
        await self.look()
        state, _ = self._known()
        async with bounded(self._client, MONGO_PREPARE_SECONDS_MAX):
            name = await begin_generation(self._client, self._database, self._document, state)
        views = MongoStore(
            client=self._client,
            database=self._database,
            log_id=self._log_id,
            retention=self._retention,
            linger_seconds=self._linger_seconds,
            pinned=name,
        )
        await views.prepare()
        return MongoRebuild(
            live=self,
            views=views,
            name=name,
            database=self._database,
            document=self._document,
            linger_seconds=self._linger_seconds,
        )

    # --- which generation ------------------------------------------------------------------------

    async def _live(self) -> Generation:
        """Give the generation to read, as it was known a moment ago at most."""
        now = asyncio.get_running_loop().time()
        if self._reading is None or now - self._seen_at > GENERATION_SECONDS_MAX:
            await self._look()
        self._check_open()
        return self._known()[1]

    def _known(self) -> tuple[State, Generation]:
        """Give what a look ended in; another call may have found out meanwhile that it is lost."""
        if self._state is None or self._reading is None:
            raise ReplacedError(LOST)
        return self._state, self._reading

    async def _written(self) -> Generation:
        """Give the generation to write: the one that this writer asked the positions of."""
        self._check_open()
        generation = _began_with.get().get(self)
        if generation is None:
            generation = await self._live()
            self._begin_with(generation)
        return generation

    def _begin_with(self, generation: Generation) -> None:
        _began_with.set({**_began_with.get(), self: generation})

    async def look(self) -> None:
        """See what is live now, and how far it has come; one look that began earlier is not it."""
        if self._looking is not None and not self._looking.done():
            await asyncio.wait([self._looking], timeout=_LOOK_SECONDS_MAX)
        await self._look()

    async def _look(self) -> None:
        """The same, but all who ask at once share one look."""
        self._check_open()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._see(), name="mongo state")
        looking = self._looking
        # Not awaited as such: one who gives up must not end it for the others.
        done, _ = await asyncio.wait([looking], timeout=_LOOK_SECONDS_MAX)
        if not done:
            raise StoreError("the read models are being made ready")
        if looking.cancelled():
            raise StoreError(_CLOSED)
        looking.result()

    async def _see(self) -> None:
        looked_at = asyncio.get_running_loop().time()
        if self._reading is None:
            await self._make_ready()
        else:
            await self._look_again()
        self._seen_at = looked_at
        assert self._state is not None, "there is no generation without a state"
        self._positions.advance(self._positions_in(self._state))

    async def _make_ready(self) -> None:
        async with bounded(self._client, MONGO_READ_SECONDS_MAX):
            await self._check_server()
            state = await self._document.read_or_create()
            generation = generation_of(self._database, self._pinned or state.active)
        async with bounded(self._client, MONGO_PREPARE_SECONDS_MAX):
            await create_indexes(generation)
        self._state, self._reading = state, generation

    async def _look_again(self) -> None:
        try:
            async with bounded(self._client, MONGO_READ_SECONDS_MAX):
                state = await self._document.read()
            name = self._name_in(state)
        except ReplacedError:
            self._forget()
            raise
        if name != self._known()[1].name:
            self._reading = generation_of(self._database, name)
            self._judge_positions(self._positions_in(state))
        self._state = state

    def _judge_positions(self, positions: Mapping[TopicPartition, int]) -> None:
        """Forget how far the read models had come where others, made anew, are not as far."""
        known = self._positions.known()
        if any(positions.get(at, 0) < offset for at, offset in known.items()):
            self._positions.release()
            self._positions = Positions({})

    def _name_in(self, state: State) -> str:
        name = self._pinned or state.active
        if name not in state.positions_of:
            raise ReplacedError(GIVEN_UP)
        return name

    def _forget(self) -> None:
        """Know nothing any more: what was known is gone, and the next call finds out."""
        self._state = self._reading = self._expiring = None
        self._positions.release()
        self._positions = Positions({})

    async def _check_server(self) -> None:
        hello = await self._client.admin.command("hello")
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise RefusedError(
                "this MongoDB is a standalone server: Duetime needs a replica set (one of a single "
                "member will do: mongod --replSet, then replSetInitiate) or a sharded cluster"
            )

    def _positions_in(self, state: State) -> Mapping[TopicPartition, int]:
        return state.positions_of.get(self._pinned or state.active, {})

    # --- who waits -------------------------------------------------------------------------------

    def _poll_while_someone_waits(self) -> None:
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="mongo positions")

    async def _poll(self) -> None:
        while self._waiting_count and not self._closed:
            # Those who wait give up by themselves; whoever asks anything else hears of a fault.
            with suppress(StoreError):
                await self._look()
            await asyncio.sleep(MONGO_POLL_SECONDS)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(_CLOSED)
