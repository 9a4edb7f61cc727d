"""What an executor must know of a task before it starts a run of it."""

from datetime import datetime
from typing import Final

import pytest
from msgspec.structs import replace

from duetime.events.types import TaskDue
from duetime.executor.core import ExecutorCore
from duetime.executor.freshness import Change
from duetime.executor.ledger import Prefix
from duetime.limits import CHANGES_REMEMBERED_MAX, FRESH_OLD_SECONDS, FRESH_SECONDS
from tests.support.builders import NOON, SECOND, A, B, due, envelope

FRESH: Final = FRESH_SECONDS * SECOND
RUN: Final = replace(due(), based_on=10)


def holding(*words: TaskDue) -> ExecutorCore:
    core = ExecutorCore(executor="executor-1")
    core.restore(due=0, executions=0)
    core.caught_up()
    tell(core, *words)
    return core


def tell(core: ExecutorCore, *words: TaskDue, offset: int = 0) -> None:
    core.apply(
        [
            envelope(word, topic="duetime.due", offset=offset + number)
            for number, word in enumerate(words)
        ]
    )


def read(core: ExecutorCore, *changes: Change, end: int, as_of: datetime) -> None:
    """Let it read `tasks` to an end that was asked for at `as_of`."""
    position = core.tasks_from()
    assert position is not None
    core.learn_changes([change for change in changes if change.offset >= position], end)
    core.fresh(as_of)


def startable(core: ExecutorCore, now: datetime = NOON) -> list[TaskDue]:
    return list(core.startable(now, runs_max=10))


@pytest.mark.promise("P4")
def test_nothing_starts_before_the_end_of_tasks_was_asked_for_late_enough() -> None:
    core = holding(RUN)
    read(core, end=10, as_of=NOON - FRESH - SECOND / 10)

    assert [] == startable(core)
    read(core, end=10, as_of=NOON - FRESH)
    assert [RUN] == startable(core)


def test_tasks_is_read_from_the_smallest_offset_that_a_held_run_was_based_on() -> None:
    core = holding(RUN, replace(due(task_id=B), based_on=7))

    assert 7 == core.tasks_from()


def test_nothing_is_read_while_nothing_is_held() -> None:
    assert None is holding().tasks_from()
    assert None is holding().ask_at()


@pytest.mark.promise("P4")
def test_a_record_of_its_task_before_its_due_time_drops_a_held_run() -> None:
    core = holding(RUN)
    read(core, Change(A, 10, NOON - SECOND), end=11, as_of=NOON)

    assert [] == startable(core)
    assert 0 == core.held_count


@pytest.mark.parametrize(
    "change",
    [
        Change(B, 10, NOON - SECOND),  # of another task
        Change(A, 9, NOON - SECOND),  # the timer knew it
        Change(A, 10, NOON),  # not before the due time
    ],
)
def test_any_other_record_leaves_a_held_run_alone(change: Change) -> None:
    core = holding(RUN)
    core.tasks_from()
    core.learn_changes([change], 11)
    core.fresh(NOON)

    assert [RUN] == startable(core)


@pytest.mark.promise("P4")
def test_a_change_that_was_read_before_its_run_arrived_drops_it_too() -> None:
    core = holding(replace(due(task_id=B), based_on=5))
    read(core, Change(A, 10, NOON - SECOND), end=11, as_of=NOON)
    tell(core, RUN, offset=1)

    assert [B] == [run.task_id for run in startable(core)]


@pytest.mark.promise("P4")
def test_a_run_that_reaches_back_behind_what_is_known_makes_it_read_again() -> None:
    core = holding(replace(due(task_id=B), based_on=20))
    read(core, end=30, as_of=NOON)
    tell(core, RUN, offset=1)

    assert [] == startable(core)
    assert 10 == core.tasks_from()


def test_what_the_timer_says_anew_starts_with_the_new_words() -> None:
    core = holding(RUN)
    read(core, Change(A, 10, NOON - SECOND), end=11, as_of=NOON)
    anew = replace(RUN, based_on=11, description="other words")
    tell(core, anew, offset=1)

    assert [anew] == startable(core)


def test_the_prefix_passes_a_run_that_was_dropped_but_not_one_said_anew() -> None:
    core = holding(RUN)
    read(core, Change(A, 10, NOON - SECOND), end=11, as_of=NOON)

    assert Prefix(1, 0) == core.prefix()
    tell(core, replace(RUN, based_on=11), offset=1)
    assert Prefix(1, 0) == core.prefix()


def test_what_is_remembered_of_changes_is_bounded() -> None:
    core = holding(replace(due(task_id=B), based_on=0))
    assert 0 == core.tasks_from()
    count = CHANGES_REMEMBERED_MAX + 1
    core.learn_changes([Change(f"task-{n}", n, NOON - SECOND) for n in range(count)], count)
    core.fresh(NOON)

    assert [B] == [run.task_id for run in startable(core)]
    tell(core, replace(RUN, based_on=0), offset=1)
    assert 0 == core.tasks_from()


def test_it_asks_shortly_before_the_earliest_held_run_is_due() -> None:
    core = holding(RUN)

    assert NOON - FRESH == core.ask_at()


@pytest.mark.promise("P3")
def test_what_was_asked_long_before_a_start_counts_no_more_and_the_partition_may_be_lost() -> None:
    core = holding(RUN)
    read(core, end=10, as_of=NOON - FRESH)
    woke_at = NOON + FRESH_OLD_SECONDS * SECOND

    assert core.doubt_freshness(woke_at)
    assert [] == startable(core, woke_at)
    read(core, end=10, as_of=woke_at)
    assert not core.doubt_freshness(woke_at)
    assert [RUN] == startable(core, woke_at)


def test_who_had_nothing_due_meanwhile_has_only_to_ask_anew() -> None:
    core = holding(RUN)
    read(core, end=10, as_of=NOON - 5 * SECOND)

    assert not core.doubt_freshness(NOON - SECOND)
    assert core.start_at() is None
