"""Which occurrence comes next: after a run, after a change, after a pause, after downtime."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetime.events.types import AnyEvent
from duetime.task.evolve import evolve
from duetime.task.occurrence import Missed, Progress, latest_due, next_nominal, nominal_after
from duetime.task.state import Task
from tests.support.builders import (
    DAILY,
    DAY,
    MINUTE,
    NOON,
    SECOND,
    created,
    envelope,
    paused,
    resumed,
    updated,
)
from tests.support.naive import naive_daily


def a_task(*events: AnyEvent, last_at: datetime = NOON - 60 * MINUTE) -> Task:
    """Give the task after these events, the last of which was appended at `last_at`."""
    task: Task | None = None
    for event in events:
        at = last_at if event is events[-1] else NOON - DAY
        task, _ = evolve(task, envelope(event, appended_at=at))
    assert task is not None
    return task


def ran(nominal_at: datetime, *, revision: int = 1) -> Progress:
    """Give the progress of a task that ran at a nominal time."""
    return Progress(revision=revision, nominal_at=nominal_at)


ONCE = a_task(created())
EVERY_DAY = a_task(created(recurrence=DAILY))


def test_a_task_that_never_ran_is_due_at_its_time() -> None:
    assert NOON == next_nominal(ONCE, None)
    assert NOON == next_nominal(EVERY_DAY, None)


def test_a_one_time_task_that_ran_is_over() -> None:
    assert None is next_nominal(ONCE, ran(NOON))


def test_a_daily_task_goes_on_from_its_last_nominal_time() -> None:
    assert NOON + 6 * DAY == next_nominal(EVERY_DAY, ran(NOON + 5 * DAY))


def test_a_new_description_reschedules_nothing() -> None:
    task = a_task(created(recurrence=DAILY), updated(recurrence=DAILY, description="other"))

    assert NOON + DAY == next_nominal(task, ran(NOON))


def test_a_new_time_starts_a_finished_task_afresh() -> None:
    task = a_task(created(), updated(NOON + MINUTE))

    assert NOON + MINUTE == next_nominal(task, ran(NOON))


def test_a_new_time_may_lie_before_the_one_that_ran() -> None:
    task = a_task(created(), updated(NOON - SECOND))

    assert NOON - SECOND == next_nominal(task, ran(NOON))


@pytest.mark.promise("P3")
def test_a_time_that_ran_is_not_given_again_after_a_detour() -> None:
    there_and_back = a_task(created(), updated(NOON + SECOND), updated(NOON))
    progress = ran(NOON).then(revision=2, nominal_at=NOON + SECOND, now=NOON + 2 * SECOND)

    assert None is next_nominal(there_and_back, progress)


def test_a_daily_task_moved_back_onto_a_time_that_ran_goes_on_the_day_after() -> None:
    task = a_task(
        created(recurrence=DAILY),
        updated(NOON + SECOND, recurrence=DAILY),
        updated(NOON, recurrence=DAILY),
        last_at=NOON + 5 * SECOND,
    )
    progress = ran(NOON).then(revision=2, nominal_at=NOON + SECOND, now=NOON + 2 * SECOND)

    assert NOON + DAY == next_nominal(task, progress)


def test_another_zone_goes_on_from_the_moment_of_the_change() -> None:
    # Noon UTC is 08:00 in New York, summer and winter alike from here on.
    task = a_task(
        created(recurrence=DAILY, timezone="Asia/Tokyo"),
        updated(recurrence=DAILY, timezone="America/New_York"),
        last_at=NOON + 3 * DAY + MINUTE,
    )

    assert NOON + 4 * DAY == next_nominal(task, ran(NOON + 2 * DAY))


def test_a_rule_given_to_a_finished_task_begins_after_the_change() -> None:
    task = a_task(created(), updated(recurrence=DAILY), last_at=NOON + 3 * DAY + MINUTE)

    assert NOON + 4 * DAY == next_nominal(task, ran(NOON))


def test_a_rule_taken_away_leaves_a_finished_task() -> None:
    task = a_task(created(recurrence=DAILY), updated())

    assert None is next_nominal(task, ran(NOON + 3 * DAY))


def test_a_rule_taken_away_does_not_bring_a_missed_first_time_back() -> None:
    # The first days were missed, so the very first nominal time never ran.
    task = a_task(created(recurrence=DAILY), updated())

    assert None is next_nominal(task, ran(NOON + 5 * DAY))


@pytest.mark.parametrize("progress", [None, ran(NOON - DAY)], ids=["never ran", "ran"])
def test_what_a_pause_held_back_is_not_made_up_for(progress: Progress | None) -> None:
    task = a_task(
        created(NOON - DAY, recurrence=DAILY), paused(), resumed(), last_at=NOON + 3 * DAY + MINUTE
    )

    assert NOON + 4 * DAY == next_nominal(task, progress)


def test_a_one_time_task_whose_time_passed_in_a_pause_runs_late() -> None:
    task = a_task(created(), paused(), resumed(), last_at=NOON + DAY)

    assert NOON == next_nominal(task, None)


def test_a_pause_before_the_first_time_moves_nothing() -> None:
    task = a_task(created(recurrence=DAILY), paused(), resumed(), last_at=NOON - MINUTE)

    assert NOON == next_nominal(task, None)


def test_a_one_time_task_has_nothing_after_its_time() -> None:
    assert None is nominal_after(ONCE, NOON - DAY)


@settings(max_examples=30)
@given(
    days=st.integers(0, 6),
    timezone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "UTC"]),
    minutes=st.integers(0, 3 * 1_440),
    later=st.integers(0, 3 * 1_440),
)
def test_after_downtime_the_latest_is_due_and_the_rest_is_one_stretch(
    days: int, timezone: str, minutes: int, later: int
) -> None:
    first = datetime.fromisoformat("2026-10-22T00:00Z") + minutes * MINUTE
    task = a_task(created(first, recurrence=DAILY, timezone=timezone))
    times = naive_daily(first, timezone, days + 6)
    now = times[days] + later * MINUTE
    passed = [at for at in times if times[days] <= at <= now]

    latest, missed = latest_due(task, times[days], now)

    assert passed[-1] == latest
    assert (
        None
        if len(passed) == 1
        else Missed(first_at=passed[0], last_at=passed[-2], count=len(passed) - 1)
    ) == missed


def test_a_one_time_task_is_due_however_late() -> None:
    assert (NOON, None) == latest_due(ONCE, NOON, NOON + 365 * DAY)


def test_counting_what_was_missed_stops_at_a_thousand() -> None:
    _, missed = latest_due(EVERY_DAY, NOON, NOON + 1_002 * DAY)

    assert Missed(first_at=NOON, last_at=NOON + 1_001 * DAY, count=None) == missed


@pytest.mark.promise("P3")
@given(
    offsets=st.lists(st.integers(-60, 60), min_size=1, max_size=40),
    steps=st.lists(st.integers(0, 30), min_size=40, max_size=40),
)
def test_no_nominal_time_that_went_is_ever_free_again(offsets: list[int], steps: list[int]) -> None:
    now, gone = NOON, [NOON]
    progress = ran(NOON)
    for offset, step in zip(offsets, steps, strict=False):
        now += step * SECOND
        nominal_at = now + offset * SECOND
        if not progress.covers(nominal_at):
            progress = progress.then(revision=1, nominal_at=nominal_at, now=now)
            gone.append(nominal_at)

        assert all(progress.covers(at) for at in gone)


@given(spread=st.lists(st.integers(1, 1_000), min_size=1, max_size=50))
def test_the_memory_of_what_went_is_bounded(spread: list[int]) -> None:
    now, progress = NOON, ran(NOON)
    for seconds in spread:
        now += seconds * SECOND
        progress = progress.then(revision=1, nominal_at=now, now=now)

        assert 8 >= len(progress.earlier)


def test_the_memory_of_a_daily_task_is_its_last_time_and_a_bound() -> None:
    progress = ran(NOON)
    for day in range(1, 6):
        progress = progress.then(revision=1, nominal_at=NOON + day * DAY, now=NOON + day * DAY)

    assert Progress(revision=1, nominal_at=NOON + 5 * DAY, spent_to=NOON + 4 * DAY) == progress
