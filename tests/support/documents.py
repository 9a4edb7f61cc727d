"""Documents of the read models, and the values in them, with everything but the point left out.

Knows the shapes of `duetime.store.views`; not any store.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from duetime.events.types import Definition, Outcome, SkipCause
from duetime.recurrence.rules import Recurrence
from duetime.store.port import TopicPartition, ViewChanges
from duetime.store.views import LastRun, Mark, RunDocument, TaskDocument
from duetime.task.state import Task, TaskStatus

NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
TASKS_0: Final = TopicPartition("duetime.tasks", 0)
EXECUTIONS_0: Final = TopicPartition("duetime.executions", 0)


def at(seconds: float) -> datetime:
    """Give the instant so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def a_task(
    task_id: str = "t",
    *,
    time: datetime = NOON,
    revision: int = 1,
    time_revision: int = 1,
    timing_revision: int | None = None,
    status: TaskStatus = TaskStatus.ACTIVE,
    recurrence: Recurrence | None = None,
    description: str = "water the plants",
    updated_at: datetime | None = None,
) -> Task:
    """Give a task that was created an hour before noon."""
    created_at = at(-3_600)
    return Task(
        task_id=task_id,
        tenant="default",
        revision=revision,
        status=status,
        definition=Definition(description=description, time=time, recurrence=recurrence),
        created_at=created_at,
        updated_at=updated_at or created_at,
        time_revision=time_revision,
        timing_revision=timing_revision or time_revision,
        timing_changed_at=updated_at or created_at,
        actor="ada",
    )


def a_last_run(
    *,
    revision: int = 1,
    nominal_at: datetime = NOON,
    next_due_at: datetime | None = None,
    run_id: str = "r",
) -> LastRun:
    """Give what a run that succeeded on time leaves behind."""
    mark = Mark(revision=revision, nominal_at=nominal_at, next_due_at=next_due_at)
    return LastRun(
        run_id=run_id,
        revision=revision,
        due_at=nominal_at,
        nominal_at=nominal_at,
        recorded_at=nominal_at,
        finished_at=nominal_at,
        outcome=Outcome.SUCCEEDED,
        newest=mark,
        furthest=mark,
    )


def scheduled(task_id: str, due_at: datetime = NOON, *, offset: int = 0) -> TaskDocument:
    """Give the document of a task that waits for its time."""
    return TaskDocument(task_id=task_id, task=a_task(task_id, time=due_at), task_offset=offset)


def finished(task_id: str, finished_at: datetime = NOON, *, offset: int = 0) -> TaskDocument:
    """Give the document of a one-time task that ran."""
    return TaskDocument(
        task_id=task_id,
        task=a_task(task_id, time=finished_at),
        task_offset=offset,
        last_run=a_last_run(nominal_at=finished_at),
        run_offset=offset,
    )


def with_status(document: TaskDocument, status: TaskStatus, *, offset: int) -> TaskDocument:
    """Give the same document after an event that did nothing but set the status."""
    assert document.task is not None
    task = msgspec.structs.replace(document.task, status=status)
    return msgspec.structs.replace(document, task=task, task_offset=offset)


def a_run(
    run_id: str = "r",
    *,
    task_id: str = "t",
    finished_at: datetime = NOON,
    position: int = 0,
    outcome: Outcome = Outcome.SUCCEEDED,
    description: str = "water the plants",
) -> RunDocument:
    """Give a run that took no time."""
    return RunDocument(
        id=run_id,
        task_id=task_id,
        tenant="default",
        revision=1,
        description=description,
        due_at=finished_at,
        nominal_at=finished_at,
        started_at=finished_at,
        finished_at=finished_at,
        outcome=outcome,
        position=position,
    )


def a_skipped_stretch(event_id: str, *, finished_at: datetime, position: int) -> RunDocument:
    """Give a stretch of three occurrences that nobody could run."""
    return RunDocument(
        id=event_id,
        task_id="t",
        tenant="default",
        revision=1,
        description="water the plants",
        due_at=finished_at - timedelta(days=3),
        last_due_at=finished_at - timedelta(days=1),
        finished_at=finished_at,
        position=position,
        skipped=SkipCause.MISSED,
        skipped_by="timer",
        count=3,
    )


def changes(
    *documents: TaskDocument | RunDocument, positions: dict[TopicPartition, int] | None = None
) -> ViewChanges:
    """Give one flush."""
    return ViewChanges(
        tasks=[document for document in documents if isinstance(document, TaskDocument)],
        runs=[document for document in documents if isinstance(document, RunDocument)],
        positions=positions or {},
    )
