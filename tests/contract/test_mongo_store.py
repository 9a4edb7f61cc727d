"""The MongoDB adapter keeps the promises of the read-model port, and those of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import msgspec
import pytest

from duetime.events.types import Definition, PythonAction
from duetime.store.cursors import Place
from duetime.store.mongo import MongoStore, RefusedError, reads
from duetime.store.mongo.schema import Generation
from duetime.store.mongo.sharding import apply_sharding, is_sharded, plan_sharding
from duetime.store.order import RESTING, WAITING
from duetime.store.port import Store, StoreError
from duetime.store.views import TaskDocument
from tests.contract.rebuild_contract import RebuildContract
from tests.contract.store_contract import StoreContract, listed, listed_runs
from tests.support.documents import (
    NOON,
    TASKS_0,
    a_last_run,
    a_run,
    a_task,
    at,
    changes,
    finished,
    scheduled,
)
from tests.support.mongo import MongoServer, mongo_server

pytestmark = pytest.mark.mongo

AGES_SECONDS: Final = 100 * 365 * 24 * 3600.0  # the suite's events are old: nothing is to expire
WAIT_SECONDS: Final = 5.0
TASKS_1: Final = msgspec.structs.replace(TASKS_0, partition=1)

Opener = Callable[..., AbstractAsyncContextManager[MongoStore]]


@pytest.fixture(scope="session")
def server() -> MongoServer:
    return mongo_server()


@pytest.fixture
def database(server: MongoServer) -> Iterator[str]:
    name = server.database_name()
    yield name
    server.drop(name)


@pytest.fixture
def opened(server: MongoServer, database: str) -> Opener:
    """Open stores on one database, as several processes do."""

    @asynccontextmanager
    async def opener(*, log_id: str = "") -> AsyncIterator[MongoStore]:
        store = MongoStore.open(
            server.uri,
            database=database,
            log_id=log_id,
            retention_seconds=AGES_SECONDS,
            linger_seconds=0,
        )
        try:
            yield store
        finally:
            await store.close()

    return opener


@pytest.fixture
async def store(opened: Opener) -> AsyncIterator[MongoStore]:
    async with opened() as store:
        yield store


class TestMongoStore(StoreContract):
    @pytest.fixture
    def store(self, store: MongoStore) -> Store:
        return store


class TestMongoRebuild(RebuildContract):
    @pytest.fixture
    def store(self, store: MongoStore) -> MongoStore:
        return store


def generation_of(store: MongoStore) -> Generation:
    assert store._reading is not None
    return store._reading


async def edit_state(store: MongoStore, change: dict[str, Any]) -> None:
    await store._database["state"].update_one({"_id": "read_models"}, change)


# --- processes beside each other -----------------------------------------------------------------


async def test_what_one_process_wrote_another_one_is_told_of(opened: Opener) -> None:
    async with opened() as writer, opened() as reader:
        waiting = asyncio.create_task(reader.passed(TASKS_0, 3, wait_seconds=WAIT_SECONDS))
        await writer.write(changes(scheduled("t"), positions={TASKS_0: 3}))
        await writer.write(changes(scheduled("u"), positions={TASKS_0: 4}))

        assert await waiting
        assert ["t", "u"] == await listed(reader)
        assert await reader.passed(TASKS_0, 3, wait_seconds=0)


async def test_nobody_polls_while_nobody_waits(opened: Opener) -> None:
    async with opened() as store:
        idle = store._poller
        told = await asyncio.gather(
            *(store.passed(TASKS_0, 0, wait_seconds=0.05) for _ in range(10))
        )
        poller = store._poller

        assert idle is None
        assert [False] * 10 == told
        assert poller is not None
        async with asyncio.timeout(WAIT_SECONDS):
            await poller


async def test_writers_of_the_same_tasks_end_in_one_state(opened: Opener) -> None:
    ids = [f"t{n}" for n in range(50)]
    async with opened() as one, opened() as other:
        for offset in range(5):
            await asyncio.gather(
                one.write(
                    changes(
                        *(
                            TaskDocument(task_id=id_, task=a_task(id_), task_offset=offset)
                            for id_ in ids
                        )
                    )
                ),
                other.write(
                    changes(
                        *(
                            TaskDocument(task_id=id_, last_run=a_last_run(), run_offset=offset)
                            for id_ in ids
                        )
                    )
                ),
            )

        expected = {
            id_: TaskDocument(
                task_id=id_, task=a_task(id_), task_offset=4, last_run=a_last_run(), run_offset=4
            )
            for id_ in ids
        }
        assert expected == await one.load(ids)
        assert sorted(ids) == sorted(await listed(other))


async def test_readers_follow_a_rebuild_that_took_over(opened: Opener) -> None:
    async with opened() as builder, opened() as reader:
        await builder.write(changes(scheduled("old"), positions={TASKS_0: 1}))
        before = await listed(reader)
        building = await builder.rebuild()
        await building.views.write(changes(scheduled("new"), positions={TASKS_0: 2}))
        await building.activate()
        told = await reader.passed(TASKS_0, 1, wait_seconds=WAIT_SECONDS)
        after = await listed(reader)
        await building.close()

        assert ["old"] == before
        assert told
        assert ["new"] == after


@pytest.mark.promise("P6")
async def test_a_writer_of_what_was_replaced_starts_from_what_took_over(opened: Opener) -> None:
    async with opened() as builder, opened() as writer:
        await writer.write(changes(scheduled("a"), positions={TASKS_0: 1}))
        building = await builder.rebuild()
        await building.views.write(changes(scheduled("a"), positions={TASKS_0: 1}))
        await building.activate()
        await building.close()
        late = changes(scheduled("b", offset=1), positions={TASKS_0: 2})

        with pytest.raises(StoreError, match="replaced"):
            await writer.write(late)

        assert {TASKS_0: 1} == await writer.positions()
        await writer.write(late)
        assert ["a", "b"] == await listed(builder)


@pytest.mark.promise("P6")
async def test_a_flush_folded_from_what_was_replaced_is_refused(opened: Opener) -> None:
    async with opened() as builder, opened() as writer:
        await writer.write(changes(scheduled("t"), positions={TASKS_0: 1}))
        await writer.load(["t"])
        building = await builder.rebuild()
        await building.views.write(changes(scheduled("t"), positions={TASKS_0: 1}))
        await building.activate()
        # Another partition of the same process has met the change already.
        await asyncio.create_task(positions_in_a_task_of_its_own(writer))

        with pytest.raises(StoreError, match="replaced"):
            await writer.write(changes(finished("t", offset=1), positions={TASKS_0: 2}))
        await building.close()
        assert {TASKS_0: 1} == await builder.positions()


async def positions_in_a_task_of_its_own(store: MongoStore) -> None:
    await store.positions()


async def test_collections_that_were_replaced_are_dropped(opened: Opener) -> None:
    async with opened() as store:
        await store.write(changes(scheduled("t"), a_run(), positions={TASKS_0: 1}))
        for _ in range(2):
            building = await store.rebuild()
            await building.views.write(changes(scheduled("t"), a_run(), positions={TASKS_0: 1}))
            await building.activate()
            await building.close()
        abandoned = await store.rebuild()
        await abandoned.close()

        names = set(await store._database.list_collection_names())
        live = generation_of(store)
        assert {"state", live.tasks.name, live.runs.name} == names


@pytest.mark.promise("P6")
async def test_a_database_that_is_emptied_is_filled_from_the_beginning(opened: Opener) -> None:
    async with opened() as projector, opened() as reader:
        await projector.write(changes(scheduled("t"), positions={TASKS_0: 100}))
        seen = await reader.passed(TASKS_0, 99, wait_seconds=WAIT_SECONDS)
        await projector._client.drop_database(projector._database.name)

        with pytest.raises(StoreError):
            await projector.write(changes(scheduled("u"), positions={TASKS_0: 101}))
        with pytest.raises(StoreError):
            await reader.positions()

        assert seen
        assert {} == await projector.positions()
        assert not await reader.passed(TASKS_0, 99, wait_seconds=0)
        await projector.write(changes(scheduled("t"), positions={TASKS_0: 1}))
        assert ["t"] == await listed(reader)


@pytest.mark.promise("P6")
async def test_of_several_who_write_through_one_store_each_begins_anew_after_a_loss(
    opened: Opener,
) -> None:
    async with opened() as store:
        lost, refilling = asyncio.Event(), asyncio.Event()

        async def another_lane() -> None:
            await store.positions()
            lost.set()
            await refilling.wait()
            with pytest.raises(StoreError):
                await store.write(changes(scheduled("u"), positions={TASKS_1: 101}))

        writing = asyncio.create_task(another_lane())
        await lost.wait()
        await store.positions()
        await store._client.drop_database(store._database.name)
        with pytest.raises(StoreError):
            await store.write(changes(scheduled("t"), positions={TASKS_0: 101}))
        await store.positions()
        await store.write(changes(scheduled("t"), positions={TASKS_0: 1}))
        refilling.set()
        await writing

        assert {TASKS_0: 1} == await store.positions()
        assert ["t"] == await listed(store)


@pytest.mark.promise("P6")
async def test_a_database_made_again_by_another_takes_no_later_position(opened: Opener) -> None:
    async with opened() as sleeper, opened() as other:
        await sleeper.write(changes(scheduled("t"), positions={TASKS_0: 100}))
        await other._client.drop_database(other._database.name)
        await other.prepare()

        with pytest.raises(StoreError, match="replaced"):
            await sleeper.write(changes(scheduled("u"), positions={TASKS_0: 101}))
        assert {} == await other.positions()
        assert {} == await other.load(["t", "u"])


async def test_readers_forget_how_far_an_emptied_database_had_come(opened: Opener) -> None:
    async with opened() as reader, opened() as other:
        await other.write(changes(positions={TASKS_0: 100}))
        before = await reader.passed(TASKS_0, 99, wait_seconds=WAIT_SECONDS)
        await other._client.drop_database(other._database.name)
        async with opened() as newcomer:
            await newcomer.prepare()
        positions = await reader.positions()

        assert before
        assert {} == positions
        assert not await reader.passed(TASKS_0, 99, wait_seconds=0)


# --- what is refused -----------------------------------------------------------------------------


async def test_a_newer_format_is_refused_with_a_sentence(opened: Opener) -> None:
    async with opened() as store:
        await store.prepare()
        await edit_state(store, {"$set": {"format": 2}})
    async with opened() as store:
        with pytest.raises(RefusedError, match="format 2, and this Duetime knows formats up to 1"):
            await store.prepare()
        with pytest.raises(StoreError, match="format 2"):
            await store.task("t")


async def test_read_models_of_another_log_are_refused_with_a_sentence(opened: Opener) -> None:
    async with opened(log_id="one") as store:
        await store.prepare()
    async with opened(log_id="two") as store:
        with pytest.raises(RefusedError, match="built from another log"):
            await store.prepare()


@pytest.mark.parametrize("uri", ["mongodb://ada:s3cret@:x/", "mongodb://", "http://h"])
async def test_an_address_that_cannot_be_used_is_refused_without_its_password(uri: str) -> None:
    with pytest.raises(RefusedError) as refused:
        MongoStore.open(uri, database="d")

    assert "cannot be used" in str(refused.value)
    assert "s3cret" not in str(refused.value)


async def test_a_closed_store_says_that_it_is_closed(store: MongoStore) -> None:
    waiting = asyncio.create_task(store.passed(TASKS_0, 0, wait_seconds=60))
    await asyncio.sleep(0)
    await store.close()

    assert not await waiting
    for asked in (
        store.task("t"),
        store.tasks(items_max=1),
        store.positions(),
        store.passed(TASKS_0, 0, wait_seconds=0),
        store.write(changes()),
        store.load([]),
    ):
        with pytest.raises(StoreError, match="closed"):
            await asked


# --- how it lies there ---------------------------------------------------------------------------


async def test_text_that_looks_like_a_command_is_only_text(store: MongoStore) -> None:
    args = {
        "$set": {"a.b": "$$ROOT"},
        "": [{"$literal": 1}],
        "x\x00y": "$task_offset",
        "n": 1 << 70,
    }
    action = PythonAction(name="$where", args=args)
    task = msgspec.structs.replace(
        a_task("$t.x", description="$_id"),
        definition=Definition(description="$description", time=NOON, action=action),
    )
    document = TaskDocument(task_id="$t.x", task=task, task_offset=0)
    for offset in (0, 1):
        await store.write(
            changes(
                msgspec.structs.replace(document, task_offset=offset), a_run("$r", task_id="$t.x")
            )
        )

    assert msgspec.structs.replace(document, task_offset=1) == await store.task("$t.x")
    assert ["$r"] == await listed_runs(store, task_id="$t.x")


async def test_every_list_is_read_from_its_index(store: MongoStore) -> None:
    tied = [scheduled(f"w{n:03}", at(n // 100)) for n in range(300)]
    resting = [finished(f"r{n:03}", at(n // 100)) for n in range(300)]
    runs = [a_run(f"{n:03}", task_id=f"t{n % 2}", finished_at=at(n // 100)) for n in range(300)]
    await store.write(changes(*tied, *resting, *runs))
    kept = generation_of(store)
    far = scheduled("w", at(1)).next_due_at
    assert far is not None
    section = {
        name: Place(kind, int(at(1).timestamp() * 1_000_000), f"{name}150")
        for name, kind in (("w", WAITING), ("r", RESTING), ("", 0))
    }

    for question in (
        reads.waiting(kept, None, 10),
        reads.waiting(kept, section["w"], 10),
        reads.resting(kept, None, 10),
        reads.resting(kept, section["r"], 10),
        reads.newest_runs(kept, None, None, 10),
        reads.newest_runs(kept, None, section[""], 10),
        reads.newest_runs(kept, "t1", None, 10),
        reads.newest_runs(kept, "t1", section[""], 10),
    ):
        plan = await question.explain()
        stages = set(stages_of(plan["queryPlanner"]["winningPlan"]))
        examined = plan["executionStats"]["totalDocsExamined"]
        keys = plan["executionStats"]["totalKeysExamined"]

        assert "IXSCAN" in stages
        assert set() == stages & {"COLLSCAN", "SORT", "SKIP"}
        assert examined <= 12
        assert keys <= 12


async def test_what_is_pruned_is_found_by_an_index(store: MongoStore) -> None:
    await store.write(changes(finished("t", at(-1)), a_run()))
    tasks = generation_of(store).tasks
    plan = await tasks.find({"expires_at": {"$lte": at(0)}}, sort=[("expires_at", 1)]).explain()

    assert {"IXSCAN", "FETCH"} == set(stages_of(plan["queryPlanner"]["winningPlan"]))


def stages_of(plan: dict[str, Any]) -> Iterator[str]:
    """Name the stages of a plan, the inner ones too."""
    yield plan["stage"]
    for inner in (*plan.get("inputStages", []), *filter(None, [plan.get("inputStage")])):
        yield from stages_of(inner)


async def test_only_what_has_ended_carries_a_time_to_live(store: MongoStore) -> None:
    await store.write(changes(scheduled("waits"), finished("ended", offset=1), a_run()))
    again = a_task(time=at(900), revision=2, time_revision=2, updated_at=at(1))
    tasks = generation_of(store).tasks
    ended = await tasks.find_one({"_id": "ended"})
    await store.write(changes(TaskDocument(task_id="ended", task=again, task_offset=2)))
    rows = await tasks.find({"expires_at": {"$exists": True}}).to_list()

    assert ended is not None
    assert "expires_at" in ended
    assert [] == rows


# --- shards --------------------------------------------------------------------------------------


def test_the_plan_of_a_cluster_names_the_shard_keys() -> None:
    assert [
        {"enableSharding": "duetime"},
        {"shardCollection": "duetime.tasks_g", "key": {"_id": "hashed"}},
        {"shardCollection": "duetime.runs_g", "key": {"task_id": 1, "nominal_at": 1}},
    ] == plan_sharding("duetime", "g")


async def test_a_replica_set_is_not_spread_over_shards(store: MongoStore, database: str) -> None:
    await store.prepare()

    with pytest.raises(RefusedError, match="no sharded cluster"):
        await apply_sharding(store._client, database, "g")
    assert not await is_sharded(store._client, database, "g")
