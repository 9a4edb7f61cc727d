"""What the MongoDB adapter does while MongoDB is away, and what MongoDB deletes by itself.

Each test ill-treats a server of its own.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from deploy.local.ports import free_port
from duetime.limits import (
    EXPIRY_GRACE_SECONDS,
    MONGO_READ_SECONDS_MAX,
    MONGO_SELECT_SECONDS_MAX,
    RETENTION_SECONDS,
)
from duetime.store.mongo import MongoStore
from duetime.store.port import StoreError
from tests.contract.store_contract import listed, listed_runs
from tests.support.documents import NOON, TASKS_0, a_run, at, changes, finished, scheduled
from tests.support.mongo import MongoServer, own_mongod

pytestmark = pytest.mark.mongo

SPARE_SECONDS = 3.0  # for a machine that does other things too
AGES_SECONDS = 100 * 365 * 24 * 3600.0
GONE_SECONDS_MAX = 20.0  # MongoDB looks for what has expired every second here
LOOK_AGAIN_SECONDS = 0.1


@pytest.fixture
def server() -> Iterator[MongoServer]:
    server, end = own_mongod(parameters={"ttlMonitorSleepSecs": "1"})
    yield server
    end()


@asynccontextmanager
async def opened(uri: str, *, retention_seconds: float = AGES_SECONDS) -> AsyncIterator[MongoStore]:
    store = MongoStore.open(uri, database="duetime", retention_seconds=retention_seconds)
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def suspended(server: MongoServer) -> Iterator[None]:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def test_a_server_that_is_suspended_is_a_fault_soon_and_no_longer_than_it_is(
    server: MongoServer,
) -> None:
    async with opened(server.uri) as store:
        await store.write(changes(scheduled("before"), positions={TASKS_0: 1}))
        clock = asyncio.get_running_loop()
        with suspended(server):
            began = clock.time()
            told = await store.passed(TASKS_0, 1, wait_seconds=0.2)
            waited_seconds = clock.time() - began
            writing = asyncio.create_task(
                store.write(changes(scheduled("during", at(1)), positions={TASKS_0: 2}))
            )
            began = clock.time()
            with pytest.raises(StoreError):
                await store.task("before")
            failed_seconds = clock.time() - began
        # The write was under way all the while: its bound is longer.
        await writing

        assert not told
        assert waited_seconds < 0.2 + SPARE_SECONDS
        assert failed_seconds < MONGO_READ_SECONDS_MAX + SPARE_SECONDS
        assert ["before", "during"] == await listed(store)
        assert await store.passed(TASKS_0, 1, wait_seconds=SPARE_SECONDS)


async def test_who_waits_through_a_suspension_is_told_after_it(server: MongoServer) -> None:
    async with opened(server.uri) as reader, opened(server.uri) as writer:
        await writer.write(changes(positions={TASKS_0: 1}))
        waiting = asyncio.create_task(reader.passed(TASKS_0, 1, wait_seconds=30))
        with suspended(server), pytest.raises(StoreError):
            await reader.task("t")
        await writer.write(changes(scheduled("t"), positions={TASKS_0: 2}))

        assert await waiting
        assert ["t"] == await listed(reader)


@pytest.mark.timeout(120)
async def test_a_store_outlives_a_server_that_is_away_at_first() -> None:
    port = free_port()
    uri = f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"
    async with opened(uri) as store:
        clock = asyncio.get_running_loop()
        began = clock.time()
        for asked in (store.prepare(), store.task("t"), store.write(changes(scheduled("t")))):
            with pytest.raises(StoreError):
                await asked
        failed_seconds = clock.time() - began
        told = await store.passed(TASKS_0, 0, wait_seconds=0.1)
        _, end = await asyncio.to_thread(own_mongod, port=port)
        await store.write(changes(scheduled("t"), positions={TASKS_0: 1}))

        assert failed_seconds < 3 * (MONGO_SELECT_SECONDS_MAX + SPARE_SECONDS)
        assert not told
        assert ["t"] == await listed(store)
    await asyncio.to_thread(end)


async def test_a_server_that_died_is_a_fault_and_closing_is_harmless(server: MongoServer) -> None:
    async with opened(server.uri) as store:
        await store.write(changes(scheduled("t"), positions={TASKS_0: 1}))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        for asked in (store.task("t"), store.load(["t"]), store.positions()):
            with pytest.raises(StoreError):
                await asked

        assert not await store.passed(TASKS_0, 9, wait_seconds=0.1)


async def test_runs_expire_by_the_times_of_their_events(server: MongoServer) -> None:
    async with opened(server.uri, retention_seconds=RETENTION_SECONDS) as store:
        young = NOON.replace(year=2100)
        await store.write(changes(a_run("old"), a_run("young", finished_at=young)))
        await until_gone(store, "runs", "old")

        assert ["young"] == await listed_runs(store)


async def test_tasks_expire_only_after_someone_has_read_to_the_end(server: MongoServer) -> None:
    async with opened(server.uri, retention_seconds=RETENTION_SECONDS) as store:
        await store.write(changes(finished("old"), a_run("old")))
        dormant = await expiry_seconds(store)
        await until_gone(store, "runs", "old")
        after_a_pass = await listed(store)
        await store.prune(at(-1), items_max=10)
        armed = await expiry_seconds(store)
        await until_gone(store, "tasks", "old")

        assert (1 << 31) - 1 == dormant
        assert ["old"] == after_a_pass
        assert EXPIRY_GRACE_SECONDS == armed
        assert [] == await listed(store)


async def expiry_seconds(store: MongoStore) -> float:
    assert store._reading is not None
    indexes = await store._reading.tasks.index_information()
    return float(indexes["expiry"]["expireAfterSeconds"])


async def until_gone(store: MongoStore, kind: str, document_id: str) -> None:
    """Wait, bounded, until MongoDB has deleted a document by itself: it tells nobody."""
    assert store._reading is not None
    collection = getattr(store._reading, kind)
    async with asyncio.timeout(GONE_SECONDS_MAX):
        while await collection.find_one({"_id": document_id}) is not None:  # noqa: ASYNC110 -- above
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
