"""The fold: total, pure, and deaf to what is illegal where it landed."""

from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from duetime.events.envelope import Envelope
from duetime.events.types import (
    AnyEvent,
    TaskCreated,
    TaskDeleted,
    TaskEvent,
    TaskPaused,
    TaskResumed,
    TaskTriggered,
    TaskUpdated,
)
from duetime.limits import RECENT_EVENT_IDS_MAX, VOID_AFTER_SECONDS
from duetime.task.evolve import Verdict, evolve
from duetime.task.state import Task, TaskStatus
from tests.support.builders import (
    ACTOR,
    DAILY,
    DAY,
    EARLIER,
    MINUTE,
    NOON,
    SECOND,
    TENANT,
    A,
    created,
    deleted,
    due,
    envelope,
    executed,
    paused,
    resumed,
    started,
    triggered,
    updated,
)
from tests.support.strategies import instants, seconds, struct

VOID: Final = timedelta(seconds=VOID_AFTER_SECONDS)

of_this_task = st.one_of(
    [
        struct(kind).flatmap(
            lambda event: st.sampled_from([TENANT, TENANT, TENANT, "other"]).map(
                lambda tenant: replace(event, task_id=A, tenant=tenant)
            )
        )
        for kind in (
            TaskCreated,
            TaskUpdated,
            TaskDeleted,
            TaskPaused,
            TaskResumed,
            TaskTriggered,
        )
    ]
)
appended = st.builds(
    lambda event, number, at, lag: envelope(
        event, event_id=f"e{number}", appended_at=at, made_at=at - lag
    ),
    of_this_task | st.sampled_from([due(), executed(due()), started(due(), lease_until=NOON)]),
    st.integers(1, 12),
    instants,
    seconds(-30, 90),
)
tasks = struct(Task).map(lambda task: replace(task, task_id=A, tenant=TENANT))


def folded(*events: AnyEvent | Envelope) -> Task:
    """Give the task after these events, each of which must apply."""
    task: Task | None = None
    for event in events:
        task, verdict = evolve(task, event if isinstance(event, Envelope) else envelope(event))
        assert Verdict.APPLIED is verdict
    assert task is not None
    return task


def verdict_of(event: AnyEvent | Envelope, task: Task | None) -> Verdict:
    """Say what becomes of an event; where it does not apply, the very same task comes back."""
    after, verdict = evolve(task, event if isinstance(event, Envelope) else envelope(event))
    assert (verdict is Verdict.APPLIED) or after is task
    return verdict


@given(start=st.none() | tasks, inputs=st.lists(appended, max_size=12))
def test_any_events_fold_over_any_task(start: Task | None, inputs: list[Envelope]) -> None:
    task = start
    for record in inputs:
        before = task
        task, verdict = evolve(before, record)

        if verdict is not Verdict.APPLIED:
            assert task is before
            continue
        assert task is not None
        assert _raised_by(record.event) == task.revision - (
            0 if before is None else before.revision
        )
        assert record.event_id == task.recent_event_ids[-1]
        assert RECENT_EVENT_IDS_MAX >= len(task.recent_event_ids) or before is start


def _raised_by(event: AnyEvent) -> int:
    return 0 if isinstance(event, TaskTriggered) else 1


@given(inputs=st.lists(appended, max_size=10), data=st.data())
def test_a_repeat_of_a_recent_event_changes_nothing(
    inputs: list[Envelope], data: st.DataObject
) -> None:
    task: Task | None = None
    applied: list[Envelope] = []
    for record in inputs:
        task, verdict = evolve(task, record)
        if verdict is Verdict.APPLIED:
            applied.append(record)
    if task is None:
        return
    recent = [record for record in applied if record.event_id in task.recent_event_ids]
    repeat = data.draw(st.sampled_from(recent[-RECENT_EVENT_IDS_MAX:]))

    assert Verdict.DUPLICATE is verdict_of(repeat, task)


def test_a_creation_makes_an_active_task_of_revision_1() -> None:
    task = folded(envelope(created(), appended_at=EARLIER))

    assert (1, TaskStatus.ACTIVE, ACTOR) == (task.revision, task.status, task.actor)
    assert (EARLIER, EARLIER, EARLIER) == (
        task.created_at,
        task.updated_at,
        task.timing_changed_at,
    )


@pytest.mark.parametrize("event", [updated(), deleted(), paused(), resumed(), triggered()])
def test_what_happens_to_an_unknown_task_is_ignored(event: TaskEvent) -> None:
    assert Verdict.IGNORED is verdict_of(event, None)


@pytest.mark.parametrize(
    "event",
    [due(), executed(due()), started(due(), lease_until=NOON)],
    ids=lambda e: type(e).__name__,
)
def test_what_runs_do_is_no_change_of_the_task(event: AnyEvent) -> None:
    assert Verdict.IGNORED is verdict_of(event, folded(created()))


@pytest.mark.promise("P4")
@pytest.mark.parametrize(
    "event", [created(), updated(), deleted(), paused(), resumed(), triggered()]
)
def test_a_deletion_is_final(event: TaskEvent) -> None:
    assert Verdict.IGNORED is verdict_of(event, folded(created(), deleted()))


def test_a_second_creation_changes_nothing() -> None:
    assert Verdict.IGNORED is verdict_of(created(NOON + DAY), folded(created()))


def test_nobody_changes_the_task_of_another_tenant() -> None:
    theirs = replace(deleted(), tenant="other")

    assert Verdict.IGNORED is verdict_of(theirs, folded(created()))


def test_an_update_that_expects_the_revision_it_finds_applies() -> None:
    assert Verdict.APPLIED is verdict_of(updated(expected_revision=1), folded(created()))


@pytest.mark.parametrize("expected", [0, 2, -1])
def test_an_update_that_expects_another_revision_is_refused(expected: int) -> None:
    assert Verdict.REFUSED is verdict_of(updated(expected_revision=expected), folded(created()))


def test_of_two_editors_who_saw_the_same_revision_the_first_wins() -> None:
    task = folded(created(), updated(description="first", expected_revision=1))

    assert Verdict.REFUSED is verdict_of(updated(expected_revision=1), task)
    assert "first" == task.definition.description


def test_a_deletion_that_expects_another_revision_is_refused() -> None:
    task = folded(created(), updated())

    assert Verdict.REFUSED is verdict_of(deleted(expected_revision=1), task)


def test_a_repeat_of_a_conditional_update_is_a_duplicate_and_no_refusal() -> None:
    update = envelope(updated(expected_revision=1))
    task = folded(created(), update)

    assert Verdict.DUPLICATE is verdict_of(update, task)


def test_an_event_a_minute_on_its_way_still_counts() -> None:
    late = envelope(created(), made_at=EARLIER - VOID, appended_at=EARLIER)

    assert Verdict.APPLIED is verdict_of(late, None)


def test_an_event_longer_than_a_minute_on_its_way_is_void() -> None:
    late = envelope(created(), made_at=EARLIER - VOID - timedelta.resolution, appended_at=EARLIER)

    assert Verdict.VOID is verdict_of(late, None)


def test_a_late_repeat_of_an_applied_event_is_a_duplicate_and_not_void() -> None:
    creation = envelope(created())
    repeat = replace(creation, appended_at=EARLIER + 2 * VOID)

    assert Verdict.DUPLICATE is verdict_of(repeat, folded(creation))


def test_an_event_of_a_fast_clock_counts() -> None:
    early = envelope(created(), made_at=EARLIER + MINUTE, appended_at=EARLIER)

    assert Verdict.APPLIED is verdict_of(early, None)


def test_an_id_is_remembered_for_the_next_seven_events() -> None:
    pause = envelope(paused())
    after: list[AnyEvent | Envelope] = [created(), pause]
    after += [triggered() for _ in range(RECENT_EVENT_IDS_MAX - 1)]

    assert Verdict.DUPLICATE is verdict_of(pause, folded(*after))
    assert Verdict.IGNORED is verdict_of(pause, folded(*after, triggered()))


def test_a_trigger_raises_no_revision() -> None:
    assert 1 == folded(created(), triggered()).revision


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (paused(), TaskStatus.PAUSED),
        (deleted(), TaskStatus.DELETED),
        (updated(), TaskStatus.ACTIVE),
    ],
)
def test_an_event_sets_the_status_it_speaks_of(event: TaskEvent, status: TaskStatus) -> None:
    assert status is folded(created(), event).status


def test_a_second_pause_changes_nothing() -> None:
    assert Verdict.IGNORED is verdict_of(paused(), folded(created(), paused()))


def test_what_is_not_paused_cannot_be_resumed() -> None:
    assert Verdict.IGNORED is verdict_of(resumed(), folded(created()))


def test_a_paused_task_can_be_changed_and_stays_paused() -> None:
    task = folded(created(), paused(), updated(description="later"))

    assert (TaskStatus.PAUSED, "later") == (task.status, task.definition.description)


@pytest.mark.parametrize(
    ("before", "after", "timing"),
    [
        (created(), updated(description="other words"), (1, 1)),
        (created(), updated(NOON + DAY), (2, 2)),
        (created(), updated(recurrence=DAILY), (1, 2)),
        (created(recurrence=DAILY), updated(), (1, 2)),
        (created(recurrence=DAILY), updated(recurrence=DAILY, timezone="Asia/Tokyo"), (1, 2)),
        # the zone of a one-time task says nothing about when it runs
        (created(), updated(timezone="Asia/Tokyo"), (1, 1)),
    ],
)
def test_an_update_says_what_it_changed_about_when_the_task_runs(
    before: TaskCreated, after: TaskUpdated, timing: tuple[int, int]
) -> None:
    task = folded(before, after)

    assert timing == (task.time_revision, task.timing_revision)


def test_a_change_of_timing_is_dated_by_the_clock_of_the_log() -> None:
    at = EARLIER + 5 * MINUTE
    task = folded(created(), envelope(updated(NOON + DAY), made_at=at - SECOND, appended_at=at))

    assert at == task.timing_changed_at


def test_the_end_of_a_pause_is_a_change_of_timing() -> None:
    at: datetime = EARLIER + 5 * MINUTE
    task = folded(created(), paused(), envelope(resumed(), appended_at=at))

    assert (1, 3, at) == (task.time_revision, task.timing_revision, task.timing_changed_at)
