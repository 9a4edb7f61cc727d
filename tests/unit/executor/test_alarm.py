"""The alarm that starts runs: never early, in order, and few turns of the loop for many of them."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from duetime.executor.alarm import Alarm
from duetime.limits import ALARM_GAP_SECONDS, CLOCK_REREAD_SECONDS
from tests.support.builders import NOON
from tests.support.virtual_loop import run_virtual


class Ground:
    """An alarm on a loop whose time is the clock's too, unless the clock was set."""

    def __init__(self) -> None:
        self.set_by = timedelta(0)
        self.alarm = Alarm(self.now)
        self.rung: list[tuple[str, datetime]] = []

    def now(self) -> datetime:
        return NOON + timedelta(seconds=asyncio.get_running_loop().time()) + self.set_by

    def sleeper(self, name: str, then: Callable[["Sleeper"], None] | None = None) -> "Sleeper":
        return Sleeper(name, self, then)


class Sleeper:
    def __init__(self, name: str, ground: Ground, then: Callable[["Sleeper"], None] | None) -> None:
        self.name = name
        self.ground = ground
        self.then = then

    def ring(self) -> None:
        self.ground.rung.append((self.name, self.ground.now()))
        if self.then is not None:
            self.then(self)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def on(script: Callable[[Ground], Coroutine[Any, Any, None]]) -> Ground:
    ground = Ground()
    run_virtual(script(ground))
    return ground


def test_it_rings_for_each_in_the_order_of_their_instants_and_never_early() -> None:
    async def script(ground: Ground) -> None:
        for name, seconds in (("late", 3.0), ("soon", 1.0), ("between", 2.0)):
            ground.alarm.set(ground.sleeper(name), at(seconds))
        await asyncio.sleep(5.0)

    rung = on(script).rung

    assert ["soon", "between", "late"] == [name for name, _ in rung]
    late = [rung_at - at(due) for (_, rung_at), due in zip(rung, (1, 2, 3), strict=True)]
    assert all(timedelta(0) <= each < timedelta(milliseconds=2) for each in late)


def test_the_last_instant_that_was_set_counts_and_none_takes_it_back() -> None:
    async def script(ground: Ground) -> None:
        moved, stays, gone = (ground.sleeper(name) for name in ("moved", "stays", "gone"))
        for sleeper in (moved, stays, gone):
            ground.alarm.set(sleeper, at(2.0))
        ground.alarm.set(moved, at(1.0))
        ground.alarm.set(gone, None)
        ground.alarm.set(gone, None)
        await asyncio.sleep(5.0)

    assert ["moved", "stays"] == [name for name, _ in on(script).rung]


def test_what_is_due_within_the_gap_is_told_together() -> None:
    async def script(ground: Ground) -> None:
        for number in range(10):
            ground.alarm.set(ground.sleeper(f"{number}"), at(1.0 + number * ALARM_GAP_SECONDS / 4))
        await asyncio.sleep(2.0)

    times = [rung_at for _, rung_at in on(script).rung]

    assert 10 == len(times)
    assert 4 >= len(set(times))


def test_whoever_rings_may_set_it_anew() -> None:
    async def script(ground: Ground) -> None:
        def again(sleeper: Sleeper) -> None:
            ground.alarm.set(sleeper, ground.now() + timedelta(seconds=1))

        ground.alarm.set(ground.sleeper("again", again), at(1.0))
        await asyncio.sleep(3.5)

    assert [at(1), at(2), at(3)] == [
        rung_at.replace(microsecond=0) for _, rung_at in on(script).rung
    ]


def test_a_clock_that_is_set_forward_is_noticed_within_its_rereading() -> None:
    async def script(ground: Ground) -> None:
        ground.alarm.set(ground.sleeper("moved along"), at(60.0))
        await asyncio.sleep(1.0)
        ground.set_by = timedelta(seconds=60)
        await asyncio.sleep(2 * CLOCK_REREAD_SECONDS)

    ((_, rung_at),) = on(script).rung

    assert rung_at <= at(61.0 + CLOCK_REREAD_SECONDS + 0.002)


def test_a_clock_that_is_set_back_lets_it_wait() -> None:
    async def script(ground: Ground) -> None:
        ground.alarm.set(ground.sleeper("early"), at(1.0))
        ground.set_by = timedelta(seconds=-60)
        await asyncio.sleep(30.0)

    assert [] == on(script).rung
