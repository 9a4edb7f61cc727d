"""How a process that handles many small values gets rid of them: the collector, and the allocator.

Knows their settings. Our values are frozen and never form cycles, so they are not tracked at all
(`gc=False` on the structs that come by the thousand); what is left comes from tasks and tracebacks.
With the interpreter's own settings a pass over everything that is held, some ten milliseconds at a
burst, would come in the middle of it, and show as lateness.

glibc keeps what was freed below its dynamic thresholds, and an arena for each thread: a timer that
had taken in 300,000 tasks kept 200 MB, and keeps 150 with fixed ones (measured).
"""

import ctypes
import gc
from typing import Final

from duetime.limits import (
    ALLOCATOR_ARENAS_MAX,
    ALLOCATOR_KEPT_BYTES_MAX,
    GARBAGE_GENERATIONS,
    GARBAGE_OBJECTS,
)

# Of mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def settle_memory() -> None:
    """Let freed memory go back; put what is loaded by now out of the collector's sight."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's alone
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ALLOCATOR_ARENAS_MAX)
        mallopt(_M_MMAP_THRESHOLD, ALLOCATOR_KEPT_BYTES_MAX)
        mallopt(_M_TRIM_THRESHOLD, ALLOCATOR_KEPT_BYTES_MAX)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, *GARBAGE_GENERATIONS)
