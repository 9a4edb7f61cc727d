"""The action port: what an executor asks of an action, and what an action is told.

Knows a run's context; not the log, not how runs are chosen.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from duetime.events.types import TaskDue
from duetime.executor.targets import Target

Begin = Callable[[], None]
"""Called by an action when its work begins: from there its run is started and its time counts."""


class RunContext(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an action is told about its run. Instants are aware UTC datetimes."""

    run_id: str
    task_id: str
    description: str
    attempt: int
    nominal_at: datetime
    due_at: datetime


class Action(Protocol):
    """Performs one kind of action."""

    def target(self, due: TaskDue) -> Target | None:
        """Name what a run acts on: runs of one target are bounded together. None: of nothing.

        Asked for every run, when it is due and when it ends, so it costs next to nothing; all runs
        of one name have one bound.
        """
        ...

    async def perform(self, due: TaskDue, begin: Begin) -> str | None:
        """Do it; give a short result or None. Any exception makes the attempt a failed one.

        Calls `begin` once it has what it needs, a thread say. From then on it is bounded by the
        caller, which cancels it when the run's timeout has passed.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds. Harmless when repeated."""
        ...
