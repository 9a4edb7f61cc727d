"""Recent records are a run without gaps, bounded by count and by bytes."""

from datetime import UTC, datetime

import pytest

from duetime import limits
from duetime.log.local.recent import Recent
from duetime.log.port import Stored
from duetime.log.topics import Topic

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def stored(offset: int, *, size: int = 1) -> Stored:
    return Stored(
        topic=Topic.TASKS,
        partition=0,
        offset=offset,
        appended_at=NOON,
        key=None,
        value=b"x" * size,
        headers={},
    )


def filled(count: int, *, start: int = 0, size: int = 1) -> Recent:
    recent = Recent(start)
    for offset in range(start, start + count):
        recent.add(stored(offset, size=size))
    return recent


def test_records_are_given_from_an_offset_on_and_no_more_than_asked() -> None:
    recent = filled(10, start=100)

    assert [103, 104] == [record.offset for record in recent.since(103, 2)]
    assert [109] == [record.offset for record in recent.since(109, 5)]
    assert [] == list(recent.since(110, 5))
    assert (100, 110) == (recent.base, recent.end)


def test_no_more_records_are_kept_than_twice_the_bound() -> None:
    recent = filled(5 * limits.LOG_RECENT_RECORDS_MAX)
    kept = recent.end - recent.base

    assert limits.LOG_RECENT_RECORDS_MAX <= kept < 2 * limits.LOG_RECENT_RECORDS_MAX
    assert recent.base == recent.since(recent.base, 1)[0].offset
    assert 5 * limits.LOG_RECENT_RECORDS_MAX == recent.end


def test_no_more_bytes_are_kept_than_twice_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOG_RECENT_BYTES_MAX", 1_000)
    recent = filled(100, size=300)
    kept = recent.end - recent.base

    assert 3 <= kept <= 6
    assert 100 == recent.end


def test_a_record_larger_than_the_bound_leaves_an_empty_run_at_the_right_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "LOG_RECENT_BYTES_MAX", 10)
    recent = filled(1, size=100)

    assert (1, 1) == (recent.base, recent.end)
