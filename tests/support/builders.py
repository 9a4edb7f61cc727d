"""Events and envelopes with everything but the point left out.

Knows the shapes of `duetime.events`; not who folds them. Unless a test says otherwise, an event is
made and appended an hour before noon.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from msgspec.structs import replace

from duetime.events.envelope import Envelope, Position, Unreadable
from duetime.events.ids import run_id_for
from duetime.events.types import (
    Action,
    AnyEvent,
    Definition,
    LogAction,
    Outcome,
    PythonAction,
    TaskCreated,
    TaskDeleted,
    TaskDue,
    TaskExecuted,
    TaskPaused,
    TaskResumed,
    TaskStarted,
    TaskTriggered,
    TaskUpdated,
)
from duetime.recurrence.rules import Daily, Recurrence

NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
SECOND: Final = timedelta(seconds=1)
EARLIER: Final = NOON - timedelta(hours=1)
A: Final = "0197280a-0000-7000-8000-00000000000a"
B: Final = "0197280a-0000-7000-8000-00000000000b"
TENANT: Final = "default"
ACTOR: Final = "ada"
DAILY: Final = Daily()

_event_numbers = count(1)


def after_noon(seconds: float) -> datetime:
    """Give the instant so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def definition(
    time: datetime = NOON,
    *,
    description: str = "water the plants",
    recurrence: Recurrence | None = None,
    timezone: str = "UTC",
    action: Action | None = None,
) -> Definition:
    """Give a definition: once at noon, unless said otherwise."""
    return Definition(
        description=description,
        time=time,
        recurrence=recurrence,
        timezone=timezone,
        action=action or LogAction(),
    )


def created(
    time: datetime = NOON,
    *,
    task_id: str = A,
    recurrence: Recurrence | None = None,
    timezone: str = "UTC",
    description: str = "water the plants",
    tenant: str = TENANT,
) -> TaskCreated:
    """Give the creation of a task."""
    return TaskCreated(
        task_id=task_id,
        tenant=tenant,
        revision=1,
        actor=ACTOR,
        definition=definition(
            time, recurrence=recurrence, timezone=timezone, description=description
        ),
    )


def updated(
    time: datetime = NOON,
    *,
    task_id: str = A,
    revision: int = 2,
    recurrence: Recurrence | None = None,
    timezone: str = "UTC",
    description: str = "water the plants",
    expected_revision: int | None = None,
) -> TaskUpdated:
    """Give an update to a new definition."""
    return TaskUpdated(
        task_id=task_id,
        tenant=TENANT,
        revision=revision,
        actor=ACTOR,
        definition=definition(
            time, recurrence=recurrence, timezone=timezone, description=description
        ),
        expected_revision=expected_revision,
    )


def deleted(
    task_id: str = A, *, revision: int = 2, expected_revision: int | None = None
) -> TaskDeleted:
    """Give a deletion."""
    return TaskDeleted(
        task_id=task_id,
        tenant=TENANT,
        revision=revision,
        actor=ACTOR,
        expected_revision=expected_revision,
    )


def paused(task_id: str = A, *, revision: int = 2) -> TaskPaused:
    """Give the beginning of a pause."""
    return TaskPaused(task_id=task_id, tenant=TENANT, revision=revision, actor=ACTOR, reason="wait")


def resumed(task_id: str = A, *, revision: int = 3) -> TaskResumed:
    """Give the end of a pause."""
    return TaskResumed(task_id=task_id, tenant=TENANT, revision=revision, actor=ACTOR)


def triggered(task_id: str = A, *, revision: int = 1) -> TaskTriggered:
    """Give the wish for a run now."""
    return TaskTriggered(task_id=task_id, tenant=TENANT, revision=revision, actor=ACTOR)


def due(
    due_at: datetime = NOON,
    *,
    task_id: str = A,
    run_id: str | None = None,
    nominal_at: datetime | None = None,
    based_on: int = 1,
    delivery: int = 1,
    attempt: int = 1,
    action: Action | None = None,
    timeout_seconds: float = 30.0,
) -> TaskDue:
    """Give the word that an occurrence is due."""
    nominal_at = nominal_at or due_at
    return TaskDue(
        task_id=task_id,
        tenant=TENANT,
        revision=1,
        run_id=run_id or run_id_for(task_id, nominal_at),
        attempt=attempt,
        delivery=delivery,
        description="water the plants",
        nominal_at=nominal_at,
        due_at=due_at,
        based_on=based_on,
        action=action or LogAction(),
        timeout_seconds=timeout_seconds,
    )


def python_due(
    name: str, args: Mapping[str, Any] | None = None, *, timeout_seconds: float = 30.0
) -> TaskDue:
    """Give a run that calls a Python function."""
    return due(
        action=PythonAction(name=name, args=dict(args or {})), timeout_seconds=timeout_seconds
    )


def executed(
    of: TaskDue, *, finished_at: datetime | None = None, final: bool = True
) -> TaskExecuted:
    """Give the end of a run."""
    finished_at = finished_at or of.due_at
    return TaskExecuted(
        task_id=of.task_id,
        tenant=of.tenant,
        revision=of.revision,
        run_id=of.run_id,
        attempt=of.attempt,
        description=of.description,
        nominal_at=of.nominal_at,
        due_at=of.due_at,
        started_at=finished_at,
        finished_at=finished_at,
        outcome=Outcome.SUCCEEDED,
        executor="executor-1",
        action="log",
        final=final,
    )


def deferred(of: TaskDue, *, retry_at: datetime, at: datetime | None = None) -> TaskExecuted:
    """Give the word that a run went back, its target being at its limit; two seconds late."""
    return replace(
        executed(of, finished_at=at or of.due_at + 2 * SECOND, final=False),
        outcome=Outcome.CANCELLED,
        deferred=True,
        retry_at=retry_at,
        delivery=of.delivery,
        based_on=of.based_on,
    )


def started(of: TaskDue, *, lease_until: datetime) -> TaskStarted:
    """Give the word that a run is alive."""
    return TaskStarted(
        task_id=of.task_id,
        tenant=of.tenant,
        revision=of.revision,
        run_id=of.run_id,
        attempt=of.attempt,
        delivery=of.delivery,
        executor="executor-1",
        due_at=of.due_at,
        started_at=of.due_at,
        lease_until=lease_until,
    )


def envelope(
    event: AnyEvent,
    *,
    event_id: str | None = None,
    made_at: datetime | None = None,
    appended_at: datetime = EARLIER,
    topic: str = "duetime.tasks",
    offset: int = 0,
) -> Envelope:
    """Put an event into the log; it gets an id that no other has."""
    return Envelope(
        event=event,
        event_id=event_id or f"event-{next(_event_numbers)}",
        source="test",
        time=made_at or appended_at,
        position=Position(topic, 0, offset),
        appended_at=appended_at,
    )


def unreadable(
    task_id: str | None = A,
    *,
    topic: str = "duetime.tasks",
    offset: int = 0,
    appended_at: datetime = EARLIER,
) -> Unreadable:
    """Give a record that nobody can read."""
    return Unreadable(
        key=task_id,
        reason="not for human eyes",
        position=Position(topic, 0, offset),
        appended_at=appended_at,
    )
