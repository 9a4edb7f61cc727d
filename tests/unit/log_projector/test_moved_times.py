"""A task that is moved to and fro: read models and timer agree on what is due, whatever ran."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from duetime.events.envelope import Envelope, Position
from duetime.events.ids import run_id_for
from duetime.events.types import (
    AnyEvent,
    Definition,
    Outcome,
    TaskCreated,
    TaskExecuted,
    TaskUpdated,
)
from duetime.log_projector.projections.tasks import with_event
from duetime.recurrence.rules import Daily, Recurrence
from duetime.store.views import ListedStatus, TaskDocument
from duetime.task.evolve import evolve
from duetime.task.occurrence import Progress, next_nominal
from duetime.task.state import Task
from tests.support.documents import NOON

SECOND: Final = timedelta(seconds=1)


class Move(NamedTuple):
    """A new `time`, so many seconds from then, asked for so many seconds after the last one."""

    after_seconds: int
    ahead_seconds: int


MOVES = st.lists(
    st.builds(
        Move, st.integers(0, 90), st.integers(-60, 60).map(lambda seconds: seconds // 10 * 10)
    ),
    max_size=12,
)


class Journey:
    """One task as the timer and the read models follow it; every run ends at once."""

    def __init__(self, recurrence: Recurrence | None) -> None:
        """Create a task that is due at noon, at noon."""
        self.now = NOON
        self.recurrence = recurrence
        self.task: Task | None = None
        self.progress: Progress | None = None
        self.document = TaskDocument(task_id="t")
        self._offset = 0
        definition = Definition(description="water", time=NOON, recurrence=recurrence)
        self._tell(
            TaskCreated(task_id="t", tenant="x", revision=1, actor="ada", definition=definition)
        )
        self._run_what_is_due()

    def move(self, move: Move) -> None:
        """Give it a new time, and run what is due."""
        self.now += move.after_seconds * SECOND
        self._run_what_is_due()
        assert self.task is not None
        definition = Definition(
            description="water",
            time=self.now + move.ahead_seconds * SECOND,
            recurrence=self.recurrence,
        )
        self._tell(
            TaskUpdated(
                task_id="t",
                tenant="x",
                revision=self.task.revision + 1,
                actor="ada",
                definition=definition,
            )
        )
        self._run_what_is_due()

    def next_due_at(self) -> datetime | None:
        """Give what the timer will run next."""
        assert self.task is not None
        return next_nominal(self.task, self.progress)

    def _run_what_is_due(self) -> None:
        while (nominal_at := self.next_due_at()) is not None and nominal_at <= self.now:
            assert self.task is not None
            revision = self.task.revision
            if self.progress is None:
                self.progress = Progress(revision=revision, nominal_at=nominal_at)
            else:
                self.progress = self.progress.then(
                    revision=revision, nominal_at=nominal_at, now=self.now
                )
            self._tell(
                TaskExecuted(
                    task_id="t",
                    tenant="x",
                    revision=revision,
                    run_id=run_id_for("t", nominal_at),
                    description="water",
                    nominal_at=nominal_at,
                    due_at=nominal_at,
                    started_at=self.now,
                    finished_at=self.now,
                    outcome=Outcome.SUCCEEDED,
                    executor="e",
                    action="log",
                    next_due_at=self.next_due_at(),
                )
            )

    def _tell(self, event: AnyEvent) -> None:
        self._offset += 1
        envelope = Envelope(
            event=event,
            event_id=f"event {self._offset}",
            source="test",
            time=self.now,
            position=Position("topic", 0, self._offset),
            appended_at=self.now,
        )
        self.task, _ = evolve(self.task, envelope)
        self.document = with_event(self.document, envelope, self._offset)


def test_a_time_that_ran_is_not_overdue_when_the_task_is_moved_away_and_back() -> None:
    there_and_back = Journey(None)
    there_and_back.move(Move(10, -20))
    there_and_back.move(Move(10, -20))  # onto noon again, which ran

    assert None is there_and_back.next_due_at()
    assert None is there_and_back.document.next_due_at
    assert ListedStatus.FINISHED is there_and_back.document.status(NOON + 3_600 * SECOND)


@given(moves=MOVES, recurrence=st.none() | st.just(Daily()))
@example(moves=[Move(10, 10), Move(20, -30)], recurrence=None)
def test_read_models_say_of_a_moved_task_what_its_timer_will_do(
    moves: list[Move], recurrence: Recurrence | None
) -> None:
    journey = Journey(recurrence)
    for move in moves:
        journey.move(move)

        assert journey.next_due_at() == journey.document.next_due_at
