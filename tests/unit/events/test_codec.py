"""Events to bytes and back: nothing is lost, and nothing that is read can raise."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetime.events.codec import decode, encode
from duetime.events.envelope import Envelope, Position, Unreadable
from duetime.events.types import AnyEvent, TaskCreated
from tests.support.builders import NOON, A, created, envelope
from tests.support.strategies import events, instants, texts
from tests.unit.events.samples import journey

POSITION: Final = Position("duetime.tasks", 3, 41)


def read(
    event: AnyEvent | None = None,
    *,
    key: bytes | None = A.encode(),
    value: bytes | None = None,
    **headers: bytes | None,
) -> Envelope | Unreadable:
    """Read the record of an event of which something was changed; a header None is left out."""
    record = encode(journey(event or created()))
    changed = record.headers | {name: text for name, text in headers.items() if text is not None}
    left = {name: text for name, text in changed.items() if headers.get(name, b"") is not None}
    return decode(
        key=key, value=record.value if value is None else value, headers=left, position=POSITION
    )


def reason(record: Envelope | Unreadable) -> str:
    """Give why a record could not be read."""
    assert isinstance(record, Unreadable)
    return record.reason


@given(event=events(), made_at=instants, traceparent=st.none() | texts)
def test_an_event_comes_back_as_it_went(
    event: AnyEvent, made_at: datetime, traceparent: str | None
) -> None:
    sent = Envelope(event=event, event_id="e", source="s", time=made_at, traceparent=traceparent)
    record = encode(sent)

    assert sent == decode(key=record.key, value=record.value, headers=record.headers)


@given(
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(),
    headers=st.dictionaries(
        st.sampled_from(["ce_type", "ce_id", "ce_source", "ce_time", "traceparent", "x"]),
        st.binary(max_size=40),
    ),
)
def test_no_bytes_can_make_reading_raise(
    key: bytes | None, value: bytes | None, headers: dict[str, bytes]
) -> None:
    assert isinstance(decode(key=key, value=value, headers=headers), Unreadable)


@given(event=events(), place=st.integers(0, 2_000), change=st.binary(max_size=6))
def test_no_damage_to_a_value_can_make_reading_raise(
    event: AnyEvent, place: int, change: bytes
) -> None:
    key, value, headers = encode(journey(event))
    place = min(place, len(value))
    damaged = value[:place] + change + value[place + len(change) :]

    assert isinstance(decode(key=key, value=damaged, headers=headers), Envelope | Unreadable)


@pytest.mark.parametrize("name", ["ce_type", "ce_id", "ce_source", "ce_time"])
def test_a_missing_header_is_named(name: str) -> None:
    assert f"the header '{name}' is missing" == reason(read(**{name: None}))


@pytest.mark.parametrize(
    "name",
    [
        b"duetime.TaskPostponed.v1",
        b"TaskCreated.v1",
        b"duetime.TaskCreated",
        b"duetime.TaskCreated.v0",
        b"duetime.TaskCreated.v01",
        b"duetime.TaskCreated.v1.v1",
        "duetime.TaskCreated.v²".encode(),
        b"com.example.TaskCreated.v1",
        b"",
        b"\xff",
    ],
)
def test_an_unknown_type_is_unreadable_and_says_so(name: bytes) -> None:
    told = reason(read(ce_type=name))

    assert "unknown event type" in told or "decode" in told


def test_a_newer_version_says_that_the_reader_is_too_old() -> None:
    told = reason(read(ce_type=b"duetime.TaskCreated.v7"))

    assert "TaskCreated version 7 is newer than this reader (1)" == told


def test_a_key_that_is_not_the_task_is_unreadable() -> None:
    assert "the record's key is not the event's task id" == reason(read(key=b"another"))


def test_a_key_that_looks_like_the_position_record_is_unreadable() -> None:
    record = read(created(task_id="_position"), key=b"_position")

    assert "a task's id cannot begin with an underscore" == reason(record)


def test_an_unreadable_record_keeps_its_key_and_its_place() -> None:
    record = read(ce_type=b"?")

    assert isinstance(record, Unreadable)
    assert (A, POSITION) == (record.key, record.position)


def test_a_tombstone_is_no_event() -> None:
    assert isinstance(decode(key=A.encode(), value=None, headers={}), Unreadable)


def test_fields_that_nobody_knows_yet_are_passed_over() -> None:
    fields = msgspec.json.decode(encode(journey(created())).value)
    value = msgspec.json.encode(fields | {"weather": {"wind": [1, 2]}})

    assert journey(created()).event == _event(read(value=value))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("time", "2026-06-01T12:00:00"),  # no zone: nothing could compare it
        ("time", "0001-01-01T00:00:00+14:00"),  # in UTC before the calendar
        ("time", "9999-12-31T23:59:59-12:00"),  # in UTC after it
        ("timezone", "Europe/Atlantis"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "America"),  # a folder of the database
        ("timezone", ""),
        ("timezone", "x" * 5_000),
        ("timezone", "a\0b"),
    ],
)
def test_a_definition_that_no_fold_could_work_with_is_unreadable(field: str, text: str) -> None:
    fields = msgspec.json.decode(encode(journey(created())).value)
    fields["definition"][field] = text

    assert "" != reason(read(value=msgspec.json.encode(fields)))


def test_a_value_nested_too_deep_is_unreadable() -> None:
    value = b'{"definition":' + b"[" * 100_000

    assert "" != reason(read(value=value))


def test_a_time_of_another_zone_is_the_same_instant() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    event = _event(read(created(there)))

    assert isinstance(event, TaskCreated)
    assert NOON == event.definition.time


def test_the_time_of_an_event_is_read_as_utc() -> None:
    record = read(ce_time=b"2026-06-01T14:00:00.5+02:00")

    assert isinstance(record, Envelope)
    assert NOON + timedelta(milliseconds=500) == record.time
    assert UTC is record.time.tzinfo


@pytest.mark.parametrize("text", [b"2026-06-01T12:00:00", b"noon", b"", b"0001-01-01T00:00+14:00"])
def test_an_event_without_a_readable_time_is_unreadable(text: bytes) -> None:
    assert isinstance(read(ce_time=text), Unreadable)


def test_an_accepted_event_knows_its_place() -> None:
    placed = envelope(created()).placed(POSITION, NOON)

    assert (POSITION, NOON) == (placed.position, placed.appended_at)


def _event(record: Envelope | Unreadable) -> AnyEvent:
    assert isinstance(record, Envelope)
    return record.event
