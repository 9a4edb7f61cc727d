"""What is computed from a task's document: when it is next due, whether it is over, its status."""

from datetime import timedelta

import msgspec
import pytest

from duetime.events.types import Outcome
from duetime.recurrence.rules import Daily
from duetime.store.order import ended_before
from duetime.store.views import LastRun, ListedStatus, Mark, TaskDocument, merged
from duetime.task.state import Task, TaskStatus
from tests.support.documents import NOON, a_last_run, a_task, at, finished, scheduled, with_status

DAY = timedelta(days=1)


def ran(task: Task, *records: LastRun) -> TaskDocument:
    """Give the document of a task after its last run."""
    last_run = records[-1] if records else None
    return TaskDocument(task_id="t", task=task, task_offset=0, last_run=last_run, run_offset=0)


def running(*, lease_until: float = 30) -> LastRun:
    return LastRun(
        run_id="r",
        revision=1,
        nominal_at=NOON,
        due_at=NOON,
        recorded_at=NOON,
        started_at=NOON,
        lease_until=at(lease_until),
    )


def failed_for_now(*, retry_at: float) -> LastRun:
    over = a_last_run()
    return msgspec.structs.replace(over, outcome=Outcome.FAILED, retry_at=at(retry_at))


# --- when it is next due ---------------------------------------------------------------------


def test_a_new_task_is_due_at_its_time() -> None:
    assert NOON == ran(a_task()).next_due_at


def test_a_one_time_task_that_ran_is_finished() -> None:
    document = ran(a_task(), a_last_run())

    assert None is document.next_due_at
    assert document.finished


def test_a_recurring_task_is_due_when_its_last_run_said() -> None:
    document = ran(a_task(recurrence=Daily()), a_last_run(next_due_at=NOON + DAY))

    assert NOON + DAY == document.next_due_at
    assert not document.finished


def test_a_new_description_schedules_nothing_again() -> None:
    document = ran(a_task(revision=2, time_revision=1), a_last_run(revision=1))

    assert None is document.next_due_at
    assert document.finished


def test_a_new_time_after_the_run_schedules_it_again() -> None:
    document = ran(a_task(time=at(60), revision=2, time_revision=2), a_last_run(revision=1))

    assert at(60) == document.next_due_at
    assert not document.finished


def test_the_end_of_a_run_by_the_old_time_does_not_finish_the_new_one() -> None:
    moved = a_task(time=at(60), revision=2, time_revision=2)
    late_end = a_last_run(revision=1, nominal_at=NOON)

    assert at(60) == ran(moved, late_end).next_due_at


def test_an_old_occurrence_delivered_again_after_the_change_does_not_finish_the_new_time() -> None:
    moved = a_task(time=at(60), revision=2, time_revision=2)
    delivered_again = a_last_run(revision=2, nominal_at=NOON)

    assert at(60) == ran(moved, delivered_again).next_due_at


def test_the_time_that_ran_is_not_due_again_when_it_is_set_back() -> None:
    there_and_back = a_task(time=NOON, revision=3, time_revision=3)

    assert None is ran(there_and_back, a_last_run(revision=1, nominal_at=NOON)).next_due_at


def test_a_time_moved_back_onto_a_minute_ago_ran_once() -> None:
    moved_back = a_task(time=at(-30), revision=2, time_revision=2)
    marks = msgspec.structs.replace(
        a_last_run(revision=2, nominal_at=at(-30)),
        furthest=Mark(revision=1, nominal_at=NOON),
    )

    assert None is ran(moved_back, marks).next_due_at


def test_a_rule_that_was_taken_away_leaves_nothing_due() -> None:
    plain_now = a_task(revision=2, time_revision=1, timing_revision=2)
    last = a_last_run(nominal_at=NOON + DAY, next_due_at=NOON + 2 * DAY)

    assert None is ran(plain_now, last).next_due_at


def test_a_rule_that_was_added_goes_on_from_the_change() -> None:
    daily_now = a_task(
        revision=2, time_revision=1, timing_revision=2, recurrence=Daily(), updated_at=at(100)
    )

    assert NOON + DAY == ran(daily_now, a_last_run()).next_due_at


@pytest.mark.parametrize("status", [TaskStatus.PAUSED, TaskStatus.DELETED])
def test_paused_and_deleted_tasks_are_not_due(status: TaskStatus) -> None:
    document = ran(a_task(status=status))

    assert None is document.next_due_at
    assert not document.finished


def test_a_retry_is_what_is_due_next() -> None:
    document = ran(a_task(), failed_for_now(retry_at=60))

    assert at(60) == document.next_due_at
    assert not document.finished


def test_of_a_retry_and_an_occurrence_the_earlier_is_due_next() -> None:
    mark = Mark(revision=1, nominal_at=NOON, next_due_at=at(30))
    last = msgspec.structs.replace(failed_for_now(retry_at=60), newest=mark, furthest=mark)

    assert at(30) == ran(a_task(recurrence=Daily()), last).next_due_at


# --- its status ------------------------------------------------------------------------------


def test_a_task_is_scheduled_then_overdue() -> None:
    document = ran(a_task())

    assert ListedStatus.SCHEDULED == document.status(at(10))
    assert ListedStatus.OVERDUE == document.status(at(10.000001))


def test_a_task_accepted_late_is_overdue_from_its_acceptance_on() -> None:
    document = ran(a_task(time=NOON, updated_at=at(50)))

    assert ListedStatus.SCHEDULED == document.status(at(60))
    assert ListedStatus.OVERDUE == document.status(at(61))


def test_a_task_runs_while_its_lease_holds() -> None:
    document = ran(a_task(), running(lease_until=30))

    assert ListedStatus.RUNNING == document.status(at(30))
    assert ListedStatus.OVERDUE == document.status(at(31))


def test_a_second_attempt_whose_lease_ran_out_is_overdue_not_finished() -> None:
    mark = Mark(revision=1, nominal_at=NOON)
    document = ran(a_task(), msgspec.structs.replace(running(), newest=mark, furthest=mark))

    assert not document.finished
    assert ListedStatus.OVERDUE == document.status(at(31))


def test_a_task_waits_for_its_retry_until_that_is_overdue() -> None:
    document = ran(a_task(), failed_for_now(retry_at=60))

    assert ListedStatus.WAITING == document.status(at(70))
    assert ListedStatus.OVERDUE == document.status(at(71))


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (finished("t"), ListedStatus.FINISHED),
        (with_status(scheduled("t"), TaskStatus.PAUSED, offset=1), ListedStatus.PAUSED),
        (with_status(scheduled("t"), TaskStatus.DELETED, offset=1), ListedStatus.DELETED),
        (TaskDocument(task_id="t", last_run=a_last_run(), run_offset=0), ListedStatus.DELETED),
    ],
)
def test_what_waits_for_nothing_has_one_status_for_ever(
    document: TaskDocument, status: ListedStatus
) -> None:
    assert status == document.status(at(0))
    assert status == document.status(NOON + 1_000 * DAY)


# --- merging and expiry ----------------------------------------------------------------------


@pytest.mark.promise("P6")
def test_of_each_part_the_one_read_further_stands() -> None:
    new_task = TaskDocument(task_id="t", task=a_task(description="new"), task_offset=2)
    both = TaskDocument(
        task_id="t",
        task=a_task(description="old"),
        task_offset=1,
        last_run=a_last_run(),
        run_offset=1,
    )
    expected = msgspec.structs.replace(both, task=new_task.task, task_offset=2)

    assert expected == merged(both, new_task)
    assert expected == merged(new_task, both)


def test_merging_nothing_new_gives_the_same_document() -> None:
    document = finished("t")

    assert document is merged(document, finished("t"))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (finished("t", at(-1)), True),
        (finished("t", at(0)), False),
        (with_status(scheduled("t"), TaskStatus.DELETED, offset=1), True),
        (with_status(scheduled("t", at(-900)), TaskStatus.PAUSED, offset=1), False),
        (scheduled("t", at(-900)), False),
        (ran(a_task(), failed_for_now(retry_at=1)), False),
        (ran(a_task(), running()), False),
        (TaskDocument(task_id="t", last_run=a_last_run(nominal_at=at(-1)), run_offset=0), True),
        (TaskDocument(task_id="t"), False),
    ],
)
def test_only_what_has_ended_expires(document: TaskDocument, expected: bool) -> None:
    assert expected == ended_before(document, NOON)
