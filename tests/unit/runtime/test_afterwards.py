"""What goes on after its partition has gone: it gets its time, and its faults are heard."""

import asyncio

import pytest

from duetime.runtime.afterwards import Afterwards


async def test_what_goes_on_is_waited_for() -> None:
    afterwards, ended = Afterwards(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0)
        ended.set()

    afterwards.add(work(), "work")
    await afterwards.wait(5.0)

    assert ended.is_set()


async def test_what_takes_too_long_is_cancelled() -> None:
    afterwards, cancelled = Afterwards(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    afterwards.add(work(), "work")
    await afterwards.wait(0.01)

    assert cancelled.is_set()


async def test_a_fault_is_raised_where_the_worker_asks() -> None:
    afterwards = Afterwards()

    async def work() -> None:
        raise ValueError("ours")

    afterwards.add(work(), "work")

    with pytest.raises(ValueError, match="ours"):
        await afterwards.wait(5.0)
    with pytest.raises(ValueError, match="ours"):
        afterwards.check()
