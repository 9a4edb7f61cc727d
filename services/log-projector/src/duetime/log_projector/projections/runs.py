"""Run documents: what a record of `executions` makes of one.

Knows that a run has one document, made from its final fact, and a skipped stretch another, named by
its event. An attempt that another one follows makes none: the task's `last_run` shows it.
"""

from duetime.events.envelope import Envelope
from duetime.events.types import TaskExecuted, TaskSkipped
from duetime.store.views import RunDocument


def run_document(envelope: Envelope, offset: int) -> RunDocument | None:
    """Give the document of an event that lies at `offset`; None where it makes none."""
    event = envelope.event
    if isinstance(event, TaskExecuted) and event.final:
        return _executed(event, offset)
    if isinstance(event, TaskSkipped):
        return _skipped(event, envelope, offset)
    return None


def _executed(event: TaskExecuted, offset: int) -> RunDocument:
    return RunDocument(
        id=event.run_id,
        task_id=event.task_id,
        tenant=event.tenant,
        revision=event.revision,
        description=event.description,
        nominal_at=event.nominal_at,
        due_at=event.due_at,
        accepted_at=event.accepted_at,
        started_at=event.started_at,
        finished_at=event.finished_at,
        outcome=event.outcome,
        kind=event.kind,
        attempt=event.attempt,
        action=event.action,
        executor=event.executor,
        result=event.result,
        error=event.error,
        position=offset,
    )


def _skipped(event: TaskSkipped, envelope: Envelope, offset: int) -> RunDocument:
    # Never under its run id: a run that ended and was then skipped by another executor did both.
    return RunDocument(
        id=envelope.event_id,
        task_id=event.task_id,
        tenant=event.tenant,
        revision=event.revision,
        description=event.description,
        due_at=event.first_due_at,
        last_due_at=event.last_due_at,
        finished_at=envelope.time,
        skipped=event.cause,
        skipped_by=event.by,
        count=event.count,
        position=offset,
    )
