"""What the MongoDB adapter stores, how it finds it, and how long it keeps it."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest

from duetime.events.types import Definition, PythonAction
from duetime.store.cursors import Place
from duetime.store.mongo import MongoStore, RefusedError, reads
from duetime.store.mongo.sharding import apply_sharding, is_sharded, plan_sharding
from duetime.store.order import RESTING, WAITING
from duetime.store.views import TaskDocument
from tests.contract.store_contract import listed_runs
from tests.support.documents import (
    NOON,
    TASKS_0,
    a_run,
    a_task,
    at,
    changes,
    finished,
    scheduled,
)
from tests.support.mongo_stores import (
    database,
    generation_of,
    opened,
    server,
    store,
)

pytestmark = pytest.mark.mongo

WAIT_SECONDS: Final = 5.0
TASKS_1: Final = msgspec.structs.replace(TASKS_0, partition=1)


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
