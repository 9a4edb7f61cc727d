"""Who goes first in one loop: what gives way waits, and not for ever."""

import asyncio

from duetime.limits import PRECEDENCE_SECONDS_MAX
from duetime.runtime.precedence import Precedence
from tests.support.virtual_loop import run_virtual


async def gave_way_for(precedence: Precedence) -> float:
    """Give way; say for how long."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    await precedence.give_way()
    return loop.time() - since


async def taken_for(precedence: Precedence, seconds: float) -> None:
    """Go first for so long."""
    with precedence.taken():
        await asyncio.sleep(seconds)


def test_nobody_waits_while_nobody_goes_first() -> None:
    async def stage() -> float:
        precedence = Precedence()
        await taken_for(precedence, 1.0)
        return await gave_way_for(precedence)

    assert 0.0 == run_virtual(stage())


def test_what_gives_way_waits_for_the_last_of_those_that_go_first() -> None:
    async def stage() -> float:
        precedence = Precedence()
        async with asyncio.TaskGroup() as group:
            group.create_task(taken_for(precedence, 1.0))
            group.create_task(taken_for(precedence, 2.0))
            waiting = group.create_task(gave_way_for(precedence))
        return waiting.result()

    assert 2.0 == run_virtual(stage())


def test_what_gives_way_goes_on_after_a_bounded_wait_and_until_nobody_goes_first() -> None:
    async def stage() -> list[float]:
        precedence = Precedence()
        long = 2 * PRECEDENCE_SECONDS_MAX
        first = asyncio.create_task(taken_for(precedence, long))
        await asyncio.sleep(0)
        waited = [await gave_way_for(precedence), await gave_way_for(precedence)]
        await first
        async with asyncio.TaskGroup() as group:
            group.create_task(taken_for(precedence, 1.0))
            again = group.create_task(gave_way_for(precedence))
        return [*waited, again.result()]

    assert [PRECEDENCE_SECONDS_MAX, 0.0, 1.0] == run_virtual(stage())
