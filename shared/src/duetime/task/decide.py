"""What a task may do: a command on what is known of a task gives an event or a rejection.

Rule 1: whatever refuses a command for the sake of the domain lives here; HTTP is unknown here.
Rule 2: pure; `now` is an argument, nothing changes. The event counts when the log has accepted it
and every reader folds it (`evolve`), also where the state has moved on meanwhile.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from duetime.events.types import Definition, TaskCreated, TaskDeleted, TaskUpdated
from duetime.limits import FUTURE_YEARS_MAX, PAST_SECONDS_MAX
from duetime.task.commands import CreateTask, DeleteTask, ReplaceTask
from duetime.task.state import Task, TaskStatus

_PAST_MAX: Final = timedelta(seconds=PAST_SECONDS_MAX)
_FUTURE_MAX: Final = timedelta(days=366 * FUTURE_YEARS_MAX)


class RejectionCode(StrEnum):
    """Why a command is refused."""

    UNKNOWN_TASK = "unknown_task"
    REVISION_MISMATCH = "revision_mismatch"
    TIME_PAST = "time_past"
    TIME_TOO_FAR = "time_too_far"


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A refused command: the code, the field at fault where there is one, and a sentence."""

    code: RejectionCode
    reason: str
    field: str | None = None


def create(command: CreateTask, now: datetime) -> TaskCreated | Rejection:
    """Answer CreateTask."""
    refused = _time_refused(command.definition, now)
    if refused is not None:
        return refused
    return TaskCreated(
        task_id=command.task_id,
        tenant=command.tenant,
        revision=1,
        actor=command.actor,
        definition=command.definition,
        fingerprint=command.fingerprint,
        keyed=command.keyed,
    )


def replace(task: Task | None, command: ReplaceTask, now: datetime) -> TaskUpdated | Rejection:
    """Answer ReplaceTask. A time that does not change is not judged: it may lie far back."""
    refused = _not_there(task, command.expected_revision)
    if refused is not None or task is None:
        return refused or _unknown()
    if command.definition.time != task.definition.time:
        refused = _time_refused(command.definition, now)
        if refused is not None:
            return refused
    return TaskUpdated(
        task_id=task.task_id,
        tenant=task.tenant,
        revision=task.revision + 1,
        actor=command.actor,
        definition=command.definition,
        expected_revision=command.expected_revision,
    )


def delete(task: Task | None, command: DeleteTask) -> TaskDeleted | Rejection:
    """Answer DeleteTask."""
    refused = _not_there(task, command.expected_revision)
    if refused is not None or task is None:
        return refused or _unknown()
    return TaskDeleted(
        task_id=task.task_id,
        tenant=task.tenant,
        revision=task.revision + 1,
        actor=command.actor,
        expected_revision=command.expected_revision,
    )


def _not_there(task: Task | None, expected_revision: int | None) -> Rejection | None:
    if task is None or task.status is TaskStatus.DELETED:
        return _unknown()
    if expected_revision is not None and expected_revision != task.revision:
        return Rejection(
            code=RejectionCode.REVISION_MISMATCH,
            reason=f"the task is at revision {task.revision}, not {expected_revision}",
        )
    return None


def _unknown() -> Rejection:
    return Rejection(code=RejectionCode.UNKNOWN_TASK, reason="there is no such task")


def _time_refused(definition: Definition, now: datetime) -> Rejection | None:
    time = definition.time
    if time < now - _PAST_MAX:
        return Rejection(
            code=RejectionCode.TIME_PAST,
            field="time",
            reason=f"lies more than {PAST_SECONDS_MAX:.0f} s in the past",
        )
    if time > now + _FUTURE_MAX:
        return Rejection(
            code=RejectionCode.TIME_TOO_FAR,
            field="time",
            reason=f"lies more than {FUTURE_YEARS_MAX} years ahead",
        )
    return None
