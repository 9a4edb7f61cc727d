"""The life of one task in the timer, from its creation to its tombstone."""

from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from duetime.events.ids import run_id_for
from duetime.events.types import AnyEvent, SkipCause, TaskDue
from duetime.limits import MARKER_SECONDS, REDELIVER_SECONDS, VOID_AFTER_SECONDS
from tests.support.builders import (
    DAILY,
    DAY,
    EARLIER,
    MINUTE,
    NOON,
    SECOND,
    A,
    created,
    deleted,
    due,
    executed,
    paused,
    resumed,
    started,
    triggered,
    updated,
)
from tests.support.given import Story, given, repeats, runs, skips

MARKER: Final = timedelta(seconds=MARKER_SECONDS)
UNHEARD: Final = timedelta(seconds=REDELIVER_SECONDS)


def ran_at_noon(*, daily: bool = False) -> Story:
    """Give a task that ran at noon, and whose run has ended."""
    story = given(created(recurrence=DAILY if daily else None))
    story.at(NOON)
    return story.with_ends(at=NOON + SECOND)


def test_nothing_is_due_before_its_time() -> None:
    assert [] == given(created()).at(NOON - timedelta.resolution)


@pytest.mark.promise("P3")
def test_an_occurrence_is_due_at_its_time_and_once() -> None:
    story = given(created())

    assert [NOON] == runs(story.at(NOON))
    assert [] == story.at(NOON + SECOND)


@pytest.mark.promise("P3")
def test_a_due_occurrence_carries_the_run_id_that_follows_from_it() -> None:
    [fact] = given(created()).at(NOON)

    assert isinstance(fact, TaskDue)
    assert (run_id_for(A, NOON), 1, 1) == (fact.run_id, fact.attempt, fact.delivery)


def test_a_due_occurrence_says_what_the_timer_had_folded_and_what_comes_next() -> None:
    [fact] = given(created(recurrence=DAILY), updated(recurrence=DAILY)).at(NOON)

    assert isinstance(fact, TaskDue)
    assert (2, NOON + DAY) == (fact.based_on, fact.next_due_at)


def test_a_run_of_a_task_accepted_late_counts_its_lateness_from_then() -> None:
    accepted_at = NOON + 20 * SECOND
    [late] = given(created(), at=accepted_at).at(accepted_at)
    [early] = given(created()).at(NOON)

    assert isinstance(late, TaskDue)
    assert isinstance(early, TaskDue)
    assert (accepted_at, None) == (late.accepted_at, early.accepted_at)


def test_a_run_that_a_pause_held_back_counts_its_lateness_from_its_end() -> None:
    [fact] = given(created(), paused()).then(resumed(), at=NOON + DAY).at(NOON + DAY)

    assert isinstance(fact, TaskDue)
    assert (NOON, NOON + DAY) == (fact.nominal_at, fact.accepted_at)


def test_a_finished_task_stays_as_a_marker_and_then_goes() -> None:
    story = ran_at_noon()
    story.at(NOON + MARKER)

    assert story.state() is not None
    assert [] == story.at(NOON + SECOND + MARKER)
    assert story.state() is None


@pytest.mark.promise("P4")
def test_a_deleted_task_never_runs() -> None:
    story = given(created(), deleted())

    assert [] == story.at(NOON)
    assert [] == story.at(NOON + DAY)


def test_a_late_repeat_of_a_creation_does_not_bring_a_deleted_task_back() -> None:
    story = given()
    story.then(created(), event_id="the creation").then(deleted())
    story.at(EARLIER + MINUTE)
    story.then(created(), event_id="the creation", at=EARLIER + MINUTE)

    assert [] == story.at(NOON)


def test_a_repeat_of_a_creation_after_the_marker_is_void() -> None:
    story = given(created(), deleted())
    gone_at = EARLIER + MARKER
    story.at(gone_at)
    late = gone_at - EARLIER
    story.then(created(), at=gone_at, late=late)

    assert late > timedelta(seconds=VOID_AFTER_SECONDS)
    assert [] == story.at(NOON)


def test_a_marker_stays_when_the_clock_of_the_log_steps_back() -> None:
    story = given(created())
    story.at(NOON)
    story.then(deleted(), at=NOON)
    story.then_something_unreadable(at=EARLIER).at(NOON + MINUTE)

    assert [] == story.at(NOON + MARKER + DAY)
    assert {} == story.changelog


def test_a_marker_outlives_the_runs_that_are_open() -> None:
    story = given(created())
    [fact] = story.at(NOON)
    assert isinstance(fact, TaskDue)
    lease_until = NOON + MARKER + MINUTE
    story.then(started(fact, lease_until=lease_until), at=NOON + SECOND)
    story.then(deleted(), at=NOON + SECOND)
    story.at(NOON + SECOND + MARKER)

    assert story.state() is not None
    assert [] == story.at(lease_until)
    assert story.state() is None


@pytest.mark.promise("P4")
def test_a_new_time_replaces_the_one_before() -> None:
    story = given(created(), updated(NOON + MINUTE))

    assert [] == story.at(NOON)
    assert [NOON + MINUTE] == runs(story.at(NOON + MINUTE))


def test_a_new_description_travels_with_the_run_and_moves_nothing() -> None:
    story = given(created(), updated(description="feed the cat"))
    [fact] = story.at(NOON)

    assert isinstance(fact, TaskDue)
    assert (NOON, "feed the cat") == (fact.nominal_at, fact.description)


@pytest.mark.promise("P3")
def test_a_new_description_after_the_run_starts_nothing() -> None:
    story = ran_at_noon().then(updated(description="feed the cat"), at=NOON + MINUTE)

    assert [] == story.at(NOON + DAY)


@pytest.mark.promise("P3")
def test_a_thousand_edits_around_the_due_time_start_it_once() -> None:
    story = given(created())
    for edit in range(1_000):
        at = NOON + (edit - 500) * timedelta(milliseconds=1)
        story.then(updated(description=f"edit {edit}"), at=at)
        story.at(at)

    assert [NOON] == runs(story.facts)


def test_a_new_time_on_a_finished_task_schedules_another_run() -> None:
    story = ran_at_noon().then(updated(NOON + DAY), at=NOON + MINUTE)
    story.at(NOON + DAY)
    first, second = (fact for fact in story.facts if isinstance(fact, TaskDue))

    assert (NOON, NOON + DAY) == (first.nominal_at, second.nominal_at)
    assert first.run_id != second.run_id


@pytest.mark.promise("P1")
def test_a_new_time_schedules_a_task_that_finished_long_ago() -> None:
    story = ran_at_noon()
    story.at(NOON + DAY)
    assert story.state() is None
    story.then(updated(NOON + 2 * DAY), at=NOON + DAY)

    assert [NOON + 2 * DAY] == runs(story.at(NOON + 2 * DAY))


@pytest.mark.promise("P3")
def test_other_words_for_a_task_that_finished_long_ago_start_nothing() -> None:
    story = ran_at_noon()
    story.at(NOON + DAY)
    story.then(updated(description="feed the cat"), at=NOON + DAY)

    assert [] == story.at(NOON + 2 * DAY)
    assert story.state() is None


def test_a_rule_for_a_task_that_finished_long_ago_begins_after_the_change() -> None:
    story = ran_at_noon()
    story.at(NOON + DAY)
    story.then(updated(recurrence=DAILY), at=NOON + DAY + MINUTE)

    assert [NOON + 2 * DAY] == runs(story.at(NOON + 2 * DAY))


@pytest.mark.parametrize("event", [deleted(), paused(), resumed(), triggered()])
def test_nothing_else_is_remembered_of_a_task_that_is_unknown(event: AnyEvent) -> None:
    story = given(event)
    story.at(NOON)

    assert story.state() is None


@pytest.mark.promise("P3")
@pytest.mark.parametrize("daily", [False, True])
def test_a_task_moved_away_and_back_never_runs_twice_for_one_time(daily: bool) -> None:
    rule = DAILY if daily else None
    story = ran_at_noon(daily=daily)
    for second, time in ((10, 5), (20, 0), (30, 5), (40, 0)):
        at = NOON + second * SECOND
        story.then(updated(NOON + time * SECOND, recurrence=rule), at=at)
        story.at(at)

    assert [NOON, NOON + 5 * SECOND] == runs(story.facts)


@pytest.mark.promise("P3")
def test_an_edit_that_brings_an_old_time_back_does_not_run_it_again() -> None:
    # An editor who had read the task before it was moved writes back the time of three days ago.
    story = ran_at_noon()
    story.then(updated(NOON + 3 * DAY), at=NOON + MINUTE)
    story.at(NOON + 3 * DAY)
    story.then(updated(NOON), at=NOON + 3 * DAY + SECOND)

    assert [] == runs(story.at(NOON + 3 * DAY + MINUTE))


def test_a_paused_task_waits_however_long() -> None:
    assert [] == given(created(recurrence=DAILY), paused()).at(NOON + 30 * DAY)


def test_a_resumed_daily_task_goes_on_without_making_up() -> None:
    story = ran_at_noon(daily=True).then(paused(), at=NOON + MINUTE)
    story.then(resumed(), at=NOON + 5 * DAY + MINUTE)

    assert [] == story.at(NOON + 5 * DAY + MINUTE)
    assert [NOON + 6 * DAY] == runs(story.at(NOON + 6 * DAY))


def test_an_accepted_past_time_of_a_finished_task_is_due_at_once() -> None:
    story = ran_at_noon()
    at = NOON + 2 * MINUTE
    story.then(updated(at - 30 * SECOND, recurrence=DAILY), at=at)

    assert [at - 30 * SECOND] == runs(story.at(at))


@pytest.mark.promise("P5")
def test_after_five_days_down_one_run_stands_for_all_and_one_record_says_so() -> None:
    facts = given(created(recurrence=DAILY)).at(NOON + 5 * DAY + MINUTE)
    [skipped] = skips(facts)

    assert [NOON + 5 * DAY] == runs(facts)
    assert (SkipCause.MISSED, NOON, NOON + 4 * DAY, 5) == (
        skipped.cause,
        skipped.first_due_at,
        skipped.last_due_at,
        skipped.count,
    )


def test_after_downtime_the_rule_goes_on_without_drift() -> None:
    story = given(created(recurrence=DAILY))
    story.at(NOON + 5 * DAY + MINUTE)

    assert [NOON + 6 * DAY] == runs(story.at(NOON + 6 * DAY))


def test_a_one_time_task_runs_however_late() -> None:
    assert [NOON] == runs(given(created()).at(NOON + 365 * DAY))


def test_another_zone_moves_the_next_occurrence_and_repeats_none() -> None:
    story = ran_at_noon(daily=True)
    story.then(
        updated(recurrence=DAILY, timezone="Asia/Tokyo"), at=NOON + MINUTE
    )  # noon UTC is 21:00 in Tokyo all year

    assert [NOON + DAY] == runs(story.at(NOON + DAY))


@pytest.mark.promise("P3")
def test_a_repeat_of_an_end_changes_nothing() -> None:
    story = ran_at_noon()
    story.at(NOON + MINUTE)
    state = story.state()
    story.with_ends(at=NOON + 2 * MINUTE).at(NOON + 3 * MINUTE)

    assert state is not None
    assert state == story.state()


def test_the_end_of_a_run_that_is_not_open_changes_nothing_about_what_is_next() -> None:
    story = given(created())
    story.at(NOON - MINUTE)
    story.then(executed(due(NOON - DAY)), at=NOON - MINUTE)
    story.at(NOON - SECOND)

    assert [NOON] == runs(story.at(NOON))


def test_the_end_of_a_run_closes_it_whatever_revision_it_was_due_by() -> None:
    story = given(created(), updated(description="feed the cat"))
    [fact] = story.at(NOON)
    assert isinstance(fact, TaskDue)
    story.then(replace(executed(fact), revision=1), at=NOON + SECOND).at(NOON + SECOND)
    state = story.state()

    assert state is not None
    assert () == state.open_runs


def test_an_end_that_is_not_final_keeps_the_run_open() -> None:
    story = given(created())
    [fact] = story.at(NOON)
    assert isinstance(fact, TaskDue)
    story.then(executed(fact, final=False), at=NOON + SECOND).at(NOON + SECOND)
    state = story.state()

    assert state is not None
    assert [fact.run_id] == [run.run_id for run in state.open_runs]


@pytest.mark.promise("P2")
def test_a_run_unheard_of_is_emitted_again_as_the_next_delivery() -> None:
    story = given(created())
    [first] = story.at(NOON)
    [again] = story.at(NOON + UNHEARD)

    assert isinstance(first, TaskDue)
    assert isinstance(again, TaskDue)
    assert (first.run_id, first.attempt, 2) == (again.run_id, again.attempt, again.delivery)


def test_the_wait_for_news_of_a_run_doubles_up_to_ten_minutes() -> None:
    story = given(created())
    story.at(NOON)
    deliveries = []
    for second in range(0, 3_600, 5):
        deliveries += [second for _ in story.at(NOON + second * SECOND)]

    assert [30, 90, 210, 450, 930, 1530, 2130, 2730, 3330] == deliveries


def test_a_run_that_holds_a_lease_is_left_alone_until_it_runs_out() -> None:
    story = given(created())
    [fact] = story.at(NOON)
    assert isinstance(fact, TaskDue)
    story.then(started(fact, lease_until=NOON + 5 * MINUTE), at=NOON + SECOND)

    assert [] == story.at(NOON + 5 * MINUTE - SECOND)
    assert [(NOON, 2)] == repeats(story.at(NOON + 5 * MINUTE))


def test_a_run_that_ended_is_not_emitted_again() -> None:
    assert [] == ran_at_noon().at(NOON + UNHEARD)


@pytest.mark.promise("P5")
def test_a_task_with_an_unreadable_event_does_not_run_and_says_so() -> None:
    facts = given(created(recurrence=DAILY)).then_something_unreadable().at(NOON + 2 * DAY)
    [skipped] = skips(facts)

    assert [] == runs(facts)
    assert (SkipCause.UNREADABLE, NOON, NOON + 2 * DAY, 3) == (
        skipped.cause,
        skipped.first_due_at,
        skipped.last_due_at,
        skipped.count,
    )


def test_a_later_readable_event_lets_an_unreadable_task_run_again() -> None:
    story = given(created()).then_something_unreadable().then(updated())

    assert [NOON] == runs(story.at(NOON))
