"""The MongoDB adapter keeps the promises of the read-model port, and those of its own."""

import asyncio
from functools import partial
from typing import Any, Final

import msgspec
import pytest

from duetime.store.mongo import MongoStore, RefusedError
from duetime.store.mongo.schema import Generation
from duetime.store.port import Store, StoreError
from duetime.store.views import TaskDocument
from tests.contract.rebuild_contract import RebuildContract
from tests.contract.store_contract import StoreContract, listed
from tests.support.documents import (
    TASKS_0,
    a_last_run,
    a_run,
    a_task,
    changes,
    finished,
    scheduled,
)
from tests.support.mongo_stores import (
    Opener,
    database,
    generation_of,
    opened,
    server,
    store,
)

pytestmark = pytest.mark.mongo

WAIT_SECONDS: Final = 5.0
TASKS_1: Final = msgspec.structs.replace(TASKS_0, partition=1)


class TestMongoStore(StoreContract):
    @pytest.fixture
    def store(self, store: MongoStore) -> Store:
        return store


class TestMongoRebuild(RebuildContract):
    @pytest.fixture
    def store(self, store: MongoStore) -> MongoStore:
        return store


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


async def test_a_task_that_came_after_it_was_asked_for_is_merged_and_never_replaced(
    opened: Opener,
) -> None:
    ids = [f"t{n}" for n in range(10)]
    tasks = [TaskDocument(task_id=id_, task=a_task(id_), task_offset=4) for id_ in ids]
    runs = [TaskDocument(task_id=id_, last_run=a_last_run(), run_offset=7) for id_ in ids]
    async with opened() as one, opened() as other:
        asked = [await store.load(ids) for store in (one, other)]
        await one.write(changes(*tasks[:5]))
        await other.write(changes(*runs))
        await one.write(changes(*tasks))
        found = await one.load(ids)

    assert [{}, {}] == asked
    assert {
        TaskDocument(
            task_id=id_, task=a_task(id_), task_offset=4, last_run=a_last_run(), run_offset=7
        )
        for id_ in ids
    } == set(found.values())


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
@pytest.mark.parametrize("call", ["positions", "tasks", "rebuild"])
async def test_a_loss_that_another_call_finds_out_meanwhile_is_a_fault_of_the_store(
    opened: Opener, call: str
) -> None:
    ask = {
        "positions": MongoStore.positions,
        "tasks": partial(MongoStore.tasks, items_max=1),
        "rebuild": MongoStore.rebuild,
    }[call]
    async with opened() as store:
        asking = asyncio.create_task(ask(store))  # type: ignore[operator]  # of one store
        await asyncio.sleep(0)
        assert store._looking is not None
        # Another lane's write fails between the end of the look and the turn of who asked for it.
        store._looking.add_done_callback(lambda _look: store._forget())
        with pytest.raises(StoreError, match="lost"):
            await asking


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


async def test_read_models_made_before_a_log_was_known_belong_to_the_first_that_opens_them(
    opened: Opener,
) -> None:
    async with opened(log_id="") as preparing:
        await preparing.prepare()
    async with opened(log_id="one") as first:
        await first.prepare()
    async with opened(log_id="two") as store:
        with pytest.raises(RefusedError, match="built from another log"):
            await store.prepare()
    async with opened(log_id="one") as again:
        await again.prepare()


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
