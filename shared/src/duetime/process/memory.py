"""How a process that handles many small values gets rid of them: the collector, and the allocator.

Knows their settings. Our values are frozen and never form cycles, so they are not tracked at all
(`gc=False` on the structs that come by the thousand); what is left comes from tasks and tracebacks.

The interpreter looks for cycles when more was made than freed, which in a steady stream it seldom
is: then it has everything of the last seconds to go through at once, 20 to 50 ms (measured), which
show as lateness. So it is asked to look ten times a second, for which a millisecond is enough.

glibc keeps what was freed below its dynamic thresholds, and an arena for each thread: a timer that
had taken in 300,000 tasks kept 200 MB, and keeps 150 with fixed ones. What is free amid an arena
goes back only when asked: 15 MB of it, in 3 ms (measured). The thresholds lie above a fetched
megabyte: mapping each copy of one, faulting it in and giving it back took a quarter of a restore
(75,000 records a second at 128 KB, 103,000 at 2 MB, with 10 MB more resident).
"""

import asyncio
import ctypes
import gc
import itertools
from typing import Final

from duetime.limits import (
    ALLOCATOR_ARENAS_MAX,
    ALLOCATOR_KEPT_BYTES_MAX,
    GARBAGE_LOOKS,
    GARBAGE_SECONDS,
    TRIM_LOOKS,
)

# Of mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


async def keep_memory() -> None:
    """Keep it small, in small steps, until cancelled.

    What is loaded by now is out of the collector's sight for good; freed memory goes back.
    """
    libc = ctypes.CDLL(None)
    mallopt = getattr(libc, "mallopt", None)  # glibc's alone
    trim = getattr(libc, "malloc_trim", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ALLOCATOR_ARENAS_MAX)
        mallopt(_M_MMAP_THRESHOLD, ALLOCATOR_KEPT_BYTES_MAX)
        mallopt(_M_TRIM_THRESHOLD, ALLOCATOR_KEPT_BYTES_MAX)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for look in itertools.count(1):
            await asyncio.sleep(GARBAGE_SECONDS)
            gc.collect(_generation(look))
            if trim is not None and look % TRIM_LOOKS == 0:
                trim(0)
    finally:
        gc.enable()


def _generation(look: int) -> int:
    """Say how old what is looked at may be: what is young each time, all of it seldom."""
    for generation, each in enumerate(GARBAGE_LOOKS, start=1):
        if look % each:
            return generation - 1
    return len(GARBAGE_LOOKS)
