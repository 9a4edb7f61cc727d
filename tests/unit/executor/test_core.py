"""One partition's executor: what may start, what is to be written down, what may be committed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from duetime.events.ids import run_id_for
from duetime.events.types import Outcome, TaskDue, TaskExecuted, TaskStarted
from duetime.executor.core import ExecutorCore
from duetime.executor.facts import Ended
from duetime.executor.ledger import Prefix
from duetime.limits import (
    FORGOTTEN_PER_COMMIT_MAX,
    OUTCOMES_PER_APPEND_MAX,
    STARTED_AFTER_SECONDS,
)
from tests.support.builders import (
    DAY,
    MINUTE,
    NOON,
    SECOND,
    A,
    after_noon,
    due,
    envelope,
    executed,
    started,
    unreadable,
)

ALL: Final = 1_000_000
WHENEVER: Final = NOON + 1_000 * SECOND  # nothing here is about changes: all of them are known
WELL: Final = Ended(Outcome.SUCCEEDED)


def executor(*words: TaskDue, offset: int = 0) -> ExecutorCore:
    """Give an executor that owns an empty past and has read these words."""
    core = ExecutorCore(executor="executor-1")
    core.fresh(WHENEVER)
    core.restore(due=offset, executions=0)
    core.caught_up()
    tell(core, *words, offset=offset)
    return core


def tell(core: ExecutorCore, *words: TaskDue, offset: int) -> None:
    """Let it read words from `due`, the first of them at `offset`."""
    core.apply(
        [
            envelope(word, topic="duetime.due", offset=offset + number)
            for number, word in enumerate(words)
        ]
    )


def start(core: ExecutorCore, now: datetime = NOON) -> Sequence[TaskDue]:
    """Start all that may start."""
    runs = core.startable(now, runs_max=ALL)
    for run in runs:
        core.started(run, now)
    return runs


def end(core: ExecutorCore, run: TaskDue, now: datetime = NOON) -> TaskExecuted:
    """End a run well."""
    return core.ended((run.run_id, run.attempt), WELL, now)


def settle(core: ExecutorCore, run: TaskDue, *, offset: int, now: datetime = NOON) -> None:
    """End a run and let the log take its end."""
    core.accepted(end(core, run, now), offset)


FIRST, SECOND_ONE, THIRD = (due(task_id=f"task-{number}") for number in (1, 2, 3))


def test_a_run_is_told_to_have_started_when_its_work_began() -> None:
    core = executor(FIRST)
    start(core)
    core.begun((FIRST.run_id, FIRST.attempt), after_noon(3))
    event = end(core, FIRST, after_noon(4))

    assert (after_noon(3), after_noon(4)) == (event.started_at, event.finished_at)


@pytest.mark.promise("P2")
def test_no_run_starts_before_it_is_due() -> None:
    core = executor(due(NOON))

    assert [] == core.startable(NOON - SECOND, runs_max=ALL)
    assert NOON == core.wake_at()


@pytest.mark.promise("P3")
def test_a_run_starts_once() -> None:
    core = executor(FIRST)

    assert [FIRST] == start(core)
    assert [] == start(core, NOON + DAY)


def test_another_attempt_of_a_run_is_another_start() -> None:
    core = executor(FIRST)
    start(core)
    settle(core, FIRST, offset=0)
    retry = replace(FIRST, attempt=2)
    tell(core, retry, offset=1)

    assert [retry] == start(core)


@given(seconds=st.lists(st.integers(0, 5), min_size=1, max_size=12), runs_max=st.integers(0, 12))
def test_runs_start_in_due_order_and_then_by_run_id(seconds: list[int], runs_max: int) -> None:
    words = [
        due(after_noon(second), task_id=f"task-{number}") for number, second in enumerate(seconds)
    ]
    core = executor(*words)
    passed = [word for word in words if word.due_at <= after_noon(3)]
    expected = sorted(passed, key=lambda word: (word.due_at, word.run_id))[:runs_max]

    assert expected == list(core.startable(after_noon(3), runs_max=runs_max))
    assert expected == list(core.startable(after_noon(3), runs_max=runs_max))


@pytest.mark.promise("P4")
@pytest.mark.parametrize("due_at", [after_noon(-5), NOON, after_noon(5)])
def test_a_later_word_about_a_held_run_replaces_it(due_at: datetime) -> None:
    later = due(due_at, nominal_at=NOON, based_on=2)
    core = executor(due(NOON, based_on=1), later)

    assert [] == core.startable(due_at - SECOND, runs_max=ALL)
    assert [later] == core.startable(due_at, runs_max=ALL)
    assert due_at == core.due_at()


def test_an_older_word_about_a_held_run_is_passed_over() -> None:
    newer = due(based_on=2)
    core = executor(newer, due(after_noon(-5), nominal_at=NOON, based_on=1))

    assert [newer] == core.startable(NOON, runs_max=ALL)


def test_a_run_moved_there_and_back_is_held_once() -> None:
    words = [due(after_noon(at), nominal_at=NOON, based_on=at) for at in (1, 2)]
    core = executor(*words, due(after_noon(1), nominal_at=NOON, based_on=3))

    assert 1 == core.held_count
    assert [3] == [run.based_on for run in core.startable(after_noon(9), runs_max=ALL)]


@pytest.mark.promise("P3")
@pytest.mark.parametrize("stage", ["running", "ended", "settled"])
def test_a_repeat_of_a_run_that_has_started_is_passed_over(stage: str) -> None:
    core = executor(FIRST)
    start(core)
    if stage == "ended":
        end(core, FIRST)
    if stage == "settled":
        settle(core, FIRST, offset=0)
    tell(core, replace(FIRST, delivery=2, based_on=9), offset=1)

    assert [] == core.startable(NOON + DAY, runs_max=ALL)


def test_records_that_were_read_before_change_nothing() -> None:
    core = executor(FIRST, offset=5)
    start(core)
    tell(core, FIRST, SECOND_ONE, offset=4)

    assert 0 == core.held_count


def test_what_cannot_be_read_is_passed_over() -> None:
    core = executor()
    core.apply([unreadable(topic="duetime.due", offset=0)])

    assert Prefix(1, 0) == core.prefix()


def test_an_end_says_how_late_how_long_and_how() -> None:
    core = executor(FIRST)
    core.started(FIRST, after_noon(1))
    event = core.ended((FIRST.run_id, 1), Ended(Outcome.FAILED, error="no water"), after_noon(3))

    assert (NOON, after_noon(1), after_noon(3)) == (
        event.due_at,
        event.started_at,
        event.finished_at,
    )
    assert (Outcome.FAILED, "no water", "executor-1", "log") == (
        event.outcome,
        event.error,
        event.executor,
        event.action,
    )


def test_a_clock_set_back_makes_no_run_end_before_it_began() -> None:
    core = executor(FIRST)
    start(core, after_noon(5))

    assert after_noon(5) == end(core, FIRST, NOON).finished_at


@pytest.mark.promise("P1")
def test_an_end_is_to_be_written_until_the_log_has_it() -> None:
    core = executor(FIRST)
    start(core)
    event = end(core, FIRST)

    assert [event] == core.facts(NOON)
    assert [event] == core.facts(NOON)
    core.accepted(event, 0)
    assert [] == core.facts(NOON)


def test_one_append_takes_the_oldest_ends_and_not_more_than_it_can() -> None:
    words = [due(task_id=f"task-{number:04}") for number in range(OUTCOMES_PER_APPEND_MAX + 1)]
    core = executor(*words)
    start(core)
    ends = [end(core, word) for word in words]

    assert ends[:-1] == core.facts(NOON)


def test_a_run_alive_after_a_second_gets_a_lease_that_is_renewed() -> None:
    core = executor(FIRST)
    start(core)
    asked: list[float] = []
    for second in range(40):
        for fact in core.facts(after_noon(second)):
            assert isinstance(fact, TaskStarted)
            assert after_noon(second + 30) == fact.lease_until
            asked.append(second)
            core.accepted(fact, len(asked))

    assert [STARTED_AFTER_SECONDS, 11, 21, 31] == asked


def test_a_run_that_ended_gets_no_lease() -> None:
    core = executor(FIRST)
    start(core)
    settle(core, FIRST, offset=0)

    assert [] == core.facts(after_noon(5))
    assert None is core.wake_at()


# --- the prefix -----------------------------------------------------------------------------------


def test_the_prefix_stops_before_the_first_run_that_is_not_settled() -> None:
    core = executor(FIRST, SECOND_ONE, THIRD)
    start(core)
    settle(core, SECOND_ONE, offset=7)

    assert Prefix(0, 7) == core.prefix()
    settle(core, FIRST, offset=8)
    assert Prefix(2, 9) == core.prefix()
    settle(core, THIRD, offset=9)
    assert Prefix(3, 10) == core.prefix()


def test_the_prefix_passes_a_run_that_holds_a_lease() -> None:
    core = executor(FIRST)
    start(core)
    [lease] = core.facts(after_noon(1))
    core.accepted(lease, 0)

    assert Prefix(1, 1) == core.prefix()


def test_the_prefix_passes_a_word_that_a_later_one_replaced_and_waits_for_that_one() -> None:
    core = executor(FIRST, replace(FIRST, based_on=2), SECOND_ONE)

    assert Prefix(1, 0) == core.prefix()
    start(core)
    settle(core, FIRST, offset=0)
    assert Prefix(2, 1) == core.prefix()


def test_the_note_stays_where_it_was_until_the_past_has_been_read_again() -> None:
    core = ExecutorCore(executor="executor-2")
    core.fresh(WHENEVER)
    core.restore(due=0, executions=3)
    core.learn_settled([envelope(executed(SECOND_ONE), topic="duetime.executions", offset=5)])
    tell(core, FIRST, offset=0)

    assert Prefix(0, 3) == core.prefix()
    tell(core, SECOND_ONE, offset=1)
    core.caught_up()
    assert Prefix(0, 5) == core.prefix()


# --- taking over ----------------------------------------------------------------------------------


def taken_over(*facts: TaskExecuted | TaskStarted) -> ExecutorCore:
    """Give an executor that has learned these facts and has not read `due` again yet."""
    core = ExecutorCore(executor="executor-2")
    core.fresh(WHENEVER)
    core.restore(due=0, executions=0)
    core.learn_settled(
        [
            envelope(fact, topic="duetime.executions", offset=number)
            for number, fact in enumerate(facts)
        ]
    )
    return core


@pytest.mark.promise("P3")
def test_what_is_known_to_have_ended_is_not_started_by_another_owner() -> None:
    core = taken_over(executed(FIRST))
    tell(core, FIRST, SECOND_ONE, offset=0)

    assert [SECOND_ONE] == start(core)


@pytest.mark.promise("P3")
def test_what_ended_long_ago_is_not_forgotten_before_its_word_was_read_again() -> None:
    core = taken_over(executed(FIRST))
    core.forget(NOON + DAY)
    tell(core, FIRST, offset=0)

    assert [] == start(core, NOON + DAY)


def test_a_run_that_holds_a_lease_is_left_alone() -> None:
    core = taken_over(started(FIRST, lease_until=NOON + MINUTE))
    tell(core, FIRST, offset=0)

    assert [] == start(core)
    assert 1 == core.prefix().due


def test_a_run_that_is_emitted_again_after_its_lease_is_started() -> None:
    core = taken_over(started(FIRST, lease_until=NOON + MINUTE))
    core.caught_up()
    again = replace(FIRST, delivery=2)
    tell(core, FIRST, again, offset=0)

    assert 0 == core.prefix().due
    assert [again] == start(core)


def test_what_ended_is_forgotten_a_minute_later_and_not_before() -> None:
    core = executor(FIRST)
    start(core)
    settle(core, FIRST, offset=0)
    core.prefix()
    core.forget(NOON + MINUTE)
    assert {(FIRST.run_id, 1)} == core._memory._settled

    core.forget(NOON + MINUTE + SECOND)
    assert set() == core._memory._settled
    assert {} == core._ledger._known


def test_one_commit_forgets_so_many_and_the_next_goes_on() -> None:
    runs = [
        replace(FIRST, run_id=f"run {number}") for number in range(FORGOTTEN_PER_COMMIT_MAX + 1)
    ]
    core = executor(*runs)
    start(core)
    for offset, run in enumerate(runs):
        settle(core, run, offset=offset)
    core.prefix()
    core.forget(NOON + DAY)
    left = len(core._memory._settled)
    core.forget(NOON + DAY)

    assert (1, 0) == (left, len(core._memory._settled))


def test_what_lies_beyond_the_prefix_is_not_forgotten() -> None:
    core = executor(FIRST, SECOND_ONE)
    start(core)
    settle(core, SECOND_ONE, offset=0)
    core.forget(NOON + DAY)
    settle(core, FIRST, offset=1)

    assert Prefix(2, 2) == core.prefix()


def test_the_run_id_of_a_word_is_the_occurrences() -> None:
    assert run_id_for(A, NOON) == due().run_id
