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
    RunKind,
    SkipCause,
    TaskDue,
    TaskExecuted,
    TaskSkipped,
    TaskStarted,
    TaskUpdated,
)
from duetime.limits import (
    DEFER_SECONDS_MAX,
    MARKER_SECONDS,
    REDELIVER_SECONDS,
    REDELIVER_SECONDS_MAX,
)
from duetime.task.evolve import Verdict, evolve
from duetime.task.occurrence import NAMEABLE, Missed, Progress, latest_due, next_nominal
from duetime.task.state import Task, TaskStatus
from duetime.timer.state import OpenRun, RunPhase, TaskState

_MARKER: Final = timedelta(seconds=MARKER_SECONDS)
_DEFERRED_MAX: Final = timedelta(seconds=DEFER_SECONDS_MAX)
_NOT_AHEAD: Final = timedelta(0)


class Fired(NamedTuple):
    """What time did to a task: the facts to append, and its state after them (None: forget it)."""

    facts: Sequence[TaskDue | TaskSkipped]
    state: TaskState | None


def learn(state: TaskState | None, envelope: Envelope) -> TaskState | None:
    """Fold one event of `tasks` or `executions`. Gives the same object where nothing changed."""
    event = envelope.event
    match event:
        case TaskDue():
            return state
        case TaskStarted():
            return None if state is None else _leased(state, event)
        case TaskExecuted(deferred=True):
            at = envelope.appended_at or envelope.time
            return None if state is None else _deferred(state, event, at)
        case TaskExecuted() | TaskSkipped():
            closes = isinstance(event, TaskSkipped) or event.final
            if state is None or event.run_id is None or not closes:
                return state
            return _run_closed(state, event, envelope)
        case TaskUpdated() if state is None:
            changed = learn(_forgotten(event, envelope), envelope)
            return None if changed is None or changed.task.revision < event.revision else changed
        case _:
            at = envelope.appended_at or envelope.time
            before = None if state is None else _taken_back(state, at)
            task, verdict = evolve(None if before is None else before.task, envelope)
            if verdict is Verdict.APPLIED and task is not None:
                return _task_changed(before, task, envelope)
            if before is state or before is None:
                return state
            return _rescheduled(before)


def learn_unreadable(state: TaskState, at: datetime) -> TaskState:
    """Hold a task of which an event, appended `at`, could not be read: perhaps its deletion."""
    before = _taken_back(state, at)
    if before is not state:
        before = _rescheduled(before)
    return before if before.unreadable else replace(before, unreadable=True)


def fire(
    state: TaskState, now: datetime, *, based_on: int, lookahead: timedelta = _NOT_AHEAD
) -> Fired:
    """Let time do what it does to a task whose `wake_at` has come."""
    if state.marker_until is not None:
        # A run that is still open keeps the marker: its lease or its deadline says how long.
        until = max([state.marker_until, *(run.deadline for run in state.open_runs)])
        return Fired((), None if until <= now else replace(state, marker_until=until))
    if state.task.status is not TaskStatus.ACTIVE:
        return Fired((), state)
    facts: list[TaskDue | TaskSkipped] = []
    after = _redelivered(state, now, based_on, facts)
    if after.next_at is not None and after.next_at <= now + lookahead:
        after = _dispatched(after, after.next_at, now, based_on, facts)
    return Fired(facts, after)


def _dispatched(
    state: TaskState,
    due_at: datetime,
    now: datetime,
    based_on: int,
    facts: list[TaskDue | TaskSkipped],
) -> TaskState:
    """Dispatch the occurrence that is due, in place of all that were missed before it."""
    task = state.task
    nominal_at, missed = latest_due(task, due_at, now)
    if state.progress is not None and state.progress.covers(nominal_at):
        nominal_at, missed = due_at, None
    progress = _progressed(state, nominal_at, now)
    next_at = next_nominal(task, progress)
    after = replace(state, progress=progress, next_at=next_at)
    if state.unreadable:
        first_at = nominal_at if missed is None else missed.first_at
        count = 1 if missed is None else missed.count and missed.count + 1
        stretch = Missed(first_at=first_at, last_at=nominal_at, count=count)
        facts.append(_skipped(task, SkipCause.UNREADABLE, stretch, next_due_at=next_at))
        return after
    if missed is not None:
        facts.append(_skipped(task, SkipCause.MISSED, missed, next_due_at=nominal_at))
    accepted_at = task.timing_changed_at
    run = OpenRun(
        run_id=run_id_for(task.task_id, nominal_at),
        nominal_at=nominal_at,
        due_at=nominal_at,
        deadline=max(now, nominal_at) + _redeliver_after(delivery=1),
        accepted_at=accepted_at if accepted_at > nominal_at else None,
        ahead=nominal_at > now,
        before=state.progress,
    )
    facts.append(_due(task, run, next_at, based_on))
    return replace(after, open_runs=(*state.open_runs, run))


def _taken_back(state: TaskState, at: datetime) -> TaskState:
    """Take back what is out and was not yet due when something about the task was appended.

    Also what left late, from a timer that had not read that far: the log's time alone counts.
    Whatever that was: the executor, which folds nothing, drops a held run for any record of its
    task that lies before the due time, and the two must agree. What still holds leaves again, under
    the same run id. A recorded start outranks what came later.
    """
    back = [run for run in state.open_runs if run.phase is RunPhase.DISPATCHED and run.due_at > at]
    if not back:
        return state
    first = min(back, key=lambda run: run.due_at)
    return replace(
        state,
        open_runs=tuple(run for run in state.open_runs if run not in back),
        progress=first.before,
    )


def _progressed(state: TaskState, nominal_at: datetime, now: datetime) -> Progress:
    revision = state.task.revision
    if state.progress is None:
        return Progress(revision=revision, nominal_at=nominal_at)
    return state.progress.then(revision=revision, nominal_at=nominal_at, now=now)


def _redelivered(
    state: TaskState, now: datetime, based_on: int, facts: list[TaskDue | TaskSkipped]
) -> TaskState:
    """Emit again what is open and unheard of: a repeat under the same run id, never silence.

    Of a task that cannot be read nothing is emitted again; the record says so, and closes the run
    when it comes back.
    """
    if all(run.deadline > now for run in state.open_runs):
        return state
    runs = []
    for run in state.open_runs:
        if run.deadline > now:
            runs.append(run)
            continue
        delivery = run.delivery if state.unreadable else run.delivery + 1
        again = replace(
            run,
            delivery=delivery,
            deadline=now + _redeliver_after(delivery - run.deferrals),
            phase=RunPhase.DISPATCHED,
        )
        runs.append(again)
        if state.unreadable:
            alone = Missed(first_at=run.due_at, last_at=run.due_at, count=1)
            cause = SkipCause.UNREADABLE
            facts.append(
                _skipped(state.task, cause, alone, next_due_at=state.next_at, run_id=run.run_id)
            )
        else:
            facts.append(_due(state.task, again, state.next_at, based_on))
    return replace(state, open_runs=tuple(runs))


def _leased(state: TaskState, event: TaskStarted) -> TaskState:
    """Note that an open run is alive: it is left alone while its lease holds."""
    key = (event.run_id, event.attempt)
    runs = tuple(
        replace(run, phase=RunPhase.STARTED, deadline=max(run.deadline, event.lease_until))
        if (run.run_id, run.attempt) == key
        else run
        for run in state.open_runs
    )
    return state if runs == state.open_runs else replace(state, open_runs=runs)


def _deferred(state: TaskState, event: TaskExecuted, at: datetime) -> TaskState:
    """Let an open run wait whose target was at its limit; it leaves again as any that is unheard.

    Only the newest word about it can be given back: a later delivery is out, and is heard of. It
    counts no longer among those that are out ahead. What the executor's clock says is bounded.
    """
    if event.final or event.retry_at is None or state.marker_until is not None:
        return state
    key = (event.run_id, event.attempt, event.delivery, RunPhase.DISPATCHED)
    until = min(event.retry_at, at + _DEFERRED_MAX)
    runs = tuple(
        replace(
            run,
            phase=RunPhase.WAITING,
            deadline=until,
            ahead=False,
            deferrals=run.deferrals + 1,
        )
        if (run.run_id, run.attempt, run.delivery, run.phase) == key
        else run
        for run in state.open_runs
    )
    return state if runs == state.open_runs else replace(state, open_runs=runs)


def _task_changed(state: TaskState | None, task: Task, envelope: Envelope) -> TaskState:
    if state is None:  # it was created
        return _settled(TaskState(task=task, next_at=next_nominal(task, None)), envelope)
    before = replace(state, task=task, unreadable=False)
    if task.status is TaskStatus.DELETED:
        at = envelope.appended_at or envelope.time
        alive = tuple(run for run in before.open_runs if run.phase is not RunPhase.WAITING)
        before = replace(before, open_runs=alive)
        return replace(before, next_at=None, marker_until=at + _MARKER)
    return _settled(_rescheduled(before), envelope)


def _rescheduled(state: TaskState) -> TaskState:
    """Find the next nominal time anew after a change; a marker that is scheduled again wakes up."""
    task = state.task
    if task.status is TaskStatus.DELETED:
        return state  # its marker stays, whatever the log's clock said of what came after
    if task.status is TaskStatus.PAUSED:
        return replace(state, next_at=None, marker_until=None)
    return replace(state, next_at=next_nominal(task, state.progress), marker_until=None)


def _forgotten(event: TaskUpdated, envelope: Envelope) -> TaskState:
    """Give what the timer would still know of a finished task, had it not let go of it.

    Read models show finished tasks for weeks, the timer keeps them for minutes; a new time
    schedules them again all the same. What they ran lies further back than any time that can be
    asked for, so a time that lies further back is none that was ever accepted as new.
    """
    at = envelope.appended_at or envelope.time
    time = event.definition.time
    ran_at = time if at - time > NAMEABLE else at - _MARKER
    revision = event.revision - 1
    return TaskState(
        task=Task(
            task_id=event.task_id,
            tenant=event.tenant,
            revision=revision,
            status=TaskStatus.ACTIVE,
            definition=replace(event.definition, time=ran_at, recurrence=None),
            created_at=at,
            updated_at=at,
            time_revision=revision,
            timing_revision=revision,
            timing_changed_at=at,
            actor=event.actor,
        ),
        progress=Progress(revision=revision, nominal_at=ran_at, spent_to=ran_at),
    )


def _run_closed(
    state: TaskState, event: TaskExecuted | TaskSkipped, envelope: Envelope
) -> TaskState:
    still_open = tuple(run for run in state.open_runs if run.run_id != event.run_id)
    if len(still_open) < len(state.open_runs):
        return _settled(replace(state, open_runs=still_open), envelope)
    progress = state.progress
    if not isinstance(event, TaskExecuted) or event.kind is not RunKind.SCHEDULED:
        return state
    if progress is not None and progress.covers(event.nominal_at):
        return state
    # A run that was taken back had started all the same, too close to its due time to know. Its
    # nominal time has run; it must not be dispatched again.
    if progress is None:
        progress = Progress(revision=event.revision, nominal_at=event.nominal_at)
    else:
        progress = progress.also(event.nominal_at)
    after = replace(state, progress=progress)
    if state.next_at == event.nominal_at:
        after = _rescheduled(after)
    return _settled(after, envelope)


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


def _redeliver_after(delivery: int) -> timedelta:
    """Give how long to wait for news of a delivery: it doubles, up to a bound."""
    seconds = REDELIVER_SECONDS * 2 ** min(delivery - 1, 10)
    return timedelta(seconds=min(seconds, REDELIVER_SECONDS_MAX))


def _due(task: Task, run: OpenRun, next_at: datetime | None, based_on: int) -> TaskDue:
    definition = task.definition
    return TaskDue(
        task_id=task.task_id,
        tenant=task.tenant,
        revision=task.revision,
        run_id=run.run_id,
        attempt=run.attempt,
        delivery=run.delivery,
        description=definition.description,
        nominal_at=run.nominal_at,
        due_at=run.due_at,
        based_on=based_on,
        action=definition.action,
        timeout_seconds=definition.timeout_seconds,
        accepted_at=run.accepted_at,
        next_due_at=next_at,
        deferrals=run.deferrals,
    )


def _skipped(
    task: Task,
    cause: SkipCause,
    stretch: Missed,
    *,
    next_due_at: datetime | None,
    run_id: str | None = None,
) -> TaskSkipped:
    return TaskSkipped(
        task_id=task.task_id,
        tenant=task.tenant,
        revision=task.revision,
        description=task.definition.description,
        cause=cause,
        by="timer",
        run_id=run_id,
        first_due_at=stretch.first_at,
        last_due_at=stretch.last_at,
        count=stretch.count,
        next_due_at=next_due_at,
    )
