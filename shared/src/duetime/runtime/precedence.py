"""Who goes first where one loop does everything: what callers wait for, before what may wait.

Knows that somebody has precedence and since when; not what anybody does with it. In a process of
its own each service has a core to itself, or the kernel decides (ADR 0012); inside one process the
loop takes turns, and long turns of what nobody waits for are most of an answer's time.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from duetime.limits import PRECEDENCE_SECONDS_MAX


class Precedence:
    """Taken by some, given way to by others; what gives way goes on after a bounded wait."""

    def __init__(self) -> None:
        """Begin with nobody who has it."""
        self._taken_count = 0
        self._since = 0.0
        self._free = asyncio.Event()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Go first meanwhile."""
        if not self._taken_count:
            self._since = asyncio.get_running_loop().time()
            self._free.clear()
        self._taken_count += 1
        try:
            yield
        finally:
            self._taken_count -= 1
            if not self._taken_count:
                self._free.set()

    async def give_way(self) -> None:
        """Wait while somebody goes first, until PRECEDENCE_SECONDS_MAX after somebody began to."""
        if not self._taken_count:
            return
        left = self._since + PRECEDENCE_SECONDS_MAX - asyncio.get_running_loop().time()
        if left > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._free.wait()
