"""One partition's timer: when it speaks, what counts as state, and what a crash leaves."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given as hypothetically
from hypothesis import settings
from hypothesis import strategies as st

from duetime.events.positions import FoldedTo
from duetime.events.types import AnyEvent, TaskDue
from duetime.limits import ADMITTED_EVENTS, DUE_PER_DECISION_MAX, TICK_SECONDS
from duetime.timer.core import TimerCore
from duetime.timer.due_index import MemoryDueIndex
from tests.support.builders import (
    DAILY,
    DAY,
    EARLIER,
    MINUTE,
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
from tests.support.given import Story, given, runs
from tests.support.strategies import seconds

TICK: Final = timedelta(seconds=TICK_SECONDS)


def test_nothing_is_said_before_the_timer_has_caught_up() -> None:
    core = TimerCore(source="timer-1", index=MemoryDueIndex(), lookahead=timedelta(0))
    core.apply(given(created()).tasks)

    assert None is core.decide(NOON)
    assert None is core.wake_at()


def test_to_decide_changes_nothing() -> None:
    core = given(created(), created(NOON + DAY, task_id=B)).core

    before = (core.wake_at(), core.folded_to)
    assert core.decide(NOON) == core.decide(NOON)
    assert before == (core.wake_at(), core.folded_to)


def test_a_decision_is_state_once_the_log_has_taken_it() -> None:
    story = given(created())
    decided = story.core.decide(NOON)
    assert decided is not None
    story.accept(decided, NOON)

    assert None is story.core.decide(NOON + SECOND)


def test_what_was_folded_is_written_at_the_tick() -> None:
    story = given(created())
    story.at(EARLIER)
    story.then(created(task_id=B))

    assert None is story.core.decide(EARLIER + TICK - timedelta.resolution)
    assert EARLIER + TICK == story.core.wake_at()
    assert None is not story.core.decide(EARLIER + TICK)


@pytest.mark.promise("P2")
def test_what_is_due_does_not_wait_for_the_tick() -> None:
    story = given(created(NOON))
    story.at(NOON - TICK / 2)
    story.then(created(NOON, task_id=B))

    assert NOON == story.core.wake_at()
    assert [NOON, NOON] == runs(story.at(NOON))


def test_a_clock_set_back_does_not_hold_up_what_was_folded() -> None:
    story = given(created())
    story.at(NOON - MINUTE)
    story.then(created(task_id=B))

    assert None is not story.core.decide(NOON - DAY)


def test_a_decision_holds_every_state_that_the_fold_changed() -> None:
    decided = given(created(), created(NOON + DAY, task_id=B)).core.decide(NOON)

    assert decided is not None
    assert {A, B} == set(decided.states)
    assert FoldedTo(tasks=2, executions=0) == decided.folded_to


def test_what_is_due_at_one_instant_is_said_in_order_of_the_task_id() -> None:
    story = given(created(task_id=B), created(task_id=A))

    assert [A, B] == [fact.task_id for fact in story.at(NOON)]


def test_more_than_one_decision_holds_is_said_in_due_order() -> None:
    count = 2 * DUE_PER_DECISION_MAX + 1
    times = [NOON + (number * 7 % count) * timedelta(milliseconds=1) for number in range(count)]
    story = given(
        *[created(time, task_id=f"task-{number:05}") for number, time in enumerate(times)]
    )
    sizes = []
    now = NOON + DAY
    while (decided := story.core.decide(now)) is not None:
        sizes.append(len(decided.facts))
        story.accept(decided, now)

    assert [DUE_PER_DECISION_MAX, DUE_PER_DECISION_MAX, 1] == sizes
    assert sorted(times) == runs(story.facts)


@pytest.mark.parametrize("times", [1, 3])
def test_a_record_that_was_folded_before_changes_nothing(times: int) -> None:
    story = given(created(), updated(NOON + MINUTE), deleted(revision=3))
    for _ in range(times):
        story.core.apply(story.tasks)

    assert [] == story.at(NOON + MINUTE)


def test_the_position_passes_what_cannot_be_read() -> None:
    story = given(created()).then_something_unreadable(None).then(created(task_id=B))
    story.at(EARLIER)

    assert FoldedTo(tasks=3, executions=0) == story.folded_to


def test_events_that_change_nothing_have_their_position_written_in_the_end() -> None:
    repeats = [deleted(task_id=B) for _ in range(ADMITTED_EVENTS)]
    few, many = given(*repeats[1:]), given(*repeats)

    few.at(NOON)
    many.at(NOON)

    assert FoldedTo() == few.folded_to
    assert FoldedTo(tasks=ADMITTED_EVENTS) == many.folded_to


def test_an_unreadable_record_alone_asks_for_its_position_to_be_written() -> None:
    story = given()
    story.then_something_unreadable(None).at(NOON)

    assert FoldedTo(tasks=1, executions=0) == story.folded_to


def test_marks_that_are_no_records_move_the_position_forward_only() -> None:
    core = given(created()).core
    core.advance(tasks=5, executions=3)
    core.advance(tasks=2, executions=None)

    assert FoldedTo(tasks=5, executions=3) == core.folded_to


def test_a_change_not_yet_in_the_changelog_is_folded_again_after_a_crash() -> None:
    story = given(created())
    story.at(EARLIER)
    story.then(updated(NOON + MINUTE)).restored()

    assert [] == story.at(NOON)
    assert [NOON + MINUTE] == runs(story.at(NOON + MINUTE))


@pytest.mark.promise("P4")
def test_a_deletion_while_the_timer_was_dead_wins() -> None:
    story = given(created())
    story.at(EARLIER)
    story.then(deleted()).restored()

    assert [] == story.at(NOON)


@pytest.mark.promise("P3")
def test_a_decision_that_the_log_has_taken_is_not_made_again_after_a_crash() -> None:
    story = given(created(), created(task_id=B))
    story.at(NOON)

    assert [] == story.restored().at(NOON)


def test_a_restored_changelog_forgets_what_a_tombstone_took_away() -> None:
    story = given(created())
    story.at(EARLIER)
    core = TimerCore(source="timer-1", index=MemoryDueIndex(), lookahead=timedelta(0))
    core.restore(A, story.changelog[A])
    core.restore(A, None)

    assert None is core._index.get(A)


# --- any story ------------------------------------------------------------------------------------

Step = Callable[[Story, datetime], object]


def _append(event: AnyEvent) -> Step:
    return lambda story, now: story.then(event, at=now)


def _new_time(offset: timedelta, *, task_id: str, daily: bool) -> Step:
    """Give a task a time as the api would: at most a minute past, or the one it has."""
    rule = DAILY if daily else None
    return lambda story, now: story.then(
        updated(now + offset, task_id=task_id, recurrence=rule), at=now
    )


def _of_a_run(make: Callable[[TaskDue, datetime], AnyEvent]) -> st.SearchStrategy[Step]:
    """Let something happen to one of the runs so far, open or not."""

    def happen(story: Story, now: datetime, number: int) -> None:
        due = [fact for fact in story.facts if isinstance(fact, TaskDue)]
        if due:
            story.then(make(due[number % len(due)], now), at=now)

    return st.integers(0, 5).map(lambda number: lambda story, now: happen(story, now, number))


ids = st.sampled_from([A, B])
steps = st.one_of(
    st.builds(
        lambda offset, task_id, daily: (
            lambda story, now: story.then(
                created(now + offset, task_id=task_id, recurrence=DAILY if daily else None), at=now
            )
        ),
        seconds(-60, 300),
        ids,
        st.booleans(),
    ),
    st.builds(
        lambda offset, task_id, daily: _new_time(offset, task_id=task_id, daily=daily),
        # few different offsets, so that times are met again
        st.sampled_from([-60, -30, -20, -10, 0, 10, 30]).map(lambda number: number * SECOND),
        ids,
        st.booleans(),
    ),
    ids.map(lambda task_id: _append(deleted(task_id))),
    ids.map(lambda task_id: _append(paused(task_id))),
    ids.map(lambda task_id: _append(resumed(task_id))),
    ids.map(lambda task_id: _append(triggered(task_id))),
    ids.map(lambda task_id: lambda story, now: story.then_something_unreadable(task_id, at=now)),
    _of_a_run(lambda due, now: executed(due, finished_at=now)),
    _of_a_run(lambda due, now: started(due, lease_until=now + 30 * SECOND)),
)
pauses = st.sampled_from([0, 1, 10, 20, 60, 86_400, 5 * 86_400]).map(lambda number: number * SECOND)
stories = st.lists(st.tuples(pauses, steps, st.booleans()), max_size=25)


@pytest.mark.promise("P6")
@settings(max_examples=200)
@hypothetically(script=stories, data=st.data())
def test_a_timer_restored_after_any_step_says_the_same(
    script: list[tuple[timedelta, Step, bool]], data: st.DataObject
) -> None:
    steady, shaken = Story(), Story()
    now = NOON
    for pause, step, decides in script:
        now += pause
        for story in (steady, shaken):
            step(story, now)
        if data.draw(st.booleans(), label="crash"):
            shaken.restored()
        if decides:
            assert steady.at(now) == shaken.at(now)
    for later in (MINUTE, DAY, 3 * DAY):
        assert steady.at(now + later) == shaken.at(now + later)
    assert steady.changelog == shaken.changelog


@pytest.mark.promise("P3")
@settings(max_examples=300)
@hypothetically(script=stories)
def test_no_story_makes_one_nominal_time_due_twice(
    script: list[tuple[timedelta, Step, bool]],
) -> None:
    story = Story()
    now = NOON
    for pause, step, _ in script:
        now += pause
        step(story, now)
        story.at(now)
    story.at(now + 30 * DAY)
    first = [fact for fact in story.facts if isinstance(fact, TaskDue) and fact.delivery == 1]

    assert len({fact.run_id for fact in first}) == len(first)
    assert [] == [fact for fact in first if fact.due_at > now + 30 * DAY]


@settings(max_examples=100)
@hypothetically(script=stories)
def test_after_any_story_the_timer_comes_to_rest(
    script: list[tuple[timedelta, Step, bool]],
) -> None:
    story = Story()
    now = NOON
    for pause, step, _ in script:
        now += pause
        step(story, now)
    story.at(now)
    wake_at = story.core.wake_at()

    assert wake_at is None or wake_at > now
    assert story.core.decide(now) is None
