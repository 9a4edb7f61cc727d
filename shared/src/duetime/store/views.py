"""The documents of the read models, and what is computed from them on read.

Knows what a reader may ask of a task or a run; not how documents are stored (adapters), nor how
events become documents (the projector).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from duetime.events.types import Outcome, RunKind, SkipCause
from duetime.limits import LATENESS_SECONDS_MAX
from duetime.task.occurrence import Progress, next_nominal
from duetime.task.state import Task, TaskStatus

_OVERDUE_AFTER: Final = timedelta(seconds=LATENESS_SECONDS_MAX)
_BEFORE_ALL: Final = 0  # a revision below every task's first


class ListedStatus(StrEnum):
    """A task's status as people see it."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    FINISHED = "finished"
    OVERDUE = "overdue"
    DELETED = "deleted"


class Mark(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A scheduled occurrence that was started or skipped: `revision` of the task said so then.

    `next_due_at` is what followed it by the rule of that revision; None where nothing did.
    """

    revision: int
    nominal_at: datetime
    next_due_at: datetime | None = None


class LastRun(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What the newest record about a task's runs says, and how far its schedule has come.

    `revision`: of the task as it was due. `nominal_at` is `due_at` where the record says no other.
    `lease_until` is there while the run is alive, `retry_at` while it waits for its next attempt.

    Two marks, because records come late, and again: `newest` is the one of the highest (revision,
    nominal time), `furthest` of the highest (nominal time, revision). They differ where a time was
    moved back, and where an old occurrence was delivered again under a new revision.
    `earlier` are the other nominal times that went before and can be named again.
    """

    run_id: str | None
    revision: int
    nominal_at: datetime
    due_at: datetime
    recorded_at: datetime
    attempt: int = 1
    outcome: Outcome | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lateness_seconds: float | None = None
    error: str | None = None
    skipped: SkipCause | None = None
    lease_until: datetime | None = None
    retry_at: datetime | None = None
    newest: Mark | None = None
    furthest: Mark | None = None
    earlier: tuple[datetime, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the run goes on: it is alive, or waits for its next attempt."""
        return self.lease_until is not None or self.retry_at is not None

    @property
    def nominal_times(self) -> tuple[datetime, ...]:
        """Give the nominal times of which is known that they went before: none is due again."""
        marked = (mark.nominal_at for mark in (self.newest, self.furthest) if mark is not None)
        return tuple(sorted({*self.earlier, *marked}))


class TaskDocument(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A task as read models hold it: two parts, each guarded by the offset of its own topic.

    Without `task` it is invisible: its runs were read before its creation.
    """

    task_id: str
    task: Task | None = None
    task_offset: int = -1
    last_run: LastRun | None = None
    run_offset: int = -1

    @property
    def visible(self) -> bool:
        """Whether lists show it: known and not deleted."""
        return self.task is not None and self.task.status is not TaskStatus.DELETED

    @property
    def next_due_at(self) -> datetime | None:
        """When it is due next, retries included; None when finished, paused or deleted."""
        if self.task is None or self.task.status is not TaskStatus.ACTIVE:
            return None
        occurrence_at = _next_occurrence_at(self.task, self.last_run)
        retry_at = None if self.last_run is None else self.last_run.retry_at
        if occurrence_at is None or retry_at is None:
            return occurrence_at or retry_at
        return min(occurrence_at, retry_at)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to run, and nothing runs."""
        return (
            self.task is not None
            and self.task.status is TaskStatus.ACTIVE
            and not (self.last_run is not None and self.last_run.open)
            and self.next_due_at is None
        )

    @property
    def updated_at(self) -> datetime | None:
        """When anything last happened to it, by the times of its events; None when nothing did."""
        if self.task is None:
            return None if self.last_run is None else self.last_run.recorded_at
        if self.last_run is None:
            return self.task.updated_at
        return max(self.task.updated_at, self.last_run.recorded_at)

    def status(self, now: datetime) -> ListedStatus:
        """Say how the task stands at `now`."""
        if self.task is None or self.task.status is TaskStatus.DELETED:
            return ListedStatus.DELETED
        if self.task.status is TaskStatus.PAUSED:
            return ListedStatus.PAUSED
        last = self.last_run
        if last is not None and last.lease_until is not None and now <= last.lease_until:
            return ListedStatus.RUNNING
        due_at = self.next_due_at
        if due_at is None:
            # A run whose lease ran out is neither running nor over: it will be delivered again.
            return ListedStatus.FINISHED if self.finished else ListedStatus.OVERDUE
        # A task accepted after its due time is late only from its acceptance on.
        if now > max(due_at, self.task.timing_changed_at) + _OVERDUE_AFTER:
            return ListedStatus.OVERDUE
        if last is not None and last.retry_at is not None:
            return ListedStatus.WAITING
        return ListedStatus.SCHEDULED


def merged(known: TaskDocument | None, incoming: TaskDocument) -> TaskDocument:
    """Give what stands when `incoming` meets `known`: of each part the one read further.

    Gives `known` itself back where nothing is new.
    """
    if known is None:
        return incoming
    task_is_newer = incoming.task_offset > known.task_offset
    run_is_newer = incoming.run_offset > known.run_offset
    if not (task_is_newer or run_is_newer):
        return known
    task_from = incoming if task_is_newer else known
    run_from = incoming if run_is_newer else known
    return TaskDocument(
        task_id=known.task_id,
        task=task_from.task,
        task_offset=task_from.task_offset,
        last_run=run_from.last_run,
        run_offset=run_from.run_offset,
    )


def _next_occurrence_at(task: Task, last: LastRun | None) -> datetime | None:
    if last is None or last.newest is None:
        return next_nominal(task, None)
    time = task.definition.time
    for mark in (last.furthest, last.newest):
        # No occurrence lies before `time`: one that does was due by an older timing, whatever
        # revision it was delivered again or tried again under.
        if mark is not None and mark.revision >= task.timing_revision and mark.nominal_at >= time:
            return mark.next_due_at
    newest = last.newest
    by_this_time = newest.nominal_at >= time
    return next_nominal(
        task,
        Progress(
            revision=newest.revision if by_this_time else _BEFORE_ALL,
            nominal_at=newest.nominal_at,
            earlier=last.nominal_times,
        ),
    )


class RunDocument(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A run that ended, or a stretch of occurrences that was skipped (`skipped` says why).

    `id` is the run id, or the event id of a skipped stretch. Times as in TaskExecuted; for a
    skipped stretch `due_at` and `last_due_at` are its ends, `finished_at` when it was recorded.
    """

    id: str
    task_id: str
    tenant: str
    revision: int
    description: str
    due_at: datetime
    finished_at: datetime
    position: int
    nominal_at: datetime | None = None
    accepted_at: datetime | None = None
    started_at: datetime | None = None
    outcome: Outcome | None = None
    kind: RunKind = RunKind.SCHEDULED
    attempt: int = 1
    action: str = ""
    executor: str = ""
    result: str | None = None
    error: str | None = None
    skipped: SkipCause | None = None
    skipped_by: str = ""
    last_due_at: datetime | None = None
    count: int | None = None

    @property
    def lateness_seconds(self) -> float | None:
        """How late it started, counted from the later of due and accepted; None if it did not."""
        if self.started_at is None:
            return None
        return lateness_seconds(self.started_at, self.due_at, self.accepted_at)


def lateness_seconds(started_at: datetime, due_at: datetime, accepted_at: datetime | None) -> float:
    """Give a start's lateness (DESIGN section 2), in seconds."""
    from_at = due_at if accepted_at is None else max(due_at, accepted_at)
    return (started_at - from_at).total_seconds()
