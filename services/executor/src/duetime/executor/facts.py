"""What an executor says about runs: the events, and their names.

Knows fields; not when something is to be said.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from duetime.events.types import Outcome, TaskDue, TaskExecuted, TaskStarted
from duetime.executor.ledger import Word
from duetime.limits import DEFER_SECONDS, DEFER_SECONDS_MAX, LEASE_SECONDS

LEASE: Final = timedelta(seconds=LEASE_SECONDS)
_DOUBLINGS_MAX: Final = 16

Fact = TaskExecuted | TaskStarted
"""What an executor says about a run."""


class Ended(NamedTuple):
    """How an attempt ended: outcome, and what it gave or what went wrong, each a short text."""

    outcome: Outcome
    result: str | None = None
    error: str | None = None


def end_of(
    due: TaskDue, end: Ended, *, started_at: datetime, now: datetime, executor: str
) -> TaskExecuted:
    """Say that an attempt ended."""
    return TaskExecuted(
        task_id=due.task_id,
        tenant=due.tenant,
        revision=due.revision,
        run_id=due.run_id,
        description=due.description,
        kind=due.kind,
        attempt=due.attempt,
        nominal_at=due.nominal_at,
        due_at=due.due_at,
        accepted_at=due.accepted_at,
        started_at=started_at,
        # A clock set back in between must not make a run end before it began.
        finished_at=max(now, started_at),
        outcome=end.outcome,
        executor=executor,
        action=str(due.action.__struct_config__.tag),
        next_due_at=due.next_due_at,
        result=end.result,
        error=end.error,
    )


def deferral_of(due: TaskDue, *, now: datetime, executor: str) -> TaskExecuted:
    """Say that a run goes back, its target being at its limit; it waits longer each time."""
    seconds = DEFER_SECONDS * 2 ** min(due.deferrals, _DOUBLINGS_MAX)
    return TaskExecuted(
        task_id=due.task_id,
        tenant=due.tenant,
        revision=due.revision,
        run_id=due.run_id,
        description=due.description,
        kind=due.kind,
        attempt=due.attempt,
        nominal_at=due.nominal_at,
        due_at=due.due_at,
        accepted_at=due.accepted_at,
        started_at=now,
        finished_at=now,
        outcome=Outcome.CANCELLED,
        executor=executor,
        action=str(due.action.__struct_config__.tag),
        next_due_at=due.next_due_at,
        final=False,
        deferred=True,
        retry_at=now + timedelta(seconds=min(seconds, DEFER_SECONDS_MAX)),
        delivery=due.delivery,
        based_on=due.based_on,
    )


def lease_of(due: TaskDue, *, started_at: datetime, now: datetime, executor: str) -> TaskStarted:
    """Say that an attempt is alive, and for how long that is to be believed."""
    return TaskStarted(
        task_id=due.task_id,
        tenant=due.tenant,
        revision=due.revision,
        run_id=due.run_id,
        attempt=due.attempt,
        delivery=due.delivery,
        executor=executor,
        due_at=due.due_at,
        started_at=started_at,
        lease_until=now + LEASE,
    )


def event_id_of(event: Fact) -> str:
    """Name a fact by what it says, so that a repeat of it has the same name."""
    run = f"{event.run_id}.{event.attempt}"
    if isinstance(event, TaskStarted):
        return f"{run}.{event.lease_until:%Y%m%dT%H%M%S.%f}"
    if event.deferred:
        return f"{run}.{event.delivery}.{event.based_on}.deferred"
    return f"{run}.ended"


def word_of(said: TaskDue | TaskExecuted) -> Word:
    """Name the word that an event is, or gives back."""
    return Word((said.run_id, said.attempt), said.based_on, said.delivery)
