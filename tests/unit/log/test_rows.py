"""Records survive the two shapes that they have on disk."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from duetime import limits
from duetime.log.port import Stored
from duetime.log.sqlite.rows import (
    batch_records,
    batch_rows,
    instant,
    latest_record,
    latest_row,
    microseconds,
)
from duetime.log.sqlite.schema import NUMBERS, OFFSET_MAX, place_of, slot_named, slot_of
from duetime.log.topics import Topic

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

contents = st.tuples(
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(max_size=50),
    st.dictionaries(st.text(max_size=10), st.binary(max_size=10), max_size=4),
)


def stored(
    content: tuple[bytes | None, bytes | None, dict[str, bytes]], offset: int, at: datetime = NOON
) -> Stored:
    key, value, headers = content
    return Stored(
        topic=Topic.DUE,
        partition=3,
        offset=offset,
        appended_at=at,
        key=key,
        value=value,
        headers=headers,
    )


@given(
    batch=st.lists(contents, min_size=1, max_size=20),
    first=st.integers(0, 1 << 40),
    skipped=st.integers(0, 30),
)
def test_a_batch_of_records_comes_back_from_any_offset_on(
    batch: list[tuple[bytes | None, bytes | None, dict[str, bytes]]], first: int, skipped: int
) -> None:
    records = [stored(content, offset) for offset, content in enumerate(batch, first)]
    (row,) = batch_rows(records)

    assert records[skipped:] == batch_records(Topic.DUE, 3, row, first + skipped)


def test_a_long_batch_is_cut_into_rows_by_count_and_by_bytes() -> None:
    count = 2 * limits.GROUP_COMMIT_RECORDS_MAX + 1
    by_count = list(batch_rows([stored((b"k", b"v", {}), offset) for offset in range(count)]))
    large = b"x" * (limits.LOG_ROW_BYTES_MAX // 2)
    by_bytes = list(batch_rows([stored((b"k", large, {}), offset) for offset in range(5)]))

    assert [limits.GROUP_COMMIT_RECORDS_MAX] * 2 + [1] == [row[1] for row in by_count]
    assert [2, 2, 1] == [row[1] for row in by_bytes]


@given(content=contents, offset=st.integers(0, OFFSET_MAX), shift=st.integers(0, 10**15))
def test_the_latest_record_of_a_key_comes_back(
    content: tuple[bytes | None, bytes | None, dict[str, bytes]], offset: int, shift: int
) -> None:
    at = NOON + timedelta(microseconds=shift)
    record = stored((content[0] or b"k", *content[1:]), offset, at)
    place, _, *rest = latest_row(record)

    assert record == latest_record(Topic.DUE, 3, [place, *rest])


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - the strategy takes naive bounds
def test_an_instant_survives_as_microseconds(at: datetime) -> None:
    assert at == instant(microseconds(at))


@given(
    slots=st.lists(
        st.tuples(
            st.sampled_from(list(Topic)), st.integers(0, (1 << 12) - 1), st.integers(0, OFFSET_MAX)
        ),
        min_size=2,
        max_size=10,
    )
)
def test_places_are_ordered_by_topic_partition_and_offset(
    slots: list[tuple[Topic, int, int]],
) -> None:
    by_place = sorted(slots, key=lambda slot: place_of(slot_of(slot[0], slot[1]), slot[2]))
    by_parts = sorted(slots, key=lambda slot: (NUMBERS[slot[0]], slot[1], slot[2]))

    assert by_parts == by_place
    for topic, partition, offset in slots:
        assert (topic, partition) == slot_named(slot_of(topic, partition))
        assert place_of(slot_of(topic, partition), offset) < 1 << 63


def test_the_numbers_of_topics_in_the_file_never_change() -> None:
    assert {
        Topic.TASKS: 1,
        Topic.SCHEDULE: 2,
        Topic.DUE: 3,
        Topic.EXECUTIONS: 4,
        Topic.DEAD_LETTERS: 5,
    } == NUMBERS
