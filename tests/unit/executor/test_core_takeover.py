"""Any interleaving of words, starts, ends, appends, commits and crashes: none lost, none repeated.

The machine keeps the two topics and the group's commit as the log would, and drops the core at any
step. It relies on the timer for one thing: a run whose end is in the log is not emitted again.
Where the timer's repeat crosses the end on its way, the living core passes it over (`test_core`), a
core made after a crash may start the run once more: a fault, and the same run id (P3). A word that
was given back is the timer's to emit again: no owner starts it.
"""

from datetime import timedelta
from typing import Final

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from duetime.events.types import Outcome, TaskDue, TaskExecuted, TaskStarted
from duetime.executor.core import ExecutorCore
from duetime.executor.facts import Ended, Fact
from duetime.executor.ledger import Prefix, RunKey
from duetime.executor.targets import Target
from tests.support.builders import DAY, NOON, SECOND, after_noon, due, envelope

RUNS: Final = tuple(due(after_noon(number % 3), task_id=f"task-{number}") for number in range(5))
SLOW: Final = Target("slow")  # of the first three
ALL: Final = 1_000


class Takeover(RuleBasedStateMachine):
    """An executor, the log behind it, and a crash at any time."""

    def __init__(self) -> None:
        """Begin with an empty log."""
        super().__init__()
        self.now = NOON
        self.due: list[TaskDue] = []
        self.executions: list[Fact] = []
        self.committed = Prefix(0, 0)
        self.started: set[RunKey] = set()  # by the core that lives now
        self.running: list[TaskDue] = []
        self.crossed: set[str] = set()  # runs whose end met an unread repeat on its way
        self.due_end = 0
        self.room = ALL

    @initialize()
    def take_up(self) -> None:
        """Make a core from what the log holds."""
        slow = {run.run_id for run in RUNS[:3]}
        self.core = ExecutorCore(
            executor="executor-1",
            target_of=lambda due: SLOW if due.run_id in slow else None,
            room=lambda _: self.room,
        )
        self.core.fresh(NOON + 1_000_000 * SECOND)
        self.core.restore(due=self.committed.due, executions=self.committed.executions)
        self.read_to = self.committed.due
        self.due_end = len(self.due)
        self.started, self.running = set(), []
        start = self.committed.executions
        self.core.learn_settled(
            [
                envelope(fact, topic="duetime.executions", offset=start + number)
                for number, fact in enumerate(self.executions[start:])
            ]
        )
        self._note_position()

    @rule(number=st.integers(0, 4), moved=st.integers(-1, 1))
    def say_due(self, number: int, moved: int) -> None:
        """Append a word about a run: the first, another one, or a repeat by deadline."""
        words = [word for word in self.due if word.run_id == RUNS[number].run_id]
        if self._has_ended(RUNS[number]):
            return
        self.due.append(
            replace(
                RUNS[number],
                due_at=RUNS[number].due_at + moved * SECOND,
                based_on=len(self.due),
                delivery=len(words) + 1,
            )
        )

    @rule(count=st.integers(1, 4))
    def read(self, count: int) -> None:
        """Read on in `due`."""
        words = self.due[self.read_to : self.read_to + count]
        self.core.apply(
            [
                envelope(word, topic="duetime.due", offset=self.read_to + number)
                for number, word in enumerate(words)
            ]
        )
        self.read_to += len(words)
        self._note_position()

    @rule(runs_max=st.integers(1, 3))
    def start(self, runs_max: int) -> None:
        """Start what may start."""
        for run in self.core.startable(self.now, runs_max=runs_max):
            key = (run.run_id, run.attempt)
            assert run.due_at <= self.now
            assert key not in self.started, "started twice by one owner"
            assert run.run_id in self.crossed or not self._has_ended(run), "started after its end"
            assert not self._is_deferred(run), "started after it was given back"
            self.core.started(run, self.now)
            self.started.add(key)
            self.running.append(run)

    @precondition(lambda self: self.running)
    @rule(number=st.integers(0, 9))
    def end(self, number: int) -> None:
        """End a run."""
        run = self.running.pop(number % len(self.running))
        self.core.ended((run.run_id, run.attempt), Ended(Outcome.SUCCEEDED), self.now)

    @rule(room=st.integers(0, 2))
    def change_room(self, room: int) -> None:
        """Let the slow target have room for so many, or none; call those that wait for it."""
        self.room = room
        self.core.call(SLOW, room)

    @rule()
    def defer(self) -> None:
        """Give back what has waited too long."""
        self.core.defer(self.now, at_limit=lambda _: True)

    @rule(taken=st.integers(0, 9), crash=st.booleans())
    def append(self, taken: int, crash: bool) -> None:
        """Append facts; the log takes some; it may be that nobody lives to hear of it."""
        facts = self.core.facts(self.now)[:taken]
        for fact in facts:
            self.executions.append(fact)
            final = isinstance(fact, TaskExecuted) and fact.final
            if final and any(word.run_id == fact.run_id for word in self.due[self.read_to :]):
                self.crossed.add(fact.run_id)
        if crash:
            self.take_up()
            return
        first = len(self.executions) - len(facts)
        for number, fact in enumerate(facts):
            self.core.accepted(fact, first + number)

    @rule()
    def commit(self) -> None:
        """Commit the prefix, and forget."""
        prefix = self.core.prefix()
        assert prefix.due >= self.committed.due, "the prefix went back"
        self.committed = prefix
        self.core.forget(self.now)

    @rule(seconds=st.sampled_from([0.5, 1, 5, 40, 70]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    @rule()
    def crash(self) -> None:
        """Lose the core and all that was running."""
        self.take_up()

    @invariant()
    def no_unsettled_run_is_lost(self) -> None:
        """Take over in thought: what has not ended is started, unless a lease speaks for it.

        A run that ever held a lease is the timer's to emit again, so it may be started or not; so
        may one whose end crossed a repeat.
        """
        after = Takeover()
        after.due, after.executions, after.committed = self.due, self.executions, self.committed
        after.take_up()
        after.read(ALL)
        startable = {run.run_id for run in after.core.startable(self.now + DAY, runs_max=ALL)}
        ended = {word.run_id for word in self.due if self._has_ended(word)}
        waits = {word.run_id for word in self.due if not self._is_deferred(word)}
        leased = {fact.run_id for fact in self.executions if isinstance(fact, TaskStarted)}

        assert waits - ended - leased <= startable
        assert set() == (startable & ended) - self.crossed

    def _has_ended(self, run: TaskDue) -> bool:
        return any(
            isinstance(fact, TaskExecuted) and fact.final and fact.run_id == run.run_id
            for fact in self.executions
        )

    def _is_deferred(self, run: TaskDue) -> bool:
        """Whether this word about a run was given back, or a later one."""
        return any(
            isinstance(fact, TaskExecuted)
            and fact.deferred
            and fact.run_id == run.run_id
            and (run.based_on, run.delivery) <= (fact.based_on, fact.delivery)
            for fact in self.executions
        )

    def _note_position(self) -> None:
        if self.read_to >= self.due_end:
            self.core.caught_up()


@pytest.mark.promise("P1", "P3")
def test_no_interleaving_of_crashes_loses_or_repeats_a_run() -> None:
    run_state_machine_as_test(Takeover, settings=settings(max_examples=100, stateful_step_count=40))
