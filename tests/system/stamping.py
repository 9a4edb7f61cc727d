"""A python action that stamps its starts outside Duetime: run id, attempt and its own clock.

Loaded by the real process through --actions, so it knows nothing but what an action is told.
"""

import asyncio
import os
import time

from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import action


@action("stamp")
def stamp(context: RunContext, file: str) -> None:
    """Append one line in one write: what is torn by a kill would be seen."""
    line = f"{context.run_id} {context.attempt} {time.time_ns()}\n"
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


@action("stamp slowly")
async def stamp_slowly(context: RunContext, file: str, seconds: float) -> None:
    """Stamp, then go on for a while."""
    stamp(context, file)
    await asyncio.sleep(seconds)
