"""The fold: `evolve(task, envelope)` says what an event makes of a task.

Rule 1: every change of a task's state lives here, and every service folds with this one function.
Rule 2: it is total and pure. Kafka cannot append "if unchanged", so the order in the partition
decides: an event that is illegal where it landed changes nothing and says so.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

import msgspec

from duetime.events.envelope import Envelope
from duetime.events.types import (
    Definition,
    TaskCreated,
    TaskDeleted,
    TaskDue,
    TaskEvent,
    TaskExecuted,
    TaskPaused,
    TaskResumed,
    TaskSkipped,
    TaskStarted,
    TaskTriggered,
    TaskUpdated,
)
from duetime.limits import RECENT_EVENT_IDS_MAX, VOID_AFTER_SECONDS
from duetime.task.state import Task, TaskStatus

_VOID_AFTER: Final = timedelta(seconds=VOID_AFTER_SECONDS)
# A tuple: a union in the condition would be built anew for each event.
_OF_RUNS: Final = (TaskDue, TaskStarted, TaskExecuted, TaskSkipped)


class Verdict(StrEnum):
    """What became of an event where it landed."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"  # this very event was applied before
    IGNORED = "ignored"  # illegal where it landed
    REFUSED = "refused"  # the revision it expected did not hold
    VOID = "void"  # appended too long after it was made: a stuck retry


class Evolution(NamedTuple):
    """The task after an event, and what became of the event."""

    task: Task | None
    verdict: Verdict


def is_void(envelope: Envelope, appended_at: datetime) -> bool:
    """Whether an event was appended too long after it was made: no reader takes it for one."""
    return appended_at - envelope.time > _VOID_AFTER


def evolve(task: Task | None, envelope: Envelope) -> Evolution:
    """Fold one event. Anything but APPLIED gives the task back as it was."""
    event = envelope.event
    if isinstance(event, _OF_RUNS):
        return Evolution(task, Verdict.IGNORED)
    at = envelope.appended_at or envelope.time
    if task is not None and envelope.event_id in task.recent_event_ids:
        return Evolution(task, Verdict.DUPLICATE)
    if is_void(envelope, at):
        return Evolution(task, Verdict.VOID)
    if task is None:
        if not isinstance(event, TaskCreated):
            return Evolution(None, Verdict.IGNORED)
        return Evolution(_created(event, envelope.event_id, at), Verdict.APPLIED)
    if event.tenant != task.tenant:
        return Evolution(task, Verdict.IGNORED)
    return _changed(task, event, envelope.event_id, at)


def _changed(task: Task, event: TaskEvent, event_id: str, at: datetime) -> Evolution:
    if isinstance(event, TaskCreated) or task.status is TaskStatus.DELETED:
        return Evolution(task, Verdict.IGNORED)
    match event:
        case TaskUpdated() | TaskDeleted() if _expects_another_revision(task, event):
            return Evolution(task, Verdict.REFUSED)
        case TaskUpdated():
            after = _updated(task, event.definition, at)
        case TaskDeleted():
            after = msgspec.structs.replace(task, status=TaskStatus.DELETED)
        case TaskPaused():
            if task.status is TaskStatus.PAUSED:
                return Evolution(task, Verdict.IGNORED)
            after = msgspec.structs.replace(task, status=TaskStatus.PAUSED, reason=event.reason)
        case TaskResumed():
            if task.status is TaskStatus.ACTIVE:
                return Evolution(task, Verdict.IGNORED)
            # Going on is a change of timing: what the pause held back is not made up for.
            after = msgspec.structs.replace(
                task,
                status=TaskStatus.ACTIVE,
                reason=event.reason,
                timing_revision=task.revision + 1,
                timing_changed_at=at,
            )
        case TaskTriggered():
            return Evolution(_remembering(task, event_id), Verdict.APPLIED)
        case _:
            assert_never(event)
    after = msgspec.structs.replace(
        after, revision=task.revision + 1, updated_at=at, actor=event.actor
    )
    return Evolution(_remembering(after, event_id), Verdict.APPLIED)


def _created(event: TaskCreated, event_id: str, at: datetime) -> Task:
    return Task(
        task_id=event.task_id,
        tenant=event.tenant,
        revision=1,
        status=TaskStatus.ACTIVE,
        definition=event.definition,
        created_at=at,
        updated_at=at,
        time_revision=1,
        timing_revision=1,
        timing_changed_at=at,
        actor=event.actor,
        fingerprint=event.fingerprint,
        keyed=event.keyed,
        recent_event_ids=(event_id,),
    )


def _updated(task: Task, definition: Definition, at: datetime) -> Task:
    revision = task.revision + 1
    before = task.definition
    time_changed = definition.time != before.time
    timing_changed = (
        time_changed
        or definition.recurrence != before.recurrence
        or (definition.recurrence is not None and definition.timezone != before.timezone)
    )
    return msgspec.structs.replace(
        task,
        definition=definition,
        time_revision=revision if time_changed else task.time_revision,
        timing_revision=revision if timing_changed else task.timing_revision,
        timing_changed_at=at if timing_changed else task.timing_changed_at,
    )


def _expects_another_revision(task: Task, event: TaskUpdated | TaskDeleted) -> bool:
    return event.expected_revision is not None and event.expected_revision != task.revision


def _remembering(task: Task, event_id: str) -> Task:
    recent = (*task.recent_event_ids, event_id)[-RECENT_EVENT_IDS_MAX:]
    return msgspec.structs.replace(task, recent_event_ids=recent)
