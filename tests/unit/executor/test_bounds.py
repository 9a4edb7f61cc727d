"""Time limits of many attempts: never early, and long ones a step late at most."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from duetime.executor.actions.bounds import Bounds
from duetime.limits import LIMIT_STEP_SECONDS
from tests.support.virtual_loop import run_virtual


class Attempt:
    """Notes when its time had passed."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.expired_at: float | None = None
        self.then = then

    def expire(self) -> None:
        self.expired_at = asyncio.get_running_loop().time()
        self.then()


def virtually(script: Callable[[Bounds], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await script(Bounds())

    run_virtual(run())


@pytest.mark.parametrize("seconds", [0.01, 0.4, 0.999, 1.0, 1.01, 29.98, 30.0, 86_400.0])
def test_a_limit_is_told_at_its_time_or_a_step_later(seconds: float) -> None:
    async def script(bounds: Bounds) -> None:
        attempt = Attempt()
        await asyncio.sleep(0.123)
        bounds.set(attempt, seconds)
        await asyncio.sleep(seconds + 1)

        assert attempt.expired_at is not None
        late = attempt.expired_at - 0.123 - seconds
        assert -1e-6 <= late <= LIMIT_STEP_SECONDS
        assert late <= max(0.001, seconds / 20)

    virtually(script)


@pytest.mark.parametrize("seconds", [0.5, 30.0])
def test_a_limit_that_was_taken_back_is_told_to_nobody(seconds: float) -> None:
    async def script(bounds: Bounds) -> None:
        attempt, other = Attempt(), Attempt()
        for each in (attempt, other):
            bounds.set(each, seconds)
        bounds.take_back(attempt)
        bounds.take_back(attempt)
        await asyncio.sleep(seconds + 1)

        assert attempt.expired_at is None
        assert other.expired_at is not None

    virtually(script)


def test_limits_are_told_in_their_order_however_they_were_set() -> None:
    async def script(bounds: Bounds) -> None:
        attempts = {seconds: Attempt() for seconds in (9.0, 3.0, 60.0, 5.0)}
        for seconds, attempt in attempts.items():
            bounds.set(attempt, seconds)
        await asyncio.sleep(100)
        told = [attempts[seconds].expired_at for seconds in sorted(attempts)]

        assert told == sorted(each for each in told if each is not None)

    virtually(script)


def test_whoever_is_told_may_set_another() -> None:
    async def script(bounds: Bounds) -> None:
        second = Attempt()
        first = Attempt(lambda: bounds.set(second, 2.0))
        bounds.set(first, 1.0)
        await asyncio.sleep(5)

        assert first.expired_at is not None
        assert second.expired_at is not None
        assert 2.0 <= second.expired_at - first.expired_at <= 2.0 + LIMIT_STEP_SECONDS

    virtually(script)


def test_many_limits_need_few_timers_and_leave_nothing_behind() -> None:
    async def script(bounds: Bounds) -> None:
        for _ in range(100):
            some = [Attempt() for _ in range(50)]
            for attempt in some:
                bounds.set(attempt, 30.0)
            await asyncio.sleep(0.01)
            for attempt in some:
                bounds.take_back(attempt)

        assert 100 * 0.01 / LIMIT_STEP_SECONDS + 2 >= len(bounds._order)
        await asyncio.sleep(40)
        assert ({}, {}, []) == (bounds._steps, bounds._step_of, bounds._order)

    virtually(script)
