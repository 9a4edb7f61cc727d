"""Records as rows and back.

Knows the two shapes in the file: a batch of records, and the latest record of a key; not SQL.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from duetime import limits
from duetime.log.port import Stored
from duetime.log.sqlite.schema import offset_at, place_of, slot_of
from duetime.log.topics import Topic

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_Packed = tuple[bytes | None, bytes | None, dict[str, bytes]]
_ENCODER: Final = msgspec.msgpack.Encoder()
_BATCH: Final = msgspec.msgpack.Decoder(list[_Packed])
_HEADERS: Final = msgspec.msgpack.Decoder(dict[str, bytes])

BATCH_COLUMNS: Final = 4
LATEST_COLUMNS: Final = 6
Value = int | bytes | str | None


def microseconds(instant: datetime) -> int:
    """Give an instant as microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def instant(microseconds_: int) -> datetime:
    """Give microseconds since 1970 as an instant."""
    return _EPOCH + timedelta(microseconds=microseconds_)


def batch_rows(records: Sequence[Stored]) -> Iterator[tuple[Value, ...]]:
    """Give the rows for consecutive records of one partition appended at one instant."""
    first = records[0]
    slot = slot_of(first.topic, first.partition)
    appended_at_us = microseconds(first.appended_at)
    for chunk in _chunks(records):
        yield (
            place_of(slot, chunk[-1].offset),
            len(chunk),
            appended_at_us,
            _ENCODER.encode([(record.key, record.value, record.headers) for record in chunk]),
        )


def batch_records(topic: Topic, partition: int, row: Sequence[Value], start: int) -> list[Stored]:
    """Give the records of a row from an offset on."""
    place, count, appended_at_us, blob = row
    assert isinstance(place, int)
    assert isinstance(count, int)
    assert isinstance(appended_at_us, int)
    assert isinstance(blob, bytes)
    appended_at = instant(appended_at_us)
    first = offset_at(place) - count + 1
    skipped = max(0, start - first)
    return [
        Stored(
            topic=topic,
            partition=partition,
            offset=offset,
            appended_at=appended_at,
            key=key,
            value=value,
            headers=headers,
        )
        for offset, (key, value, headers) in enumerate(
            _BATCH.decode(blob)[skipped:], first + skipped
        )
    ]


def latest_row(record: Stored) -> tuple[Value, ...]:
    """Give the row of a compacted topic's record."""
    slot = slot_of(record.topic, record.partition)
    return (
        place_of(slot, record.offset),
        slot,
        record.key,
        microseconds(record.appended_at),
        record.value,
        _ENCODER.encode(record.headers),
    )


def latest_record(topic: Topic, partition: int, row: Sequence[Value]) -> Stored:
    """Give the record of a compacted topic's row (place, key, appended_at_us, value, headers)."""
    place, key, appended_at_us, value, headers = row
    assert isinstance(place, int)
    assert isinstance(key, bytes)
    assert isinstance(appended_at_us, int)
    assert value is None or isinstance(value, bytes)
    assert isinstance(headers, bytes)
    return Stored(
        topic=topic,
        partition=partition,
        offset=offset_at(place),
        appended_at=instant(appended_at_us),
        key=key,
        value=value,
        headers=_decoded(headers),
    )


def _decoded(headers: bytes) -> Mapping[str, bytes]:
    return _HEADERS.decode(headers)


def _chunks(records: Sequence[Stored]) -> Iterator[Sequence[Stored]]:
    first = size = 0
    for place, record in enumerate(records):
        size += len(record.value or b"")
        count = place + 1 - first
        if count == limits.GROUP_COMMIT_RECORDS_MAX or size >= limits.LOG_ROW_BYTES_MAX:
            yield records[first : place + 1]
            first, size = place + 1, 0
    if first < len(records):
        yield records[first:]
