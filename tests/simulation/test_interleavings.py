"""Interleavings that were found by a seed or argued on paper, each as a history of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from duetime.log.partitioner import partition_of
from duetime.log.port import Record
from duetime.log.topics import Topic
from tests.simulation.history import FaultKind
from tests.simulation.run import Verdict, run_script, run_seed
from tests.simulation.stories import ask, task_due, until
from tests.simulation.switches import draw_switches
from tests.simulation.target import ACTION_NAME
from tests.simulation.workload import Workload
from tests.simulation.world import World

SPAN_SECONDS = 20.0


def live(script: Callable[[World], Awaitable[None]], **chosen: object) -> Verdict:
    """Live through a history with two processes of each service and no fault but the script's."""
    switches = replace(
        draw_switches(0),
        apis=2,
        timers=2,
        executors=2,
        projectors=2,
        kinds=(),
        span_seconds=SPAN_SECONDS,
    )
    return run_script(replace(switches, **chosen), script)  # type: ignore[arg-type] # any switch


@pytest.mark.parametrize("role", ["timer", "executor", "projector"])
def test_a_process_that_begins_while_the_log_is_away_joins_when_it_is_back(role: str) -> None:
    """Found by seed 8: it died of the first refusal, again and again."""

    async def script(world: World) -> None:
        world.crash(f"{role}-1")
        world.network.log_away = True
        world.start(f"{role}-1")
        await asyncio.sleep(5.0)
        world.network.log_away = False
        await Workload(world).run(world.now + SPAN_SECONDS)

    assert [] == live(script).violations


def test_a_projector_outlives_a_database_that_is_away_when_it_takes_a_partition_up() -> None:
    """Found by seed 24: reading the positions raised, and that ended the process."""

    async def script(world: World) -> None:
        world.network.store_away = True
        await asyncio.sleep(5.0)
        world.network.store_away = False
        await Workload(world).run(world.now + SPAN_SECONDS)

    assert [] == live(script).violations


@pytest.mark.promise("P4")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_change_wins_over_a_timer_that_slept_through_it(method: str) -> None:
    """Found by seed 207: what left late, unaware of the change, was delivered again after it."""

    async def script(world: World) -> None:
        await asyncio.sleep(4.0)
        task = await ask(world, "POST", "/tasks", task_due(17.0))
        await asyncio.sleep(6.0 - world.now)
        world.suspend("timer-1")
        await asyncio.sleep(10.0 - world.now)
        changed = task_due(600.0) if method == "PUT" else None
        await ask(world, method, f"/tasks/{task['id']}", changed)
        await asyncio.sleep(20.0 - world.now)
        world.processes["timer-1"].resume()

    verdict = live(script, timers=1)

    assert [] == verdict.violations
    assert [] == verdict.evidence.starts


@pytest.mark.promise("P5")
def test_a_lost_run_of_a_task_that_cannot_be_read_leaves_a_record() -> None:
    """Found by seed 629: what was to be delivered again was held back without a word."""

    async def script(world: World) -> None:
        await asyncio.sleep(4.0)
        task = await ask(world, "POST", "/tasks", task_due(17.0))
        world.network.next_fault = FaultKind.TORN_TRANSACTION
        await asyncio.sleep(20.0 - world.now)
        key = task["id"].encode()
        partition = partition_of(key, world.broker.partitions)
        record = Record(topic=Topic.TASKS, partition=partition, key=key, value=b"{", headers={})
        await world.broker.append([record])

    verdict = live(script)

    assert [] == verdict.violations
    assert ["unreadable"] == [
        fact.said["cause"] for fact in verdict.evidence.run_facts if fact.kind == "TaskSkipped"
    ]


@pytest.mark.promise("P4")
def test_a_clock_that_was_ahead_for_a_while_leaves_no_false_freshness() -> None:
    """Found by seed 349: what an executor knew was "as of in an hour", and so fresh for an hour."""

    async def script(world: World) -> None:
        await asyncio.sleep(4.0)
        for due_at in (9.0, 12.0, 17.0):  # held runs: their executor looks at its clock
            await ask(world, "POST", "/tasks", task_due(due_at))
        task = await ask(world, "POST", "/tasks", task_due(31.0))
        wall = world.processes["executor-1"].wall
        wall.skew_seconds += 3_600.0
        await asyncio.sleep(18.0 - world.now)
        wall.skew_seconds -= 3_600.0
        await asyncio.sleep(28.0 - world.now)
        await ask(world, "DELETE", f"/tasks/{task['id']}")

    verdict = live(script, executors=1, partitions=1)

    assert [] == [line for line in verdict.violations if line.startswith("P4")]
    assert 3 == len(verdict.evidence.starts)


@pytest.mark.promise("P4")
def test_a_deletion_wins_although_the_timer_was_killed_before_it() -> None:
    """The timer dies two seconds before due, with the run out; the task is deleted at T-1.5."""

    async def script(world: World) -> None:
        await until(world, 4.0)
        task = await ask(world, "POST", "/tasks", task_due(12.0))
        await until(world, 10.0)
        world.crash("timer-1")
        await until(world, 10.5)
        await ask(world, "DELETE", f"/tasks/{task['id']}")
        await until(world, 25.0)

    verdict = live(script, timers=1)

    assert [] == verdict.violations
    assert [] == verdict.evidence.starts
    assert 1 == len(verdict.evidence.due_facts), "it was out when its timer died"


@pytest.mark.promise("P4", "P6")
def test_an_index_older_than_the_tombstones_brings_no_deleted_task_back() -> None:
    verdict = run_seed(0, story="long-absence")

    assert [] == verdict.violations
    assert [] == verdict.evidence.starts


@pytest.mark.promise("P3", "P4")
def test_a_creation_that_lands_again_after_the_deletion_creates_nothing() -> None:
    async def script(world: World) -> None:
        await until(world, 4.0)
        task = await ask(world, "POST", "/tasks", task_due(30.0))
        await ask(world, "DELETE", f"/tasks/{task['id']}")
        (created,) = (
            record
            for record in world.broker.records(Topic.TASKS)
            if record.headers["ce_type"].startswith(b"duetime.TaskCreated")
        )
        again = Record(
            topic=created.topic,
            partition=created.partition,
            key=created.key,
            value=created.value,
            headers=created.headers,
        )
        await world.broker.append([again])
        await until(world, 45.0)

    verdict = live(script)

    assert [] == verdict.violations
    assert [] == verdict.evidence.starts


@pytest.mark.promise("P3")
def test_a_thousand_edits_shortly_before_due_start_it_once() -> None:
    async def script(world: World) -> None:
        await until(world, 4.0)
        task = await ask(world, "POST", "/tasks", task_due(20.0))
        await until(world, 19.6)
        callers = Workload(world)
        await asyncio.gather(
            *(
                callers.send(
                    "PUT", f"/tasks/{task['id']}", body=task_due(20.0, description=f"text {number}")
                )
                for number in range(1_000)
            )
        )
        await until(world, 40.0)

    verdict = live(script, respond_async_share=1.0)

    assert [] == verdict.violations
    assert 1 == len(verdict.evidence.starts)


@pytest.mark.promise("P3")
def test_executors_scaled_from_one_to_three_to_one_repeat_no_start() -> None:
    async def script(world: World) -> None:
        world.crash("executor-2")
        world.crash("executor-3")
        await until(world, 10.0)
        slow = {"type": "python", "name": ACTION_NAME, "args": {"seconds": 5.0}}
        for number in range(40):
            await ask(world, "POST", "/tasks", task_due(14.0 + number / 2.0, action=slow))
        world.start("executor-2")
        world.start("executor-3")
        await until(world, 26.0)
        assert await world.drain("executor-2")
        assert await world.drain("executor-1")
        await until(world, 50.0)

    verdict = live(script, executors=3, partitions=4)

    assert [] == verdict.violations
    assert 40 == len(verdict.evidence.starts)
    assert 2 <= len({start.process for start in verdict.evidence.starts})


@pytest.mark.promise("P5")
def test_a_torn_transaction_ends_in_a_repeat_and_not_in_silence() -> None:
    """The log keeps the timer's state and loses the TaskDue: it leaves again by its deadline."""
    verdict = run_seed(0, story="torn-transaction")
    (fault,) = verdict.evidence.history.faults

    assert fault.effective
    assert [] == verdict.violations
    assert 1 == len(verdict.evidence.starts)


@pytest.mark.promise("P6")
def test_read_models_wiped_at_work_come_back_equal_although_runs_come_first() -> None:
    """What was projected last is read first: some runs arrive before their TaskCreated."""

    async def script(world: World) -> None:
        await until(world, 4.0)
        for number in range(20):
            await ask(world, "POST", "/tasks", task_due(10.0 + number / 2.0))
        await until(world, 12.0)
        world.crash("projector-1")
        world.database.wipe()
        world.start("projector-1")
        await until(world, 30.0)

    verdict = live(script, projectors=1)

    assert [] == verdict.violations
    assert 20 == len(verdict.evidence.run_documents)


@pytest.mark.promise("P3", "P6")
def test_an_owner_that_was_stopped_for_ten_seconds_wakes_up_to_the_same_state() -> None:
    async def script(world: World) -> None:
        await until(world, 4.0)
        for number in range(20):
            await ask(world, "POST", "/tasks", task_due(8.0 + number, recurring=True))
        await until(world, 12.0)
        world.suspend("timer-1")
        await until(world, 22.0)
        world.processes["timer-1"].resume()
        await until(world, 35.0)

    verdict = live(script)

    assert [] == verdict.violations
    assert 20 == len(verdict.evidence.starts)


@pytest.mark.promise("P4")
def test_a_deletion_that_nobody_can_read_holds_the_task() -> None:
    async def script(world: World) -> None:
        await until(world, 4.0)
        task = await ask(world, "POST", "/tasks", task_due(12.0))
        key = task["id"].encode()
        partition = partition_of(key, world.broker.partitions)
        headers = {"ce_type": b"duetime.TaskDeleted.v99", "ce_id": b"1"}
        record = Record(
            topic=Topic.TASKS, partition=partition, key=key, value=b"{", headers=headers
        )
        await world.broker.append([record])
        await until(world, 30.0)

    verdict = live(script)

    assert [] == verdict.violations
    assert [] == verdict.evidence.starts
    assert ["unreadable"] == [
        fact.said["cause"] for fact in verdict.evidence.run_facts if fact.kind == "TaskSkipped"
    ]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("asleep", ["executor-1", "executor-2"])
@pytest.mark.parametrize("due_after", [0.3, 2.0, 8.0])
def test_an_executor_that_wakes_up_starts_nothing_that_its_successor_has_started(
    asleep: str, due_after: float
) -> None:
    """It knew enough of what was due as it fell asleep; but the partition is another's by now."""

    async def script(world: World) -> None:
        await until(world, 4.0)
        await ask(world, "POST", "/tasks", task_due(10.0))
        await ask(world, "POST", "/tasks", task_due(12.0 + due_after))
        await until(world, 12.0)
        world.suspend(asleep)
        await until(world, 27.0)
        world.processes[asleep].resume()
        await until(world, 40.0)

    verdict = live(script, partitions=1)

    assert [] == verdict.violations
    assert 2 == len(verdict.evidence.starts)
