"""What the lists are ordered by, and what may be pruned: the same for every adapter.

Knows sort keys as plain values; not how an adapter keeps them.
"""

from datetime import datetime
from typing import Final

from duetime.events.ids import microseconds
from duetime.store.cursors import Place
from duetime.store.views import RunDocument, TaskDocument

TASKS: Final = "tasks"
WAITING: Final = 0  # section of the tasks with a next due time, upwards
RESTING: Final = 1  # section of the others, by their last update, downwards


def run_list(task_id: str | None) -> str:
    """Name the list of all runs, or of one task's: the cursors of one are none of the other's."""
    return "runs" if task_id is None else f"runs of {task_id}"


def task_place(document: TaskDocument) -> Place | None:
    """Say where a task stands in the list of tasks; None where it does not appear."""
    if not document.visible:
        return None
    next_due_at = document.next_due_at
    if next_due_at is not None:
        return Place(WAITING, microseconds(next_due_at), document.task_id)
    updated_at = document.updated_at
    assert updated_at is not None, "a visible task was created at some time"
    return Place(RESTING, microseconds(updated_at), document.task_id)


def run_place(run: RunDocument) -> Place:
    """Say where a run stands in a list of runs, which goes downwards."""
    return Place(0, microseconds(run.finished_at), run.id)


def ended(document: TaskDocument) -> bool:
    """Whether a document may go once it is old: nothing will run, or nobody knows its task."""
    return document.task is None or not document.visible or document.finished


def ended_before(document: TaskDocument, before: datetime) -> bool:
    """Whether a document may go now, judged by the times of its events alone."""
    updated_at = document.updated_at
    return updated_at is not None and updated_at < before and ended(document)
