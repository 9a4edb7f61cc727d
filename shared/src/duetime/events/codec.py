"""Events to bytes and back: CloudEvents 1.0 in Kafka's binary binding, JSON values.

The only place that knows how an event looks on the wire. Type and version stand together in
`ce_type` ("duetime.TaskCreated.v1"). Stored events never change: a new shape is a new version, with
an upcaster from the one before, and golden bytes of every version ever written stay in the tests.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from duetime.events.envelope import Envelope, Position, Unreadable
from duetime.events.types import (
    AnyEvent,
    Definition,
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
from duetime.recurrence.next import zone_of

Upcaster = Callable[[dict[str, object]], dict[str, object]]
"""Takes a version's value as plain JSON to the next version's."""


class Encoded(NamedTuple):
    """An event as it travels: key, value and headers of one record."""

    key: bytes
    value: bytes
    headers: dict[str, bytes]


VERSIONS: Final[Mapping[type[AnyEvent], int]] = {
    TaskCreated: 1,
    TaskUpdated: 1,
    TaskDeleted: 1,
    TaskPaused: 1,
    TaskResumed: 1,
    TaskTriggered: 1,
    TaskDue: 1,
    TaskStarted: 1,
    TaskExecuted: 1,
    TaskSkipped: 1,
}
UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {}
"""(type name, version) to the function that lifts that version to the next."""

_TYPE_NAMES: Final = {
    kind: f"duetime.{kind.__name__}.v{version}".encode() for kind, version in VERSIONS.items()
}
_DECODERS: Final = {name: msgspec.json.Decoder(kind) for kind, name in _TYPE_NAMES.items()}
_KINDS: Final = {kind.__name__: kind for kind in VERSIONS}
_DEFINING: Final = (TaskCreated, TaskUpdated)  # a union would be built anew for each event
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_CONTENT_TYPE: Final = b"application/json"
_SPEC_VERSION: Final = b"1.0"
_TYPE_NAME: Final = re.compile(r"duetime\.([A-Za-z]+)\.v([1-9][0-9]{0,3})")
_OUR_OWN_KEYS: Final = b"_"  # how keys of records that are no task's begin, as the position's
_YEAR_MIN: Final = 1900  # outside these years the arithmetic of zones leaves the calendar
_YEAR_MAX: Final = 9000


def encode(envelope: Envelope) -> Encoded:
    """Give the record of an event. Its key is the task id, so one task is one order."""
    event = envelope.event
    key = event.task_id.encode()
    headers = {
        "ce_specversion": _SPEC_VERSION,
        "ce_id": envelope.event_id.encode(),
        "ce_type": _TYPE_NAMES[type(event)],
        "ce_source": envelope.source.encode(),
        "ce_time": _timestamp(envelope.time),
        "ce_subject": key,
        "content-type": _CONTENT_TYPE,
    }
    if envelope.traceparent is not None:
        headers["traceparent"] = envelope.traceparent.encode()
    return Encoded(key, _ENCODER.encode(event), headers)


def decode(
    *,
    key: bytes | None,
    value: bytes | None,
    headers: Mapping[str, bytes],
    position: Position | None = None,
    appended_at: datetime | None = None,
) -> Envelope | Unreadable:
    """Read a record. Never raises for what a record holds: what cannot be read says why."""

    def unreadable(reason: str) -> Unreadable:
        text = None if key is None else key.decode(errors="replace")
        return Unreadable(key=text, reason=reason, position=position, appended_at=appended_at)

    try:
        if key is None or value is None:
            return unreadable("the record has no key or no value")
        if key.startswith(_OUR_OWN_KEYS):
            return unreadable("a task's id cannot begin with an underscore")
        event = _event(headers["ce_type"], value)
        if event.task_id.encode() != key:
            return unreadable("the record's key is not the event's task id")
        traceparent = headers.get("traceparent")
        return Envelope(
            event=event,
            event_id=headers["ce_id"].decode(),
            source=headers["ce_source"].decode(),
            time=_instant(headers["ce_time"]),
            traceparent=None if traceparent is None else traceparent.decode(),
            position=position,
            appended_at=appended_at,
        )
    except KeyError as missing:
        return unreadable(f"the header {missing} is missing")
    except (
        msgspec.MsgspecError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,  # a value nested deeper than the stack
    ) as fault:
        return unreadable(str(fault))


def _event(type_name: bytes, value: bytes) -> AnyEvent:
    decoder = _DECODERS.get(type_name)
    event = _lifted(type_name.decode(), value) if decoder is None else decoder.decode(value)
    if isinstance(event, _DEFINING):
        _check(event.definition)
    return event


def _check(definition: Definition) -> None:
    """Refuse what no fold could work with, so that folds are total. Raises ValueError."""
    zone_of(definition.timezone)
    if not _YEAR_MIN <= definition.time.year <= _YEAR_MAX:
        message = f"time lies outside the years {_YEAR_MIN} to {_YEAR_MAX}"
        raise ValueError(message)


def _lifted(type_name: str, value: bytes) -> AnyEvent:
    """Read an older version by lifting it, version by version, to today's."""
    match = _TYPE_NAME.fullmatch(type_name)
    kind = None if match is None else _KINDS.get(match[1])
    if match is None or kind is None:
        message = f"unknown event type {type_name!r}"
        raise ValueError(message)
    name, version = match[1], int(match[2])
    if version > VERSIONS[kind]:
        message = f"{name} version {version} is newer than this reader ({VERSIONS[kind]})"
        raise ValueError(message)
    fields = msgspec.json.decode(value, type=dict[str, object])
    for step in range(version, VERSIONS[kind]):
        fields = UPCASTERS[name, step](fields)
    return msgspec.convert(fields, kind)


@lru_cache(maxsize=64)  # events that are made together carry one time
def _timestamp(instant: datetime) -> bytes:
    return (
        instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()
    )


@lru_cache(maxsize=64)  # as above: one text, read once
def _instant(text: bytes) -> datetime:
    instant = datetime.fromisoformat(text.decode())
    if instant.tzinfo is None:
        message = "ce_time has no zone"
        raise ValueError(message)
    return instant.astimezone(UTC)
