"""Histories that are told, not drawn: the one thing that matters, and nothing by chance.

Knows the plain API and what can be done to a world. What stands in `STORIES` can be told by name,
with the seed choosing the moments; others are told by the tests that need them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, Final

from duetime.limits import MARKER_SECONDS
from duetime.log.topics import TOPICS, Topic
from tests.simulation.history import Answer, FaultKind, instant
from tests.simulation.target import ACTION_NAME
from tests.simulation.workload import Workload
from tests.simulation.world import World

TOMBSTONE_SECONDS: Final = TOPICS[Topic.SCHEDULE].retention_seconds or 0

Script = Callable[[World], Awaitable[None]]
"""What happens in a history before it comes to rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A script, and the switches that it wants."""

    script: Script
    chosen: Mapping[str, Any]


async def ask(
    world: World, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Send a request to some api; give what it answers, which must be a success."""
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


async def until(world: World, moment: float) -> None:
    """Let time pass to a moment of the history."""
    await asyncio.sleep(max(0.0, moment - world.now))


async def long_absence(world: World) -> None:
    """Put a timer back on a disk that is older than the tombstones.

    A task is deleted, its marker becomes a tombstone, and the log drops that; only the old disk
    still knows of the task.
    """
    rng = Random(f"story/{world.switches.seed}")
    back_at = MARKER_SECONDS + TOMBSTONE_SECONDS + rng.uniform(60.0, 600.0)
    await until(world, 4.0)
    task = await ask(world, "POST", "/tasks", task_due(back_at + rng.uniform(15.0, 40.0)))
    await until(world, 8.0)
    copy = world.disks["timer-1"].copy()
    await ask(world, "DELETE", f"/tasks/{task['id']}")
    await until(world, 12.0)
    for slot in ("api-1", "executor-1", "projector-1"):
        world.suspend(slot)  # they have nothing to do but to ask what is new
    await until(world, 20.0 + MARKER_SECONDS)
    world.suspend("timer-1")
    await until(world, back_at)
    world.broker.drop_tombstones(instant(world.now) - timedelta(seconds=TOMBSTONE_SECONDS))
    for slot in world.slots():
        world.crash(slot)
    world.disks["timer-1"].become(copy)
    world.heal()
    await asyncio.sleep(60.0)


async def slept_through(world: World) -> None:
    """Let the only timer sleep from before a change until after the due time."""
    rng = Random(f"story/{world.switches.seed}")
    await until(world, 4.0)
    task = await ask(world, "POST", "/tasks", task_due(17.0))
    await until(world, rng.uniform(5.0, 6.5))  # nothing is out yet
    world.suspend("timer-1")
    await until(world, rng.uniform(8.0, 15.9))
    method = rng.choice(("PUT", "DELETE"))
    changed = task_due(600.0) if method == "PUT" else None
    await ask(world, method, f"/tasks/{task['id']}", changed)
    await until(world, rng.uniform(17.5, 22.0))
    world.processes["timer-1"].resume()


async def executor_slept_through(world: World) -> None:
    """Let the executor that holds a run sleep from before a change until after the due time.

    For so short a while that it may think it had not, or for longer.
    """
    rng = Random(f"story/{world.switches.seed}")
    await until(world, 4.0)
    await ask(world, "POST", "/tasks", task_due(10.0))  # so that it has just looked
    task = await ask(world, "POST", "/tasks", task_due(12.0))
    await until(world, rng.uniform(10.2, 10.3))
    world.suspend("executor-1")
    await until(world, rng.uniform(10.4, 10.9))
    await ask(world, "DELETE", f"/tasks/{task['id']}")
    await until(world, rng.choice((rng.uniform(12.05, 12.6), rng.uniform(13.5, 15.0))))
    world.processes["executor-1"].resume()


async def torn_transaction(world: World) -> None:
    """Keep the timer's state and lose the TaskDue in it."""
    rng = Random(f"story/{world.switches.seed}")
    await until(world, 4.0)
    await ask(world, "POST", "/tasks", task_due(rng.uniform(16.0, 19.0)))
    await until(world, 5.0)
    world.network.next_fault = FaultKind.TORN_TRANSACTION
    await until(world, 55.0)


async def stuck_retries(world: World) -> None:
    """Let creations land long after their callers have given up, some of them after a minute."""
    rng = Random(f"story/{world.switches.seed}")
    await until(world, 4.0)
    callers = Workload(world)
    for _ in range(_STUCK_RETRIES):
        world.network.next_fault = FaultKind.APPEND_LATE
        await callers.send("POST", "/tasks", body=task_due(rng.uniform(90.0, 110.0)))
    await until(world, 120.0)


_STUCK_RETRIES: Final = 8  # each is void with a chance of a quarter
_ALONE: Final = {"apis": 1, "timers": 1, "executors": 1, "projectors": 1, "partitions": 1}

STORIES: Final = {
    "long-absence": Story(script=long_absence, chosen=_ALONE),
    "executor-slept-through": Story(script=executor_slept_through, chosen={"executors": 1}),
    "torn-transaction": Story(script=torn_transaction, chosen={}),
    "stuck-retries": Story(script=stuck_retries, chosen={}),
    "slept-through": Story(script=slept_through, chosen={"timers": 1}),
}
"""The stories by name."""
