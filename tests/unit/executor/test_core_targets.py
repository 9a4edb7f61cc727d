"""Runs whose target is at its limit: who waits, who is called, and who goes back to the timer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from duetime.events.types import Outcome, PythonAction, TaskDue, TaskExecuted
from duetime.executor.core import ExecutorCore
from duetime.executor.facts import Ended
from duetime.executor.freshness import Change
from duetime.executor.ledger import Prefix
from duetime.executor.targets import Target
from duetime.limits import (
    DEFER_SECONDS,
    DEFER_SECONDS_MAX,
    PASSED_PER_STEP_MAX,
    TARGET_PATIENCE_SECONDS,
)
from tests.support.builders import DAY, NOON, SECOND, after_noon, deferred, due, envelope

ALL: Final = 1_000_000
SLOW: Final = Target("slow")
PATIENCE: Final = timedelta(seconds=TARGET_PATIENCE_SECONDS)
WELL: Final = Ended(Outcome.SUCCEEDED)


def run(seconds: float, *, on: str = "slow") -> TaskDue:
    """Give a run of a target, due so many seconds after noon."""
    name = f"{on} {seconds}"
    return due(after_noon(seconds), task_id=name, run_id=name, action=PythonAction(name=on))


class Executor:
    """A core beside a count of each target's room."""

    def __init__(self, *words: TaskDue, room: Mapping[str, int], offset: int = 0) -> None:
        """Own an empty past, and read these words."""
        self.room = dict(room)
        self.at_limit = True
        self.core = ExecutorCore(
            executor="executor-1",
            target_of=_target,
            room=lambda target: self.room.get(target.name, ALL),
        )
        self.core.fresh(NOON + DAY)
        self.core.restore(due=offset, executions=0)
        self.core.caught_up()
        self.read = offset
        self.tell(*words)

    def tell(self, *words: TaskDue) -> None:
        """Let it read words from `due`."""
        self.core.apply(
            [
                envelope(word, topic="duetime.due", offset=self.read + number)
                for number, word in enumerate(words)
            ]
        )
        self.read += len(words)

    def start(self, now: datetime, runs_max: int = ALL) -> list[str]:
        """Start what may start, taking room; name it."""
        runs = self.core.startable(now, runs_max=runs_max)
        for each in runs:
            self.core.started(each, now)
            name = _target(each).name
            self.room[name] = self.room.get(name, ALL) - 1
        return [each.run_id for each in runs]

    def end(self, each: TaskDue, now: datetime) -> None:
        """End a run; its target has room again, and calls."""
        self.core.ended((each.run_id, each.attempt), WELL, now)
        target = _target(each)
        self.room[target.name] += 1
        self.core.call(target, self.room[target.name])

    def defer(self, now: datetime) -> list[TaskExecuted]:
        """Give back what has waited too long."""
        self.core.defer(now, at_limit=lambda _: self.at_limit)
        facts = self.core.facts(now)
        return [fact for fact in facts if isinstance(fact, TaskExecuted) and fact.deferred]


def _target(of: TaskDue) -> Target:
    assert isinstance(of.action, PythonAction)
    return Target(of.action.name)


@pytest.mark.promise("P2")
def test_runs_of_a_target_at_its_limit_are_passed_over() -> None:
    executor = Executor(run(0), run(1), run(2, on="quick"), run(3), room={"slow": 1})

    assert ["slow 0", "quick 2"] == executor.start(after_noon(3))
    assert [] == executor.start(after_noon(3))


@pytest.mark.promise("P2")
def test_a_target_that_has_room_again_takes_the_earliest_due() -> None:
    executor = Executor(run(0), run(3), run(2), run(1), room={"slow": 1})
    started = executor.start(after_noon(3))
    for seconds in range(3):
        executor.end(run(seconds), after_noon(3))
        started += executor.start(after_noon(3))

    assert ["slow 0", "slow 1", "slow 2", "slow 3"] == started


def test_a_run_that_becomes_due_does_not_pass_those_that_wait() -> None:
    executor = Executor(run(0), run(1), run(2), room={"slow": 0})
    executor.start(after_noon(1))
    executor.room["slow"] = 1

    assert [] == executor.start(after_noon(2))
    executor.core.call(SLOW, 1)
    assert ["slow 0"] == executor.start(after_noon(2))


def test_a_run_that_was_called_and_found_no_room_waits_again_in_its_place() -> None:
    executor = Executor(run(0), run(1), room={"slow": 0})
    executor.start(after_noon(1))
    executor.core.call(SLOW, 1)
    nothing = executor.start(after_noon(1.5))
    given_back = executor.defer(after_noon(1) + PATIENCE)

    assert [] == nothing
    assert ["slow 0", "slow 1"] == [each.run_id for each in given_back]


@pytest.mark.promise("P2")
def test_a_run_that_waits_two_seconds_for_its_target_goes_back() -> None:
    executor = Executor(run(0), room={"slow": 0})
    executor.start(NOON)
    too_early = executor.defer(NOON + PATIENCE - timedelta.resolution)
    wakes_at = executor.core.wake_at()
    [event] = executor.defer(NOON + PATIENCE)

    assert [] == too_early
    assert NOON + PATIENCE == wakes_at
    assert (False, True, 1, 1) == (event.final, event.deferred, event.attempt, event.delivery)
    assert NOON + PATIENCE + timedelta(seconds=DEFER_SECONDS) == event.retry_at
    assert (Outcome.CANCELLED, NOON) == (event.outcome, event.due_at)
    assert (0, 0) == (executor.core.held_count, executor.core.overdue_count(after_noon(9)))


def test_the_time_for_which_a_run_goes_back_doubles_up_to_five_minutes() -> None:
    waits = []
    for number in range(12):
        word = replace(run(0), delivery=number + 1, deferrals=number)
        executor = Executor(word, room={"slow": 0})
        executor.start(NOON)
        [event] = executor.defer(NOON + PATIENCE)
        assert event.retry_at is not None
        waits.append((event.retry_at - NOON - PATIENCE).total_seconds())

    assert [2, 4, 8, 16, 32, 64, 128, 256] == waits[:8]
    assert {DEFER_SECONDS_MAX} == set(waits[8:])


@pytest.mark.promise("P3")
def test_a_run_that_went_back_starts_with_its_next_delivery_and_not_before() -> None:
    word = run(0)
    executor = Executor(word, room={"slow": 0})
    executor.start(NOON)
    [event] = executor.defer(NOON + PATIENCE)
    executor.tell(word)
    on_its_way = executor.core.held_count
    executor.core.accepted(event, 0)
    executor.tell(word)
    landed = executor.core.held_count
    executor.room["slow"] = 1
    executor.tell(replace(word, delivery=2, deferrals=1))

    assert (0, 0) == (on_its_way, landed)
    assert ["slow 0"] == executor.start(after_noon(9))


@pytest.mark.promise("P3")
def test_a_word_told_anew_after_a_change_is_none_that_went_back() -> None:
    word = run(0)
    executor = Executor(word, room={"slow": 0})
    executor.start(NOON)
    [event] = executor.defer(NOON + PATIENCE)
    executor.core.accepted(event, 0)
    executor.tell(replace(word, based_on=word.based_on + 1))

    assert 1 == executor.core.held_count


@pytest.mark.promise("P1")
def test_a_deferral_that_lands_late_does_not_hide_the_end_that_came_meanwhile() -> None:
    word = run(0)
    executor = Executor(word, room={"slow": 0})
    executor.start(NOON)
    [event] = executor.defer(NOON + PATIENCE)
    executor.room["slow"] = 1
    later = replace(word, delivery=2)
    executor.tell(later)
    executor.start(after_noon(30))
    executor.end(later, after_noon(31))
    executor.core.accepted(event, 0)
    [end] = executor.core.facts(after_noon(31))

    assert isinstance(end, TaskExecuted)
    assert end.final
    assert Prefix(1, 1) == executor.core.prefix()


@pytest.mark.promise("P1")
def test_the_prefix_passes_a_run_that_went_back_once_the_log_has_it() -> None:
    executor = Executor(run(0), run(1), room={"slow": 0})
    executor.start(after_noon(1))
    given_back = executor.defer(after_noon(1) + PATIENCE)
    before = executor.core.prefix()
    executor.core.accepted(given_back[1], 7)
    behind_the_first = executor.core.prefix()
    executor.core.accepted(given_back[0], 8)

    assert [Prefix(0, 0), Prefix(0, 7)] == [before, behind_the_first]
    assert Prefix(2, 9) == executor.core.prefix()


@pytest.mark.promise("P3")
def test_who_takes_over_knows_what_went_back() -> None:
    word = run(0)
    core = ExecutorCore(executor="executor-2")
    core.fresh(NOON + DAY)
    core.restore(due=0, executions=0)
    event = deferred(word, retry_at=after_noon(4))
    core.learn_settled([envelope(event, topic="duetime.executions", offset=0)])
    core.apply([envelope(word, topic="duetime.due", offset=0)])
    core.caught_up()
    held = core.held_count
    prefix = core.prefix()
    core.apply([envelope(replace(word, delivery=2), topic="duetime.due", offset=1)])

    assert (0, Prefix(1, 1)) == (held, prefix)
    assert 1 == core.held_count
    assert Prefix(1, 1) == core.prefix()


@pytest.mark.promise("P2")
def test_a_target_that_gets_on_keeps_those_that_it_comes_to_soon() -> None:
    runs = [run(number / 1_000) for number in range(600)]
    executor = Executor(*runs, room={"slow": 10})
    executor.start(after_noon(1))
    for number in range(100):  # fifty a second: 400 more in the eight seconds that are left
        executor.end(runs[number], after_noon(1 + number / 50))
        executor.start(after_noon(1 + number / 50))
    given_back = executor.defer(after_noon(1) + PATIENCE)

    assert 400 <= executor.core.held_count <= 420
    assert runs[-1].run_id in {each.run_id for each in given_back}
    assert min(each.due_at for each in given_back) > runs[490].due_at


def test_a_target_that_stops_getting_on_keeps_nobody() -> None:
    runs = [run(number / 1_000) for number in range(400)]
    executor = Executor(*runs, room={"slow": 10})
    executor.start(after_noon(1))
    for each in runs[:100]:
        executor.end(each, after_noon(2))
        executor.start(after_noon(2))
    for second in range(20):
        executor.defer(after_noon(3 + second / 2))

    assert 0 == executor.core.held_count


@pytest.mark.promise("P2")
def test_what_waits_for_the_process_and_not_for_its_target_stays() -> None:
    executor = Executor(run(0), room={"slow": 0})
    executor.start(NOON)
    executor.at_limit = False
    short_of_time = executor.defer(NOON + PATIENCE)
    executor.at_limit = True
    at_its_limit = executor.defer(NOON + PATIENCE + SECOND)

    assert [] == short_of_time
    assert ["slow 0"] == [each.run_id for each in at_its_limit]


def test_a_run_that_waits_is_dropped_when_its_task_is_changed_before_it_was_due() -> None:
    word = run(0)
    executor = Executor(word, room={"slow": 0})
    executor.start(NOON)
    executor.core.learn_changes([Change(word.task_id, word.based_on, NOON - SECOND)], 9)
    executor.core.call(SLOW, 1)

    assert [] == executor.defer(NOON + PATIENCE)
    assert (0, []) == (executor.core.held_count, executor.start(after_noon(9)))


def test_one_step_passes_over_so_many_and_the_next_goes_on() -> None:
    count = PASSED_PER_STEP_MAX
    runs = [run(number / 10_000) for number in range(count)]
    executor = Executor(*runs, run(1, on="quick"), room={"slow": 0})

    assert [] == executor.start(after_noon(1))
    assert ["quick 1"] == executor.start(after_noon(1))
