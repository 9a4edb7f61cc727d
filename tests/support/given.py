"""A timer on a log of its own, told as a story: `given(created(NOON)).at(NOON)`.

Knows the timer's core and what its shell does between two steps: offsets, the changelog, the
position. Decides nothing itself. `at` gives what was said; what the log then holds stays, so that a
story may crash (`restored`) and go on.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from duetime.events.envelope import Envelope, Unreadable
from duetime.events.positions import FoldedTo
from duetime.events.types import (
    AnyEvent,
    TaskDue,
    TaskExecuted,
    TaskSkipped,
    TaskStarted,
)
from duetime.timer.core import Decided, TimerCore
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.state import TaskState, decode_state
from tests.support.builders import EARLIER, A, envelope, executed, unreadable

Record = Envelope | Unreadable
Fact = TaskDue | TaskSkipped

_TASKS: Final = "duetime.tasks"
_EXECUTIONS: Final = "duetime.executions"
_DECISIONS_MAX: Final = 100


class Story:
    """What happened to one partition's timer so far."""

    def __init__(self, lookahead: timedelta = timedelta(0)) -> None:
        """Begin with an empty log and a timer that has caught up; it speaks so far ahead."""
        self.lookahead = lookahead
        self.tasks: list[Record] = []
        self.executions: list[Record] = []
        self.in_order: list[Record] = []  # of both, as they were appended
        self.changelog: dict[str, bytes] = {}
        self.folded_to = FoldedTo()
        self.facts: list[Fact] = []
        self.core = _core(lookahead)
        self.core.caught_up()

    def then(
        self,
        *events: AnyEvent,
        at: datetime = EARLIER,
        event_id: str | None = None,
        late: timedelta = timedelta(0),
    ) -> "Story":
        """Append events at an instant of the log's clock, `late` after they were made."""
        for event in events:
            of_run = isinstance(event, TaskStarted | TaskExecuted | TaskSkipped | TaskDue)
            topic, log = (_EXECUTIONS, self.executions) if of_run else (_TASKS, self.tasks)
            record = envelope(
                event,
                event_id=event_id or f"{topic} {len(log)}",
                appended_at=at,
                made_at=at - late,
                topic=topic,
                offset=len(log),
            )
            log.append(record)
            self.in_order.append(record)
            self.core.apply([record])
        return self

    def then_something_unreadable(
        self, task_id: str | None = A, *, at: datetime = EARLIER
    ) -> "Story":
        """Append to `tasks` what nobody can read."""
        record = unreadable(task_id, topic=_TASKS, offset=len(self.tasks), appended_at=at)
        self.tasks.append(record)
        self.in_order.append(record)
        self.core.apply([record])
        return self

    def at(self, now: datetime) -> list[Fact]:
        """Let it be `now`: give what the timer says, all of it accepted by the log."""
        said: list[Fact] = []
        for _ in range(_DECISIONS_MAX):
            decided = self.core.decide(now)
            if decided is None:
                return said
            said += self.accept(decided, now)
            if not decided.facts and not decided.fired:
                return said
        raise AssertionError("the timer never comes to rest")

    def accept(self, decided: Decided, now: datetime) -> list[Fact]:
        """Let the log take a decision; give the facts in it."""
        for task_id, kept in decided.states.items():
            if kept.value is None:
                self.changelog.pop(task_id, None)
            else:
                self.changelog[task_id] = kept.value
        self.folded_to = decided.folded_to
        self.core.accepted(decided, now)
        facts = [record.event for record in decided.facts]
        said = [fact for fact in facts if isinstance(fact, TaskDue | TaskSkipped)]
        self.facts += said
        return said

    def with_ends(self, *, at: datetime) -> "Story":
        """Let every run that was ever due end, once more where it ended before."""
        return self.then(
            *[executed(fact, finished_at=at) for fact in _due(self.facts)],
            at=at,
        )

    def restored(self) -> "Story":
        """Crash, and restore a new core from what the log holds.

        What was not folded in yet comes in the order in which it came before. Nothing orders the
        two topics against each other, so another order would be as good, and say something else.
        """
        self.core = _core(self.lookahead)
        for task_id, value in self.changelog.items():
            self.core.restore(task_id, value)
        self.core.restore_position(self.folded_to)
        self.core.apply(self.in_order)  # what was folded in changes nothing
        self.core.caught_up()
        return self

    def state(self, task_id: str = A) -> TaskState | None:
        """Give a task's state as the log holds it."""
        value = self.changelog.get(task_id)
        return None if value is None else decode_state(value)


def given(*events: AnyEvent, at: datetime = EARLIER, lookahead: timedelta = timedelta(0)) -> Story:
    """Begin a story with events that were appended an hour before noon."""
    return Story(lookahead).then(*events, at=at)


def runs(facts: Sequence[Fact]) -> list[datetime]:
    """Give the nominal times said to be due for the first time, in the order of saying so."""
    return [fact.nominal_at for fact in _due(facts) if fact.delivery == 1]


def repeats(facts: Sequence[Fact]) -> list[tuple[datetime, int]]:
    """Give the nominal times that are said to be due once more, each with the delivery's number."""
    return [(fact.nominal_at, fact.delivery) for fact in _due(facts) if fact.delivery > 1]


def skips(facts: Sequence[Fact]) -> list[TaskSkipped]:
    """Give what is said to be skipped."""
    return [fact for fact in facts if isinstance(fact, TaskSkipped)]


def _due(facts: Sequence[Fact]) -> list[TaskDue]:
    return [fact for fact in facts if isinstance(fact, TaskDue)]


def _core(lookahead: timedelta) -> TimerCore:
    return TimerCore(source="timer-1", index=MemoryDueIndex(), lookahead=lookahead)
