"""One task in the timer: what an event, or the passing of time, makes of its state.

Rule 1: every change of a TaskState lives here, pure and total, one task at a time.
Rule 2: no index, no partition, no other task; `now` is an argument.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec.structs import replace

from duetime.events.envelope import Envelope
from duetime.events.ids import run_id_for
from duetime.events.types import (
    SkipCause,
    TaskDue,
    TaskExecuted,
    TaskSkipped,
    TaskStarted,
)
from duetime.limits import MARKER_SECONDS
from duetime.task.evolve import Verdict, evolve
from duetime.task.occurrence import Missed, Progress, latest_due, next_nominal, nominal_after
from duetime.task.state import Task, TaskStatus
from duetime.timer.state import OpenRun, TaskState

_MARKER: Final = timedelta(seconds=MARKER_SECONDS)


class Fired(NamedTuple):
    """What time did to a task: the facts to append, and its state after them (None: forget it)."""

    facts: Sequence[TaskDue | TaskSkipped]
    state: TaskState | None


def learn(state: TaskState | None, envelope: Envelope) -> TaskState | None:
    """Fold one event of `tasks` or `executions`. Gives the same object where nothing changed."""
    event = envelope.event
    if isinstance(event, TaskDue | TaskStarted):
        return state
    if isinstance(event, TaskExecuted | TaskSkipped):
        if state is None or event.run_id is None:
            return state
        if isinstance(event, TaskExecuted) and not event.final:
            return state
        return _run_closed(state, event.run_id, envelope)
    task, verdict = evolve(None if state is None else state.task, envelope)
    if verdict is not Verdict.APPLIED or task is None:
        return state
    return _task_changed(state, task, envelope)


def fire(state: TaskState, now: datetime, *, based_on: int) -> Fired:
    """Let time do what it does to a task whose `wake_at` has come."""
    if state.marker_until is not None:
        return Fired((), None if state.marker_until <= now else state)
    if state.next_at is None or state.next_at > now:
        return Fired((), state)
    task = state.task
    nominal_at, missed = latest_due(task, state.next_at, now)
    next_at = nominal_after(task, nominal_at)
    due = _due(task, nominal_at, next_at, based_on)
    facts: list[TaskDue | TaskSkipped] = []
    if missed is not None:
        facts.append(_missed(task, missed, next_due_at=nominal_at))
    facts.append(due)
    run = OpenRun(run_id=due.run_id, nominal_at=nominal_at, due_at=due.due_at)
    after = replace(
        state,
        progress=Progress(revision=task.revision, nominal_at=nominal_at),
        next_at=next_at,
        open_runs=(*state.open_runs, run),
    )
    return Fired(facts, after)


def _task_changed(state: TaskState | None, task: Task, envelope: Envelope) -> TaskState:
    before = TaskState(task=task) if state is None else replace(state, task=task)
    if task.status is TaskStatus.DELETED:
        at = envelope.appended_at or envelope.time
        return replace(before, next_at=None, marker_until=at + _MARKER)
    return _settled(_rescheduled(before), envelope)


def _rescheduled(state: TaskState) -> TaskState:
    """Find the next nominal time anew after a change; a marker that is scheduled again wakes up."""
    task = state.task
    if task.status is TaskStatus.PAUSED:
        return replace(state, next_at=None, marker_until=None)
    next_at = next_nominal(task, state.progress)
    if next_at is not None and next_at < task.updated_at and state.progress is not None:
        # What a pause held back is not made up for: a recurring task goes on from here.
        held = state.next_at is None and task.definition.recurrence is not None
        next_at = nominal_after(task, task.updated_at) if held else next_at
    return replace(state, next_at=next_at, marker_until=None)


def _run_closed(state: TaskState, run_id: str, envelope: Envelope) -> TaskState:
    still_open = tuple(run for run in state.open_runs if run.run_id != run_id)
    if len(still_open) == len(state.open_runs):
        return state
    return _settled(replace(state, open_runs=still_open), envelope)


def _settled(state: TaskState, envelope: Envelope) -> TaskState:
    """Turn a task that has nothing left to do into a marker.

    The marker outlives every late repeat of the creation (an event is void VOID_AFTER_SECONDS after
    it was made), so no repeat can bring the task back to life.
    """
    idle = state.next_at is None and not state.open_runs
    if not idle or state.marker_until is not None or state.task.status is not TaskStatus.ACTIVE:
        return state
    at = envelope.appended_at or envelope.time
    return replace(state, marker_until=at + _MARKER)


def _due(task: Task, nominal_at: datetime, next_at: datetime | None, based_on: int) -> TaskDue:
    definition = task.definition
    accepted_at = task.timing_changed_at
    return TaskDue(
        task_id=task.task_id,
        tenant=task.tenant,
        revision=task.revision,
        run_id=run_id_for(task.task_id, nominal_at),
        description=definition.description,
        nominal_at=nominal_at,
        due_at=nominal_at,
        based_on=based_on,
        action=definition.action,
        timeout_seconds=definition.timeout_seconds,
        accepted_at=accepted_at if accepted_at > nominal_at else None,
        next_due_at=next_at,
    )


def _missed(task: Task, missed: Missed, *, next_due_at: datetime) -> TaskSkipped:
    return TaskSkipped(
        task_id=task.task_id,
        tenant=task.tenant,
        revision=task.revision,
        description=task.definition.description,
        cause=SkipCause.MISSED,
        by="timer",
        first_due_at=missed.first_at,
        last_due_at=missed.last_at,
        count=missed.count,
        next_due_at=next_due_at,
    )
