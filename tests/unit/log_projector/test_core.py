"""The projection: what single events make of the read models, and what makes nothing of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from duetime.events.envelope import Envelope, Position, Unreadable
from duetime.events.ids import run_id_for, run_id_for_request
from duetime.events.types import (
    AnyEvent,
    Definition,
    Outcome,
    RunKind,
    SkipCause,
    TaskCreated,
    TaskDeleted,
    TaskExecuted,
    TaskPaused,
    TaskSkipped,
    TaskStarted,
    TaskUpdated,
)
from duetime.log_projector.core import project, touched
from duetime.recurrence.rules import Daily
from duetime.store.port import ViewChanges
from duetime.store.views import ListedStatus, TaskDocument
from duetime.task.state import TaskStatus
from tests.support.documents import EXECUTIONS_0, NOON, TASKS_0, at

DAY = timedelta(days=1)
ONCE = Definition(description="water the plants", time=NOON)
DAILY = Definition(description="water the plants", time=NOON, recurrence=Daily())


def log_of(*events: AnyEvent, start: int = 0) -> list[Envelope]:
    """Give events as the log holds them: each topic counts its own offsets."""
    offsets = {TASKS_0: start, EXECUTIONS_0: start}
    placed = []
    for number, event in enumerate(events):
        is_run = isinstance(event, TaskStarted | TaskExecuted | TaskSkipped)
        topic = EXECUTIONS_0 if is_run else TASKS_0
        offset = offsets[topic]
        offsets[topic] = offset + 1
        placed.append(
            Envelope(
                event=event,
                event_id=f"event {start + number}",
                source="test",
                time=at(number),
                position=Position(topic.topic, 0, offset),
                appended_at=at(number),
            )
        )
    return placed


def created(definition: Definition = ONCE) -> TaskCreated:
    return TaskCreated(
        task_id="t", tenant="default", revision=1, actor="ada", definition=definition
    )


def updated(definition: Definition, revision: int = 2) -> TaskUpdated:
    return TaskUpdated(
        task_id="t", tenant="default", revision=revision, actor="ada", definition=definition
    )


def executed(
    nominal_at: datetime = NOON,
    *,
    revision: int = 1,
    next_due_at: datetime | None = None,
    outcome: Outcome = Outcome.SUCCEEDED,
    attempt: int = 1,
    final: bool = True,
    retry_at: datetime | None = None,
    kind: RunKind = RunKind.SCHEDULED,
) -> TaskExecuted:
    asked_for = kind is not RunKind.SCHEDULED
    return TaskExecuted(
        task_id="t",
        tenant="default",
        revision=revision,
        run_id=run_id_for_request("t", "e") if asked_for else run_id_for("t", nominal_at),
        description="water the plants",
        nominal_at=nominal_at,
        due_at=nominal_at,
        started_at=nominal_at + timedelta(milliseconds=5),
        finished_at=nominal_at + timedelta(milliseconds=7),
        outcome=outcome,
        executor="e",
        action="log",
        kind=kind,
        attempt=attempt,
        final=final,
        retry_at=retry_at,
        next_due_at=next_due_at,
    )


def started(nominal_at: datetime = NOON, *, attempt: int = 1) -> TaskStarted:
    return TaskStarted(
        task_id="t",
        tenant="default",
        revision=1,
        run_id=run_id_for("t", nominal_at),
        attempt=attempt,
        executor="e",
        due_at=nominal_at,
        started_at=nominal_at,
        lease_until=nominal_at + timedelta(seconds=30),
    )


def skipped(first: datetime, last: datetime, *, next_due_at: datetime | None) -> TaskSkipped:
    return TaskSkipped(
        task_id="t",
        tenant="default",
        revision=1,
        description="water the plants",
        cause=SkipCause.MISSED,
        by="timer",
        first_due_at=first,
        last_due_at=last,
        count=3,
        next_due_at=next_due_at,
    )


def projected(*events: AnyEvent) -> ViewChanges:
    return project({}, log_of(*events), {})


def document_of(*events: AnyEvent) -> TaskDocument:
    [document] = projected(*events).tasks
    return document


# --- single events ---------------------------------------------------------------------------


def test_a_created_task_is_scheduled() -> None:
    document = document_of(created())

    assert (NOON, 0, -1) == (document.next_due_at, document.task_offset, document.run_offset)


def test_a_final_end_makes_a_run_and_finishes_a_one_time_task() -> None:
    changes = projected(created(), executed())
    [document], [run] = changes.tasks, changes.runs

    assert document.finished
    assert document.last_run is not None
    assert 0.005 == document.last_run.lateness_seconds == run.lateness_seconds
    assert (run_id_for("t", NOON), 0) == (run.id, run.position)


def test_an_attempt_that_another_follows_makes_no_run_but_is_seen() -> None:
    failed = executed(outcome=Outcome.FAILED, final=False, retry_at=at(60))
    changes = projected(created(), failed)
    [document] = changes.tasks

    assert [] == changes.runs
    assert at(60) == document.next_due_at
    assert not document.finished


def test_a_late_failure_of_an_earlier_attempt_changes_nothing() -> None:
    failed = executed(outcome=Outcome.FAILED, final=False, retry_at=at(60))
    succeeded = executed(attempt=2)

    assert document_of(created(), failed, succeeded) == document_of(
        created(), failed, succeeded, failed
    )


def given_back() -> TaskExecuted:
    """Give the word that a run went back, two seconds late."""
    went_back = executed(outcome=Outcome.CANCELLED, final=False, retry_at=at(4))
    return replace(went_back, deferred=True, started_at=at(2), finished_at=at(2))


def test_a_run_that_went_back_is_no_run_yet_and_its_task_waits() -> None:
    changes = projected(created(), given_back())
    [document] = changes.tasks
    last = document.last_run

    assert [] == changes.runs
    assert (ListedStatus.WAITING, at(4)) == (document.status(at(3)), document.next_due_at)
    assert last is not None
    assert (None, None, None, None) == (
        last.outcome,
        last.started_at,
        last.finished_at,
        last.lateness_seconds,
    )


def test_a_repeated_deferral_of_a_run_that_started_meanwhile_changes_nothing() -> None:
    alive = replace(started(), started_at=at(5), lease_until=at(35))
    over = replace(executed(), started_at=at(5), finished_at=at(6))

    for later in (alive, over):
        assert document_of(created(), given_back(), later) == document_of(
            created(), given_back(), later, given_back()
        )


def test_a_start_shows_the_run_as_alive_until_it_ends() -> None:
    alive = document_of(created(), started())
    over = document_of(created(), started(), executed())

    assert alive.last_run is not None
    assert alive.last_run.open
    assert over.last_run is not None
    assert not over.last_run.open


def test_a_late_start_of_a_run_that_is_over_does_not_revive_it() -> None:
    assert document_of(created(), executed()) == document_of(created(), executed(), started())


def test_an_older_occurrence_that_ends_late_does_not_move_the_schedule_back() -> None:
    document = document_of(
        created(DAILY),
        executed(NOON + DAY, next_due_at=NOON + 2 * DAY),
        executed(NOON, next_due_at=NOON + DAY),
    )

    assert NOON + 2 * DAY == document.next_due_at


def test_an_older_occurrence_delivered_again_under_a_new_revision_does_not_either() -> None:
    document = document_of(
        created(DAILY),
        executed(NOON + DAY, next_due_at=NOON + 2 * DAY),
        executed(NOON, next_due_at=NOON + DAY, revision=2),
    )

    assert NOON + 2 * DAY == document.next_due_at


def test_a_run_asked_for_by_hand_does_not_finish_a_task() -> None:
    document = document_of(created(), executed(at(-60), kind=RunKind.TRIGGERED))

    assert NOON == document.next_due_at
    assert document.last_run is not None
    assert Outcome.SUCCEEDED == document.last_run.outcome


@pytest.mark.promise("P5")
def test_a_skipped_stretch_is_a_record_and_moves_the_schedule_on() -> None:
    changes = projected(created(DAILY), skipped(NOON, NOON + 2 * DAY, next_due_at=NOON + 3 * DAY))
    [document], [record] = changes.tasks, changes.runs

    assert NOON + 3 * DAY == document.next_due_at
    assert ("event 1", SkipCause.MISSED, 3) == (record.id, record.skipped, record.count)
    assert (NOON, NOON + 2 * DAY) == (record.due_at, record.last_due_at)


def test_a_deletion_leaves_a_marker() -> None:
    deleted = TaskDeleted(task_id="t", tenant="default", revision=2, actor="ada")
    document = document_of(created(), deleted)

    assert document.task is not None
    assert TaskStatus.DELETED == document.task.status


@pytest.mark.promise("P6")
def test_a_run_read_before_its_task_is_invisible_then_its_last_run() -> None:
    early = document_of(executed())
    [whole] = project({"t": early}, log_of(created()), {}).tasks

    assert not early.visible
    assert whole == document_of(created(), executed())


@pytest.mark.promise("P6")
def test_a_stretch_that_comes_again_changes_no_document() -> None:
    inputs = log_of(
        created(), updated(DAILY), executed(), started(), executed(outcome=Outcome.FAILED)
    )
    once = project({}, inputs, {})
    again = project({document.task_id: document for document in once.tasks}, inputs, {})

    assert [] == again.tasks
    assert once.runs == again.runs


@pytest.mark.promise("P6")
def test_old_events_that_come_again_alone_change_nothing() -> None:
    versions = [Definition(description=f"version {n}", time=NOON) for n in range(20)]
    changes_of_it = [updated(version) for version in versions]
    inputs = log_of(created(), *changes_of_it, executed(NOON), executed(NOON + DAY))
    [document] = project({}, inputs, {}).tasks

    for old in (inputs[1:3], inputs[-2:-1]):
        assert [] == project({"t": document}, old, {}).tasks


def test_each_touched_task_and_each_run_comes_once() -> None:
    changes = projected(created(), updated(DAILY), executed(), executed(outcome=Outcome.FAILED))

    assert 1 == len(changes.tasks)
    assert [Outcome.FAILED] == [run.outcome for run in changes.runs]


def test_positions_are_handed_on() -> None:
    assert {TASKS_0: 7} == project({}, [], {TASKS_0: 7}).positions


def test_touched_names_each_task_once() -> None:
    unreadable = Unreadable(key="u", reason="torn", position=Position("duetime.tasks", 0, 9))

    assert ["t"] == touched([*log_of(created(), executed()), unreadable])


# --- what makes no sense changes nothing -------------------------------------------------------


@pytest.mark.parametrize(
    "events",
    [
        [executed(datetime.max.replace(tzinfo=UTC) - DAY)],
        [executed(datetime.min.replace(tzinfo=UTC) + DAY)],
        [replace(executed(), finished_at=NOON.replace(tzinfo=None))],
        [created(Definition(description="", time=datetime.max.replace(tzinfo=UTC)))],
        [created(Definition(description="", time=NOON.replace(tzinfo=None)))],
        [
            created(
                Definition(description="", time=NOON, timezone="Mars/Olympus", recurrence=Daily())
            )
        ],
        [created(Definition(description="", time=NOON, timezone="../etc/passwd"))],
        [created(Definition(description="", time=NOON, timezone="\x00"))],
        [updated(ONCE)],
        [TaskPaused(task_id="t", tenant="default", revision=1, actor="ada")],
    ],
)
def test_events_that_make_no_sense_change_nothing(events: Sequence[AnyEvent]) -> None:
    changes = projected(*events)

    assert ([], []) == (changes.tasks, changes.runs)


def test_records_that_cannot_be_read_or_placed_change_nothing() -> None:
    unplaced = Envelope(event=created(), event_id="e", source="test", time=NOON)
    unreadable = Unreadable(key="t", reason="torn", position=Position("duetime.tasks", 0, 0))
    changes = project({}, [unplaced, unreadable], {})

    assert [] == changes.tasks
