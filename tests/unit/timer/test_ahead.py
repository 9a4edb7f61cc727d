"""What leaves before its time, and what takes it back."""

from datetime import timedelta
from typing import Final

import pytest

from duetime.events.types import AnyEvent, TaskDue
from duetime.limits import AHEAD_RUNS_MAX, DUE_PER_DECISION_MAX, TICK_SECONDS, TICK_SECONDS_MIN
from tests.support.builders import (
    DAILY,
    DAY,
    NOON,
    SECOND,
    A,
    B,
    created,
    deleted,
    executed,
    paused,
    resumed,
    started,
    triggered,
    updated,
)
from tests.support.given import Fact, given, runs

AHEAD: Final = 5 * SECOND
TICK: Final = timedelta(seconds=TICK_SECONDS)
LEAVES: Final = NOON - AHEAD


def dues(facts: list[Fact]) -> list[TaskDue]:
    return [fact for fact in facts if isinstance(fact, TaskDue)]


@pytest.mark.promise("P2")
def test_a_run_leaves_its_lookahead_before_its_time_and_not_sooner() -> None:
    story = given(created(), lookahead=AHEAD)

    assert [] == runs(story.at(LEAVES - TICK))
    assert [NOON] == runs(story.at(LEAVES))
    assert [] == runs(story.at(NOON))


def test_what_is_not_urgent_waits_for_the_tick() -> None:
    story = given(created(), created(NOON + TICK / 2, task_id=B), lookahead=AHEAD)
    story.at(LEAVES)

    assert LEAVES + TICK == story.core.wake_at()
    assert [] == runs(story.at(LEAVES + TICK / 2))
    assert [NOON + TICK / 2] == runs(story.at(LEAVES + TICK))


@pytest.mark.promise("P2")
def test_what_is_due_at_once_waits_no_longer_than_the_shortest_tick() -> None:
    story = given(created(), lookahead=AHEAD)
    story.at(LEAVES)
    story.then(created(LEAVES, task_id=B), at=LEAVES)

    assert LEAVES + timedelta(seconds=TICK_SECONDS_MIN) == story.core.wake_at()


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    ("change", "again"),
    [
        (deleted(), []),
        (paused(), []),
        (updated(NOON + DAY), []),
        (updated(NOON, description="other words"), [NOON]),
        (updated(NOON + SECOND), [NOON + SECOND]),
        (updated(NOON, expected_revision=7), [NOON]),
        (created(), [NOON]),
        (triggered(), [NOON]),
    ],
)
def test_a_change_before_due_takes_back_what_is_out_and_what_still_holds_leaves_again(
    change: AnyEvent, again: list[object]
) -> None:
    story = given(created(), lookahead=AHEAD)
    first = dues(story.at(LEAVES))
    story.then(change, at=NOON - 2 * SECOND)
    said = dues(story.at(NOON - SECOND))

    assert again == [due.nominal_at for due in said]
    for due in said:
        assert due.based_on > first[0].based_on


def test_what_leaves_again_at_the_same_time_has_the_same_run_id() -> None:
    story = given(created(), lookahead=AHEAD)
    first = dues(story.at(LEAVES))
    story.then(updated(NOON, description="other words"), at=NOON - 2 * SECOND)
    again = dues(story.at(NOON - SECOND))

    assert [due.run_id for due in first] == [due.run_id for due in again]
    assert ["other words"] == [due.description for due in again]


@pytest.mark.promise("P4")
def test_what_nobody_can_read_takes_back_what_is_out_and_holds_the_task() -> None:
    story = given(created(), lookahead=AHEAD)
    story.at(LEAVES)
    story.then_something_unreadable(at=NOON - 2 * SECOND)

    assert [] == runs(story.at(NOON - SECOND))


def test_a_change_at_the_due_time_or_later_leaves_what_is_out_alone() -> None:
    story = given(created(), lookahead=AHEAD)
    story.at(LEAVES)
    story.then(updated(NOON, description="too late"), at=NOON)

    assert [] == runs(story.at(NOON + SECOND))


@pytest.mark.promise("P3")
def test_a_recorded_start_outranks_a_change_that_came_before_due() -> None:
    story = given(created(), lookahead=AHEAD)
    (due,) = dues(story.at(LEAVES))
    story.then(started(due, lease_until=NOON + 30 * SECOND), at=NOON)
    story.then(updated(NOON, description="other words"), at=NOON - SECOND / 2)

    assert [] == runs(story.at(NOON + SECOND))


@pytest.mark.promise("P3")
def test_a_run_that_started_although_it_was_taken_back_is_not_dispatched_again() -> None:
    story = given(created(), lookahead=AHEAD)
    (due,) = dues(story.at(LEAVES))
    story.then(updated(NOON + DAY), at=NOON - SECOND / 2)
    story.then(executed(due), at=NOON)
    story.then(updated(NOON, revision=3), at=NOON + SECOND)

    assert [] == runs(story.at(NOON + 2 * SECOND))


def test_a_daily_task_goes_on_after_what_was_taken_back() -> None:
    story = given(created(recurrence=DAILY), lookahead=AHEAD)
    story.at(LEAVES)
    story.then(updated(NOON, recurrence=DAILY, description="other words"), at=NOON - 2 * SECOND)

    assert [NOON] == runs(story.at(NOON - SECOND))
    assert [NOON + DAY] == runs(story.at(NOON + DAY - AHEAD))


def test_a_task_paused_and_resumed_before_due_leaves_again() -> None:
    story = given(created(), lookahead=AHEAD)
    story.at(LEAVES)
    story.then(paused(), at=NOON - 3 * SECOND)
    story.at(NOON - 3 * SECOND)
    story.then(resumed(), at=NOON - 2 * SECOND)

    assert [NOON] == runs(story.at(NOON - SECOND))


def test_no_more_than_a_bound_is_out_ahead_and_the_rest_leaves_when_it_is_due() -> None:
    count = AHEAD_RUNS_MAX + DUE_PER_DECISION_MAX
    story = given(*(created(task_id=f"task-{n:05}") for n in range(count)), lookahead=AHEAD)
    now, ahead = LEAVES, 0
    while now < NOON - SECOND:
        ahead += len(runs(story.at(now)))
        now += TICK

    assert AHEAD_RUNS_MAX <= ahead < count
    late = sum(len(runs(story.at(NOON + n * TICK))) for n in range(8))
    assert count == ahead + late


def test_a_decision_that_was_cut_short_goes_on_at_once_and_any_other_waits_its_tick() -> None:
    story = given(
        *(created(task_id=f"task-{n:05}") for n in range(DUE_PER_DECISION_MAX + 1)),
        created(NOON + SECOND, task_id=A),
        lookahead=AHEAD,
    )
    wakes = []
    for now in (LEAVES, LEAVES, LEAVES + SECOND):
        decided = story.core.decide(now)
        assert decided is not None
        story.accept(decided, now)
        wakes.append(story.core.wake_at())

    assert [LEAVES, LEAVES + SECOND] == wakes[:2]


@pytest.mark.promise("P6")
def test_a_timer_restored_while_runs_are_out_says_nothing_twice_and_still_takes_them_back() -> None:
    story = given(created(), created(task_id=B), lookahead=AHEAD)
    story.at(LEAVES)
    story.restored()
    story.then(deleted(A), at=NOON - 2 * SECOND)

    assert [] == runs(story.at(NOON - SECOND))
