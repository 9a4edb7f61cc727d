"""The action that benchmarks run: it stamps its own start, outside of what Duetime records.

Loaded by the measured processes through their actions setting. Stamps are kept in memory and
written by a thread once in a while, to a file of each process's own, so that measuring costs the
measured loop one clock reading and one append to a list.
"""

import atexit
import os
import threading
import time
from typing import Final

from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import action

_FLUSH_SECONDS: Final = 0.5
_LINES_AT_ONCE: Final = 100  # formatted in some 0.1 ms, then the measured loop may have the GIL
_FILE: Final = os.environ.get("BENCH_STAMPS", "")

_AT_ONCE: Final = "BENCH_AT_ONCE" in os.environ  # where the process is to be killed

_stamps: list[tuple[str, float, int]] = []


@action("stamp")
async def stamp(context: RunContext) -> None:
    """Note run id, due time and this process's clock, in nanoseconds."""
    _stamps.append((context.run_id, context.due_at.timestamp(), time.time_ns()))
    if _AT_ONCE:
        _flush()


def _flush() -> None:
    taken, _stamps[:] = _stamps[:], []
    if not taken:
        return
    with open(f"{_FILE}.{os.getpid()}", "a", encoding="ascii") as file:  # noqa: PTH123 - a plain name from outside
        for start in range(0, len(taken), _LINES_AT_ONCE):
            some = taken[start : start + _LINES_AT_ONCE]
            file.writelines(f"{run_id} {due!r} {at}\n" for run_id, due, at in some)
            time.sleep(0)


def _flush_for_ever() -> None:
    while True:
        time.sleep(_FLUSH_SECONDS)
        _flush()


if _FILE:
    threading.Thread(target=_flush_for_ever, daemon=True).start()
    atexit.register(_flush)
