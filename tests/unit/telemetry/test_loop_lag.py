"""The loop's lag: the worst of the last seconds."""

import asyncio
import contextlib

from duetime.telemetry.loop_lag import watch_loop_lag
from duetime.telemetry.metrics import Metrics
from tests.support.virtual_loop import VirtualLoop


def test_a_loop_that_turns_in_time_has_no_lag() -> None:
    metrics = Metrics()

    async def watch() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await watch_loop_lag(metrics)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(watch())

    assert 0.0 == metrics.event_loop_lag_seconds._value.get()


def test_a_loop_that_was_held_says_for_how_long_and_forgets_it_later() -> None:
    metrics = Metrics()
    seen = []

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        watching = asyncio.create_task(watch_loop_lag(metrics))
        await asyncio.sleep(0.1)
        loop._virtual.now += 2.0
        await asyncio.sleep(1)
        seen.append(metrics.event_loop_lag_seconds._value.get())
        await asyncio.sleep(10)
        seen.append(metrics.event_loop_lag_seconds._value.get())
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(watch())

    assert 1.8 < seen[0] < 2.0
    assert 0.001 > seen[1]
