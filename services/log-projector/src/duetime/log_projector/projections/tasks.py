"""Task documents: what an event makes of one.

Rule 1: a document has two parts, folded from one topic each and guarded by the offset of the last
event that changed it. Neither looks at the other, so the order between the topics cannot matter.
Rule 2: pure and total. The same document comes back where nothing changed.
"""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from duetime.events.envelope import Envelope
from duetime.events.ids import run_id_for
from duetime.events.types import (
    RunKind,
    TaskDue,
    TaskExecuted,
    TaskSkipped,
    TaskStarted,
)
from duetime.store.views import LastRun, Mark, TaskDocument, lateness_seconds
from duetime.task.evolve import Verdict, evolve
from duetime.task.occurrence import EARLIER_MAX, NAMEABLE


def with_event(document: TaskDocument, envelope: Envelope, offset: int) -> TaskDocument:
    """Fold an event that lies at `offset` in its topic."""
    event = envelope.event
    match event:
        case TaskDue():
            return document
        case TaskStarted() | TaskExecuted() | TaskSkipped():
            if offset <= document.run_offset:
                return document
            last_run = _last_run(document.last_run, event, envelope.time)
            if last_run == document.last_run:
                return document
            return replace(document, last_run=last_run, run_offset=offset)
        case _:
            if offset <= document.task_offset:
                return document
            task, verdict = evolve(document.task, envelope)
            if verdict is not Verdict.APPLIED:
                return document
            return replace(document, task=task, task_offset=offset)


def _last_run(
    last: LastRun | None, event: TaskStarted | TaskExecuted | TaskSkipped, recorded_at: datetime
) -> LastRun | None:
    match event:
        case TaskStarted():
            return last if _is_stale(last, event) else _started(last, event)
        case TaskExecuted():
            after = last if _is_stale(last, event) else _executed(event)
        case TaskSkipped():
            after = _skipped(event, recorded_at)
        case _:
            assert_never(event)
    assert after is not None, "only a known run is stale"
    mark = _mark(event)
    newest, furthest = (None, None) if last is None else (last.newest, last.furthest)
    newest = _greater(newest, mark, lambda it: (it.revision, it.nominal_at))
    furthest = _greater(furthest, mark, lambda it: (it.nominal_at, it.revision))
    earlier = _earlier(last, mark, recorded_at)
    marked = {it.nominal_at for it in (newest, furthest) if it is not None}
    return replace(
        after,
        newest=newest,
        furthest=furthest,
        earlier=tuple(at for at in earlier if at not in marked),
    )


def _earlier(
    last: LastRun | None, mark: Mark | None, recorded_at: datetime
) -> tuple[datetime, ...]:
    """Give the nominal times that went before and that a new `time` may still name.

    It may lie a minute back, so a task can be moved onto an occurrence of its own that ran. What is
    told just now stays, however old: its run may have taken long, and the move come meanwhile.
    """
    known = () if last is None else last.nominal_times
    kept = {at for at in known if recorded_at - at <= NAMEABLE}
    if mark is not None:
        kept.add(mark.nominal_at)
    return tuple(sorted(kept)[-EARLIER_MAX:])


def _is_stale(last: LastRun | None, event: TaskStarted | TaskExecuted) -> bool:
    """Whether it is a late repeat: of an attempt before the last one, or of a run that is over."""
    if last is None or event.run_id != last.run_id:
        return False
    if event.attempt != last.attempt:
        return event.attempt < last.attempt
    if isinstance(event, TaskExecuted) and event.deferred and event.finished_at < last.recorded_at:
        return True
    over = last.finished_at is not None and not last.open
    return over and not (isinstance(event, TaskExecuted) and event.final)


def _started(last: LastRun | None, event: TaskStarted) -> LastRun:
    known = last if last is not None and last.run_id == event.run_id else None
    return LastRun(
        run_id=event.run_id,
        revision=event.revision,
        nominal_at=event.due_at if known is None else known.nominal_at,
        due_at=event.due_at,
        recorded_at=event.started_at,
        attempt=event.attempt,
        started_at=event.started_at,
        lease_until=event.lease_until,
        newest=None if last is None else last.newest,
        furthest=None if last is None else last.furthest,
        earlier=() if last is None else last.earlier,
    )


def _executed(event: TaskExecuted) -> LastRun:
    if event.deferred:
        return _deferred(event)
    return LastRun(
        run_id=event.run_id,
        revision=event.revision,
        nominal_at=event.nominal_at,
        due_at=event.due_at,
        recorded_at=event.finished_at,
        attempt=event.attempt,
        outcome=event.outcome,
        started_at=event.started_at,
        finished_at=event.finished_at,
        lateness_seconds=lateness_seconds(event.started_at, event.due_at, event.accepted_at),
        error=event.error,
        # An end that is not final leaves the run open, whether or not it says until when.
        retry_at=None if event.final else event.retry_at or event.finished_at,
    )


def _deferred(event: TaskExecuted) -> LastRun:
    """Show a run that was not begun: it waits for its target, and has neither outcome nor times."""
    return LastRun(
        run_id=event.run_id,
        revision=event.revision,
        nominal_at=event.nominal_at,
        due_at=event.due_at,
        recorded_at=event.finished_at,
        attempt=event.attempt,
        retry_at=event.retry_at or event.finished_at,
    )


def _skipped(event: TaskSkipped, recorded_at: datetime) -> LastRun:
    return LastRun(
        run_id=event.run_id,
        revision=event.revision,
        nominal_at=event.last_due_at,
        due_at=event.last_due_at,
        recorded_at=recorded_at,
        skipped=event.cause,
    )


def _mark(event: TaskExecuted | TaskSkipped) -> Mark | None:
    """Say how far the schedule has come by this record; None where it says nothing about it."""
    if isinstance(event, TaskExecuted):
        nominal_at = event.nominal_at
        scheduled = event.kind is RunKind.SCHEDULED
    else:
        nominal_at = event.last_due_at
        asked_for = event.run_id not in {None, run_id_for(event.task_id, nominal_at)}
        scheduled = event.next_due_at is not None or not asked_for
    if not scheduled:
        return None
    return Mark(revision=event.revision, nominal_at=nominal_at, next_due_at=event.next_due_at)


def _greater(
    known: Mark | None, mark: Mark | None, key: Callable[[Mark], tuple[object, ...]]
) -> Mark | None:
    if known is None or mark is None:
        return known or mark
    return mark if key(mark) >= key(known) else known
