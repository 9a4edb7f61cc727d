"""How a process keeps its memory small, in small steps."""

import asyncio
import ctypes
import gc
import weakref
from types import SimpleNamespace

import pytest

from duetime.limits import GARBAGE_LOOKS, GARBAGE_SECONDS
from duetime.process import memory
from duetime.process.memory import keep_memory


class Knot:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_refers_to_itself_is_gone_soon_though_nothing_else_asks_for_it() -> None:
    keeping = asyncio.create_task(keep_memory())
    try:
        await asyncio.sleep(0)
        gone = asyncio.Event()
        weakref.finalize(Knot(), gone.set)
        async with asyncio.timeout(50 * GARBAGE_SECONDS):
            await gone.wait()

        assert not gc.isenabled()
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        gc.unfreeze()

    assert gc.isenabled()


async def test_what_is_free_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    trimmed = asyncio.Event()
    libc = SimpleNamespace(malloc_trim=lambda _kept: trimmed.set())
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: libc)
    monkeypatch.setattr(memory, "TRIM_LOOKS", 1)
    keeping = asyncio.create_task(keep_memory())
    try:
        async with asyncio.timeout(50 * GARBAGE_SECONDS):
            await trimmed.wait()
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        gc.unfreeze()


@pytest.mark.parametrize(
    ("look", "generation"),
    [
        (1, 0),
        (GARBAGE_LOOKS[0] - 1, 0),
        (GARBAGE_LOOKS[0], 1),
        (GARBAGE_LOOKS[1] - GARBAGE_LOOKS[0], 1),
        (GARBAGE_LOOKS[1], 2),
    ],
)
def test_the_young_are_looked_at_each_time_and_all_seldom(look: int, generation: int) -> None:
    assert generation == memory._generation(look)
    assert 0 == GARBAGE_LOOKS[1] % GARBAGE_LOOKS[0]
