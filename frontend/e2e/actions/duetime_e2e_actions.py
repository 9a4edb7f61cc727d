"""Python actions for the browser tests: one that fails, one that takes its time."""

import asyncio

from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import action


@action("e2e.fail")
def fail(_run: RunContext, **_args: object) -> None:
    """Fail as a real function does."""
    message = "the greenhouse does not answer: connection refused"
    raise ConnectionError(message)


@action("e2e.slow")
async def slow(_run: RunContext, *, seconds: float) -> None:
    """Take so long."""
    await asyncio.sleep(seconds)
