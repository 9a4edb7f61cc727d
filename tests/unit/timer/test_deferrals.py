"""Runs that executors give back because their target is at its limit."""

from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from duetime.events.types import PythonAction, TaskDue
from duetime.limits import DEFER_SECONDS_MAX, REDELIVER_SECONDS
from duetime.timer.state import decode_state
from tests.support.builders import (
    DAILY,
    DAY,
    MINUTE,
    NOON,
    SECOND,
    A,
    created,
    deferred,
    definition,
    deleted,
    executed,
    paused,
    resumed,
    started,
    updated,
)
from tests.support.given import Story, given, repeats

AHEAD: Final = 5 * SECOND
BACK: Final = NOON + 2 * SECOND  # when the executor gives a run back
AGAIN: Final = NOON + 4 * SECOND
UNHEARD: Final = timedelta(seconds=REDELIVER_SECONDS)


def given_back(*, daily: bool = False) -> tuple[Story, TaskDue]:
    """Give a task whose run of noon left ahead and was given back, and that run."""
    story = given(created(recurrence=DAILY if daily else None), lookahead=AHEAD)
    [run] = story.at(NOON - AHEAD)
    assert isinstance(run, TaskDue)
    return story.then(deferred(run, retry_at=AGAIN), at=BACK), run


@pytest.mark.promise("P3")
@pytest.mark.parametrize("daily", [False, True])
def test_a_deferred_run_leaves_again_under_its_name_with_its_place(daily: bool) -> None:
    story, run = given_back(daily=daily)
    nothing = story.at(AGAIN - SECOND)
    [again] = story.at(AGAIN)

    assert [] == nothing
    assert isinstance(again, TaskDue)
    assert replace(run, delivery=2, deferrals=1, based_on=again.based_on) == again


@pytest.mark.promise("P1")
def test_a_deferred_run_is_emitted_as_often_as_it_is_given_back() -> None:
    story, run = given_back()
    for number in range(2, 6):
        at = AGAIN + number * MINUTE
        [run] = [fact for fact in story.at(at) if isinstance(fact, TaskDue)]
        story.then(deferred(run, retry_at=at + SECOND), at=at)

    assert (5, 4) == (run.delivery, run.deferrals)
    assert [(NOON, 6)] == repeats(story.at(AGAIN + 6 * MINUTE))


@pytest.mark.promise("P5")
def test_silence_after_a_deferral_is_waited_for_no_longer_than_silence_before() -> None:
    story, _ = given_back()
    story.at(AGAIN)

    assert [] == story.at(AGAIN + UNHEARD - SECOND)
    assert [(NOON, 3)] == repeats(story.at(AGAIN + UNHEARD))


def test_a_deferral_of_an_older_delivery_defers_nothing() -> None:
    story = given(created())
    [run] = story.at(NOON)
    assert isinstance(run, TaskDue)
    story.at(NOON + UNHEARD)
    story.then(deferred(run, retry_at=NOON + UNHEARD + SECOND), at=NOON + UNHEARD)

    assert [] == story.at(NOON + 2 * UNHEARD)


def test_a_deferral_of_a_run_that_goes_on_or_is_over_changes_nothing() -> None:
    for_ever = NOON + 10 * MINUTE
    alive = given(created())
    [run] = alive.at(NOON)
    assert isinstance(run, TaskDue)
    alive.then(started(run, lease_until=for_ever), deferred(run, retry_at=AGAIN), at=BACK)
    over = given(created())
    over.at(NOON)
    over.then(executed(run), deferred(run, retry_at=AGAIN), at=BACK)

    assert [] == alive.at(for_ever - SECOND)
    assert [] == over.at(for_ever)


def test_a_deferred_run_that_starts_after_all_is_over_with_its_end() -> None:
    story, run = given_back()
    story.then(executed(run), at=BACK + SECOND)

    assert [] == story.at(AGAIN)


@pytest.mark.promise("P4")
def test_a_delete_ends_a_deferred_run() -> None:
    story, _ = given_back()
    story.then(deleted(), at=BACK + SECOND)

    assert [] == story.at(AGAIN)
    assert [] == story.at(NOON + DAY)


@pytest.mark.promise("P4")
def test_a_pause_holds_a_deferred_run() -> None:
    story, _ = given_back()
    story.then(paused(), at=BACK + SECOND)
    held = story.at(AGAIN + MINUTE)
    story.then(resumed(), at=AGAIN + MINUTE)

    assert [] == held
    assert [(NOON, 2)] == repeats(story.at(AGAIN + MINUTE + SECOND))


def test_a_deferred_run_does_what_its_task_says_by_then() -> None:
    story, _ = given_back()
    action = PythonAction(name="another")
    change = replace(updated(), definition=definition(description="now thus", action=action))
    story.then(change, at=BACK + SECOND)
    [again] = story.at(AGAIN)

    assert isinstance(again, TaskDue)
    assert ("now thus", action, 2) == (again.description, again.action, again.revision)


@pytest.mark.promise("P2")
def test_deferred_runs_take_no_place_among_those_that_are_out_ahead() -> None:
    story = given(created(), lookahead=AHEAD)
    [run] = story.at(NOON - AHEAD)
    out = decode_state(story.changelog[A]).ahead_count
    assert isinstance(run, TaskDue)
    story.then(deferred(run, retry_at=AGAIN), at=BACK)
    story.at(AGAIN - SECOND)
    waiting = decode_state(story.changelog[A]).ahead_count
    story.at(AGAIN)

    assert (1, 0, 0) == (out, waiting, decode_state(story.changelog[A]).ahead_count)


def test_a_clock_that_is_ahead_defers_no_longer_than_five_minutes() -> None:
    story = given(created())
    [run] = story.at(NOON)
    assert isinstance(run, TaskDue)
    story.then(deferred(run, retry_at=NOON + DAY), at=BACK)

    assert [(NOON, 2)] == repeats(story.at(BACK + timedelta(seconds=DEFER_SECONDS_MAX)))
