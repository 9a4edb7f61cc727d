"""How often Python looks for cyclic garbage in a process that handles many small values.

Knows the collector's settings. Our values are frozen and never form cycles, so they are not tracked
at all (`gc=False` on the structs that come by the thousand); what is left comes from tasks and
tracebacks. With the interpreter's own settings a pass over everything that is held, some ten
milliseconds at a burst, would come in the middle of it, and show as lateness.
"""

import gc

from duetime.limits import GARBAGE_GENERATIONS, GARBAGE_OBJECTS


def settle_collector() -> None:
    """Put what is loaded by now out of the collector's sight, and let it look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, *GARBAGE_GENERATIONS)
