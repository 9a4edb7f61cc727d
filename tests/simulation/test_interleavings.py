"""Interleavings that were found by a seed or argued on paper, each as a history of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.simulation.run import Verdict, run_script
from tests.simulation.switches import draw_switches
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
