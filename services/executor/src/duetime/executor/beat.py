"""When ends are written down: on a beat that all partitions share, and behind a burst's starts.

Knows how many runs were started and whether a target is crowded; not what is written.
"""

import asyncio
from typing import Final

from duetime.executor.slots import Slots
from duetime.executor.targets import Targets
from duetime.limits import (
    BOOKS_BURST_STARTS,
    BOOKS_CROWD_SECONDS,
    BOOKS_CROWD_STARTS,
    BOOKS_SECONDS,
    BOOKS_WAIT_SECONDS_MAX,
)

_AT_LEAST_SECONDS: Final = 0.001


async def wait_for_company(slots: Slots, targets: Targets) -> None:
    """Wait for the beat, and, bounded, while starts come thick and fast: they go first.

    While a target is crowded it takes a whole stretch of BOOKS_CROWD_SECONDS to tell: one turn of a
    loop that is short of time may last longer than a beat, with all starts before it or behind it.
    """
    loop = asyncio.get_running_loop()
    since = loop.time()
    until = since + BOOKS_WAIT_SECONDS_MAX
    started = slots.started
    while True:
        await asyncio.sleep(_until_the_beat())
        now = loop.time()
        if targets.crowded:
            stretch, few = BOOKS_CROWD_SECONDS, BOOKS_CROWD_STARTS
        else:
            stretch, few = 0.0, BOOKS_BURST_STARTS
        if now >= until or (now - since >= stretch and slots.started - started < few):
            return
        if now - since >= stretch:
            since, started = now, slots.started


def _until_the_beat() -> float:
    """Give how long it is until all partitions write what they have: in one request, so."""
    left = BOOKS_SECONDS - asyncio.get_running_loop().time() % BOOKS_SECONDS
    return left if left > _AT_LEAST_SECONDS else left + BOOKS_SECONDS  # this is the beat just now
