"""Record batches as records of the port: marks, aborted transactions, gaps, and what is broken."""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record._crc32c import crc as crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from duetime.log.kafka.fetched import Fetched, Part
from duetime.log.topics import Topic

NOON_MS = 1_780_315_200_000
NOON = datetime.fromtimestamp(NOON_MS / 1_000, UTC)
ABORT, COMMIT = struct.pack(">HH", 0, 0), struct.pack(">HH", 0, 1)
_BASE_OFFSET = struct.Struct(">q")
_LAST_OFFSET_DELTA = struct.Struct(">i")
_LAST_OFFSET_DELTA_AT = 23  # of a batch: after offset, length, epoch, magic, checksum, attributes
_CONTROL = 0x20
_ATTRIBUTES_AT = 21


def batch(
    first: int, values: Sequence[str], *, producer: int = -1, transaction: bool = False
) -> bytes:
    """Give a batch as a broker keeps it, which begins at offset `first`."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=transaction,
        producer_id=producer,
        producer_epoch=0,
        base_sequence=0,
        batch_size=100_000,
    )
    for delta, value in enumerate(values):
        headers = [("number", str(first + delta).encode())]
        builder.append(delta, NOON_MS + delta, b"key", value.encode(), headers)
    return _BASE_OFFSET.pack(first) + bytes(builder.build())[_BASE_OFFSET.size :]


def mark(at: int, producer: int, key: bytes) -> bytes:
    """Give the mark that ends a producer's transaction."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=1,
        producer_id=producer,
        producer_epoch=0,
        base_sequence=-1,
        batch_size=1_000,
    )
    builder.append(0, NOON_MS, key, b"\0\0\0\0\0\0", [])
    made = bytearray(builder.build())
    made[_ATTRIBUTES_AT + 1] |= _CONTROL
    return _BASE_OFFSET.pack(at) + _with_checksum(made)[_BASE_OFFSET.size :]


def _with_checksum(made: bytearray) -> bytes:
    made[17:21] = struct.pack(">I", crc32c(bytes(made[_ATTRIBUTES_AT:])))
    return bytes(made)


def fetched(records: bytes, start: int = 0, *, aborted: Sequence[tuple[int, int]] = ()) -> Fetched:
    part = Part("duetime.tasks", 3, 0, 1_000, aborted, records)
    return Fetched(Topic.TASKS, start, part)


def values(found: Sequence[object]) -> list[str]:
    return [record.value.decode() for record in found]  # type: ignore[attr-defined]


def test_records_come_with_their_place_their_time_and_their_headers() -> None:
    (first, second) = fetched(batch(7, ["a", "b"])).take(9)

    assert (Topic.TASKS, 3, 7, NOON, b"key", b"a") == (
        first.topic,
        first.partition,
        first.offset,
        first.appended_at,
        first.key,
        first.value,
    )
    assert {"number": b"8"} == second.headers
    assert 1_000 == (second.appended_at - first.appended_at).microseconds


def test_a_batch_is_given_in_pieces_and_from_its_middle_on() -> None:
    some = fetched(batch(0, list("abcdef")) + batch(6, list("gh")), start=2)
    pieces = [values(some.take(3)) for _ in range(3)]

    assert [["c", "d", "e"], ["f", "g", "h"], []] == pieces
    assert 8 == some.position


def test_the_place_moves_past_marks_and_past_what_a_compaction_took_from_the_end() -> None:
    shortened = bytearray(batch(0, ["a"]))
    shortened[_LAST_OFFSET_DELTA_AT : _LAST_OFFSET_DELTA_AT + 4] = _LAST_OFFSET_DELTA.pack(4)
    some = fetched(_with_checksum(shortened) + mark(5, 1, COMMIT))

    assert ["a"] == values(some.take(1))
    assert 6 == some.position
    assert not some.more()


def test_what_an_aborted_transaction_wrote_is_passed_over_and_nothing_else() -> None:
    records = (
        batch(0, ["kept"], producer=1, transaction=True)
        + batch(1, ["aborted"], producer=2, transaction=True)
        + mark(2, 1, COMMIT)
        + batch(3, ["aborted too"], producer=2, transaction=True)
        + mark(4, 2, ABORT)
        + batch(5, ["its next one"], producer=2, transaction=True)
        + mark(6, 2, COMMIT)
        + batch(7, ["of nobody"])
    )
    some = fetched(records, aborted=[(2, 1)])

    assert ["kept", "its next one", "of nobody"] == values(some.take(9))
    assert 8 == some.position


def test_a_second_aborted_transaction_of_the_same_producer_is_passed_over_as_well() -> None:
    records = (
        batch(0, ["first"], producer=2, transaction=True)
        + mark(1, 2, ABORT)
        + batch(2, ["between"], producer=2, transaction=True)
        + mark(3, 2, COMMIT)
        + batch(4, ["second"], producer=2, transaction=True)
        + mark(5, 2, ABORT)
    )

    assert ["between"] == values(fetched(records, aborted=[(2, 4), (2, 0)]).take(9))


def test_a_batch_that_was_cut_off_is_left_for_the_next_fetch() -> None:
    some = fetched(batch(0, ["whole"]) + batch(1, ["cut off"])[:-3])

    assert ["whole"] == values(some.take(9))
    assert 1 == some.position


def test_a_batch_whose_checksum_is_wrong_is_refused() -> None:
    spoilt = bytearray(batch(0, ["spoilt"]))
    spoilt[-1] ^= 1

    with pytest.raises(CorruptRecordException):
        fetched(bytes(spoilt)).take(1)
