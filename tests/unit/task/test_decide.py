"""What may be asked of a task: an event, or a refusal that says which field and why."""

from datetime import datetime, timedelta
from typing import Final

import pytest

from duetime.events.types import Definition, TaskCreated, TaskDeleted, TaskUpdated
from duetime.limits import FUTURE_YEARS_MAX, PAST_SECONDS_MAX
from duetime.task import decide
from duetime.task.commands import CreateTask, DeleteTask, ReplaceTask
from duetime.task.decide import Rejection, RejectionCode
from duetime.task.evolve import Verdict, evolve
from duetime.task.state import Task
from tests.support.builders import (
    ACTOR,
    DAY,
    NOON,
    TENANT,
    A,
    created,
    definition,
    deleted,
    envelope,
    updated,
)

PAST: Final = timedelta(seconds=PAST_SECONDS_MAX)


def a_task(*, time: datetime = NOON, is_deleted: bool = False) -> Task:
    """Give a task at revision 2."""
    task, _ = evolve(None, envelope(created(time)))
    task, _ = evolve(task, envelope(deleted() if is_deleted else updated(time)))
    assert task is not None
    return task


def create(of: Definition) -> TaskCreated | Rejection:
    """Ask for a task at noon."""
    command = CreateTask(task_id=A, tenant=TENANT, actor=ACTOR, definition=of)
    return decide.create(command, NOON)


def replace(
    task: Task | None, to: Definition, *, expected_revision: int | None = None
) -> TaskUpdated | Rejection:
    """Ask for another definition at noon."""
    command = ReplaceTask(actor=ACTOR, definition=to, expected_revision=expected_revision)
    return decide.replace(task, command, NOON)


def delete(task: Task | None, *, expected_revision: int | None = None) -> TaskDeleted | Rejection:
    """Ask for a deletion."""
    return decide.delete(task, DeleteTask(actor=ACTOR, expected_revision=expected_revision))


def code(answer: object) -> RejectionCode:
    """Give why a command was refused."""
    assert isinstance(answer, Rejection)
    return answer.code


@pytest.mark.parametrize("time", [NOON - PAST, NOON, NOON + 36_500 * DAY])
def test_a_time_within_the_bounds_is_taken(time: datetime) -> None:
    assert isinstance(create(definition(time)), TaskCreated)


def test_a_time_more_than_a_minute_past_is_refused_by_name() -> None:
    answer = create(definition(NOON - PAST - timedelta.resolution))

    assert (
        Rejection(
            code=RejectionCode.TIME_PAST, field="time", reason="lies more than 60 s in the past"
        )
        == answer
    )


def test_a_time_more_than_a_century_ahead_is_refused() -> None:
    answer = create(definition(NOON + 366 * (FUTURE_YEARS_MAX + 1) * DAY))

    assert RejectionCode.TIME_TOO_FAR is code(answer)


def test_a_time_that_does_not_change_may_lie_far_back() -> None:
    long_ago = NOON - 30 * DAY
    answer = replace(a_task(time=long_ago), definition(long_ago, description="other words"))

    assert isinstance(answer, TaskUpdated)


def test_a_time_that_changes_must_not_lie_back() -> None:
    answer = replace(a_task(), definition(NOON - DAY))

    assert RejectionCode.TIME_PAST is code(answer)


@pytest.mark.parametrize("task", [None, a_task(is_deleted=True)], ids=["unknown", "deleted"])
def test_what_is_not_there_can_be_neither_replaced_nor_deleted(task: Task | None) -> None:
    assert RejectionCode.UNKNOWN_TASK is code(replace(task, definition()))
    assert RejectionCode.UNKNOWN_TASK is code(delete(task))


def test_a_condition_on_another_revision_is_refused_with_both_numbers() -> None:
    answer = replace(a_task(), definition(), expected_revision=1)

    assert isinstance(answer, Rejection)
    assert "the task is at revision 2, not 1" == answer.reason
    assert RejectionCode.REVISION_MISMATCH is code(delete(a_task(), expected_revision=1))


@pytest.mark.parametrize("expected_revision", [None, 2])
def test_what_is_decided_on_a_task_applies_to_it(expected_revision: int | None) -> None:
    task = a_task()
    for answer in (
        replace(task, definition(NOON + DAY), expected_revision=expected_revision),
        delete(task, expected_revision=expected_revision),
    ):
        assert not isinstance(answer, Rejection)
        after, verdict = evolve(task, envelope(answer))

        assert Verdict.APPLIED is verdict
        assert after is not None
        assert answer.revision == after.revision
