"""The projection: what a stretch of the log makes of the read models.

Rule 1: pure, total, and idempotent by offsets: a stretch may come again, and be cut anywhere.
Rule 2: the order within a topic counts, the order between topics does not. So the read models can
be wiped and come back equal, however the topics are read beside each other (P6).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, get_args
from zoneinfo import ZoneInfo

from msgspec.inspect import DateTimeType, Type, UnionType, type_info
from msgspec.structs import fields

from duetime.events.envelope import Envelope, Unreadable
from duetime.events.types import AnyEvent, TaskCreated, TaskDue, TaskUpdated
from duetime.log_projector.projections.runs import run_document
from duetime.log_projector.projections.tasks import with_event
from duetime.store.port import TopicPartition, ViewChanges
from duetime.store.views import RunDocument, TaskDocument

# Beyond these, arithmetic on instants fails. Duetime makes no such events; a log may hold others'.
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9_000, 1, 1, tzinfo=UTC)
_DEFINING: Final = (TaskCreated, TaskUpdated)


def _instant_fields(kind: type[AnyEvent]) -> Sequence[str]:
    return [field.name for field in fields(kind) if _holds_instants(type_info(field.type))]


def _holds_instants(info: Type) -> bool:
    if isinstance(info, UnionType):
        return any(_holds_instants(member) for member in info.types)
    return isinstance(info, DateTimeType)


_INSTANT_FIELDS: Final = {kind: _instant_fields(kind) for kind in get_args(AnyEvent)}


def touched(inputs: Sequence[Envelope | Unreadable]) -> Sequence[str]:
    """Name the tasks whose documents `project` needs, each once."""
    ids = (
        record.event.task_id
        for record in inputs
        if isinstance(record, Envelope) and not isinstance(record.event, TaskDue)
    )
    return list(dict.fromkeys(ids))


def project(
    documents: Mapping[str, TaskDocument],
    inputs: Sequence[Envelope | Unreadable],
    positions: Mapping[TopicPartition, int],
) -> ViewChanges:
    """Fold `inputs` into the documents they touch; each changed one comes once.

    `documents`: those of `touched(inputs)` that exist. `positions`: how far the inputs go. What
    cannot be read, or makes no sense, changes nothing.
    """
    changed: dict[str, TaskDocument] = {}
    runs: dict[str, RunDocument] = {}
    for record in inputs:
        if not isinstance(record, Envelope) or record.position is None or not _sound(record):
            continue
        offset = record.position.offset
        task_id = record.event.task_id
        before = changed.get(task_id) or documents.get(task_id) or TaskDocument(task_id=task_id)
        after = with_event(before, record, offset)
        if after is not before:
            changed[task_id] = after
        run = run_document(record, offset)
        if run is not None and (run.id not in runs or run.position > runs[run.id].position):
            runs[run.id] = run
    return ViewChanges(
        tasks=list(changed.values()), runs=list(runs.values()), positions=dict(positions)
    )


def _sound(envelope: Envelope) -> bool:
    """Whether every instant and zone in it can be reckoned with."""
    event = envelope.event
    instants = [
        envelope.time,
        envelope.appended_at,
        *(getattr(event, name) for name in _INSTANT_FIELDS[type(event)]),
    ]
    if isinstance(event, _DEFINING):
        instants.append(event.definition.time)
        if not _is_zone(event.definition.timezone):
            return False
    return all(
        instant is None or (instant.tzinfo is not None and _EARLIEST <= instant <= _LATEST)
        for instant in instants
    )


def _is_zone(timezone: str) -> bool:
    try:
        ZoneInfo(timezone)
    except (LookupError, ValueError, OSError):
        return False
    return True
