"""The beat of the books: when ends are written down beside starts."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import pytest

from duetime.executor.beat import wait_for_company
from duetime.executor.slots import Slots
from duetime.executor.targets import Target, Targets
from duetime.limits import BOOKS_CROWD_SECONDS, BOOKS_SECONDS, BOOKS_WAIT_SECONDS_MAX
from tests.support.builders import NOON
from tests.support.virtual_loop import VirtualLoop, run_virtual

TURN_SECONDS: Final = 0.045  # of a loop that is short of time: a little less than a beat
STARTS_PER_TURN: Final = 400
SCARCELY: Final = 1e-6


async def waited(slots: Slots, targets: Targets, beside: Coroutine[Any, Any, None]) -> float:
    """Wait for company beside something; give for how long."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    task = asyncio.create_task(beside)
    await wait_for_company(slots, targets)
    seconds = loop.time() - since
    await task
    return seconds


def crowded() -> Targets:
    """Give targets of which one has somebody waiting for it."""
    targets = Targets(1)
    targets.wait(Target("slow"), lambda _: None, NOON)
    return targets


async def turns(slots: Slots, seconds: float) -> None:
    """Start many in each long turn of the loop, for so long."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    until = loop.time() + seconds
    while loop.time() < until:
        loop.work(TURN_SECONDS)
        slots.started += STARTS_PER_TURN
        await asyncio.sleep(SCARCELY)


async def nothing() -> None:
    """Start nothing."""


def test_ends_wait_for_the_next_beat_alone_where_nothing_starts() -> None:
    seconds = run_virtual(waited(Slots(1), Targets(1), nothing()))

    assert 0.0 < seconds <= BOOKS_SECONDS + SCARCELY


@pytest.mark.promise("P2")
def test_no_part_of_a_beat_makes_a_burst_look_over() -> None:
    slots = Slots(1)
    seconds = run_virtual(waited(slots, crowded(), turns(slots, 2.0)))

    assert 2.0 <= seconds <= 2.0 + 2 * BOOKS_CROWD_SECONDS + 2 * BOOKS_SECONDS


def test_ends_wait_for_a_burst_no_longer_than_they_may() -> None:
    slots = Slots(1)
    seconds = run_virtual(waited(slots, crowded(), turns(slots, 2 * BOOKS_WAIT_SECONDS_MAX)))

    assert BOOKS_WAIT_SECONDS_MAX <= seconds <= BOOKS_WAIT_SECONDS_MAX + 2 * BOOKS_SECONDS
