"""Interleavings that were found by a seed or argued on paper, each as a history of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from duetime.log.partitioner import partition_of
from duetime.log.port import Record
from duetime.log.topics import Topic
from tests.simulation.history import Answer, FaultKind, instant
from tests.simulation.run import Verdict, run_script
from tests.simulation.switches import draw_switches
from tests.simulation.target import ACTION_NAME
from tests.simulation.workload import Workload
from tests.simulation.world import World

SPAN_SECONDS = 20.0


async def ask(
    world: World, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Send a request to the first api; give what it answers, which must be a success."""
    workload = Workload(world)
    request = await workload.send(method, path, body=body)
    assert request.answer is Answer.OK
    return dict(request.content or {})


def task_due(at: float, **more: Any) -> dict[str, Any]:
    """Give the body of a one-time task that is due at a moment of the history."""
    return {
        "description": "as first said",
        "time": instant(at).isoformat(),
        "recurring": False,
        "action": {"type": "python", "name": ACTION_NAME, "args": {"seconds": 0.1}},
        **more,
    }


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
        task = await ask(world, "POST", "/tasks", task_due(12.0))
        await asyncio.sleep(6.0 - world.now)
        world.suspend("timer-1")
        await asyncio.sleep(10.0 - world.now)
        changed = task_due(600.0) if method == "PUT" else None
        await ask(world, method, f"/tasks/{task['id']}", changed)
        await asyncio.sleep(15.0 - world.now)
        world.processes["timer-1"].resume()

    verdict = live(script, timers=1)

    assert [] == verdict.violations
    assert [] == verdict.evidence.starts


@pytest.mark.promise("P5")
def test_a_lost_run_of_a_task_that_cannot_be_read_leaves_a_record() -> None:
    """Found by seed 629: what was to be delivered again was held back without a word."""

    async def script(world: World) -> None:
        await asyncio.sleep(4.0)
        task = await ask(world, "POST", "/tasks", task_due(12.0))
        world.network.next_fault = FaultKind.TORN_TRANSACTION
        await asyncio.sleep(15.0 - world.now)
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
        task = await ask(world, "POST", "/tasks", task_due(26.0))
        wall = world.processes["executor-1"].wall
        wall.skew_seconds += 3_600.0
        await asyncio.sleep(18.0 - world.now)
        wall.skew_seconds -= 3_600.0
        await asyncio.sleep(23.0 - world.now)
        await ask(world, "DELETE", f"/tasks/{task['id']}")

    verdict = live(script, executors=1, partitions=1)

    assert [] == [line for line in verdict.violations if line.startswith("P4")]
    assert 3 == len(verdict.evidence.starts)
