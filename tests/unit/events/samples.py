"""One full event of every type, and one with nothing but what it must have.

Knows the fields of `duetime.events.types`; the golden bytes are of these very values.
"""

from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from duetime.events.envelope import Envelope
from duetime.events.types import (
    AnyEvent,
    Definition,
    LogAction,
    Outcome,
    PythonAction,
    RunKind,
    SkipCause,
    TaskCreated,
    TaskDeleted,
    TaskDue,
    TaskExecuted,
    TaskPaused,
    TaskResumed,
    TaskSkipped,
    TaskStarted,
    TaskTriggered,
    TaskUpdated,
)
from duetime.recurrence.rules import Daily
from tests.support.builders import A, deferred, due, executed

RUN: Final = "7d1f1b0e-7c7a-8d2b-9a53-111111111111"
MADE_AT: Final = datetime(2026, 5, 31, 8, 30, 15, 123456, tzinfo=UTC)
DUE_AT: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER: Final = datetime(2026, 6, 1, 12, 0, 0, 7000, tzinfo=UTC)
NEXT: Final = datetime(2026, 6, 2, 12, tzinfo=UTC)

DEFINITION: Final = Definition(
    description="Blumen gießen 🌱 “now”\n",
    time=DUE_AT,
    timezone="Europe/Berlin",
    recurrence=Daily(),
    action=PythonAction(name="water", args={"litres": 1.5, "rooms": ["kitchen", None, True]}),
    timeout_seconds=12.5,
)

FULL: Final[tuple[AnyEvent, ...]] = (
    TaskCreated(
        task_id=A,
        tenant="home",
        revision=1,
        actor="ada",
        definition=DEFINITION,
        fingerprint="f00d",
        keyed=True,
    ),
    TaskUpdated(
        task_id=A,
        tenant="home",
        revision=2,
        actor="ada",
        definition=DEFINITION,
        expected_revision=1,
    ),
    TaskDeleted(task_id=A, tenant="home", revision=3, actor="ada", expected_revision=2),
    TaskPaused(task_id=A, tenant="home", revision=3, actor="ada", reason="on holiday"),
    TaskResumed(task_id=A, tenant="home", revision=4, actor="ada", reason="back again"),
    TaskTriggered(task_id=A, tenant="home", revision=4, actor="ada", note="they look dry"),
    TaskDue(
        task_id=A,
        tenant="home",
        revision=4,
        run_id=RUN,
        description=DEFINITION.description,
        nominal_at=DUE_AT,
        due_at=DUE_AT,
        based_on=41,
        action=DEFINITION.action,
        timeout_seconds=12.5,
        kind=RunKind.TRIGGERED,
        attempt=2,
        delivery=3,
        accepted_at=LATER,
        start_by=NEXT,
        next_due_at=NEXT,
    ),
    TaskStarted(
        task_id=A,
        tenant="home",
        revision=4,
        run_id=RUN,
        attempt=2,
        delivery=3,
        executor="executor-1",
        due_at=DUE_AT,
        started_at=LATER,
        lease_until=NEXT,
    ),
    TaskExecuted(
        task_id=A,
        tenant="home",
        revision=4,
        run_id=RUN,
        description=DEFINITION.description,
        nominal_at=DUE_AT,
        due_at=DUE_AT,
        started_at=LATER,
        finished_at=NEXT,
        outcome=Outcome.FAILED,
        executor="executor-1",
        action="python",
        kind=RunKind.BACKFILL,
        attempt=2,
        final=False,
        deferred=True,
        accepted_at=LATER,
        retry_at=NEXT,
        next_due_at=NEXT,
        result="half a litre",
        error="no more water",
    ),
    TaskSkipped(
        task_id=A,
        tenant="home",
        revision=4,
        description=DEFINITION.description,
        cause=SkipCause.MISSED,
        by="timer",
        first_due_at=MADE_AT,
        last_due_at=DUE_AT,
        run_id=RUN,
        count=2,
        next_due_at=NEXT,
    ),
)

_PLAIN: Final = Definition(description="water", time=DUE_AT, action=LogAction())

SPARSE: Final[tuple[AnyEvent, ...]] = (
    TaskCreated(task_id=A, tenant="home", revision=1, actor="ada", definition=_PLAIN),
    TaskUpdated(task_id=A, tenant="home", revision=2, actor="ada", definition=_PLAIN),
    TaskDeleted(task_id=A, tenant="home", revision=3, actor="ada"),
    TaskPaused(task_id=A, tenant="home", revision=3, actor="ada"),
    TaskResumed(task_id=A, tenant="home", revision=4, actor="ada"),
    TaskTriggered(task_id=A, tenant="home", revision=4, actor="ada"),
    due(DUE_AT, run_id=RUN),
    TaskStarted(
        task_id=A,
        tenant="home",
        revision=4,
        run_id=RUN,
        attempt=1,
        executor="executor-1",
        due_at=DUE_AT,
        started_at=LATER,
        lease_until=NEXT,
    ),
    executed(due(DUE_AT, run_id=RUN)),
    TaskSkipped(
        task_id=A,
        tenant="home",
        revision=4,
        description="water",
        cause=SkipCause.PAUSED,
        by="timer",
        first_due_at=DUE_AT,
        last_due_at=DUE_AT,
    ),
)


_AGAIN: Final = replace(due(DUE_AT, run_id=RUN), based_on=41, delivery=3, deferrals=2)

DEFERRED: Final[tuple[AnyEvent, ...]] = (_AGAIN, deferred(_AGAIN, retry_at=NEXT, at=LATER))
"""A run that went back twice, and goes back once more."""


def journey(event: AnyEvent, *, traceparent: str | None = None) -> Envelope:
    """Give the envelope in which a sample travels."""
    return Envelope(
        event=event,
        event_id="0197280a-0000-7000-8000-0000000000e1",
        source="duetime/test",
        time=MADE_AT,
        traceparent=traceparent,
    )
