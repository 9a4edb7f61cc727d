"""Daily at a wall-clock time, through every kind of transition, against a naive twin."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetime.recurrence import next as module
from duetime.recurrence.next import count_between, last_until, next_after, zone_of
from tests.support.builders import DAILY, DAY, MINUTE, SECOND
from tests.support.naive import naive_daily
from tests.support.strategies import TIMEZONES, instants

CALLS_MAX = 200  # a few zone look-ups and one bisection; a walk from 1970 takes 40,000


def utc(text: str) -> datetime:
    """Read "2026-03-08 07:30" as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def walk(first: datetime, timezone: str, days: int) -> list[datetime]:
    """Give the first so many nominal times."""
    times = [first]
    while len(times) < days:
        following = next_after(DAILY, first=first, timezone=timezone, after=times[-1])
        assert following is not None
        times.append(following)
    return times


@pytest.mark.parametrize(
    ("timezone", "times"),
    [
        # 02:30, skipped on the 8th: at 03:00 instead, the next valid instant
        ("America/New_York", ["2026-03-07 07:30", "2026-03-08 07:00", "2026-03-09 06:30"]),
        # 01:30, twice on the 1st: at its first coming
        ("America/New_York", ["2026-10-31 05:30", "2026-11-01 05:30", "2026-11-02 06:30"]),
        # 02:30, skipped on the 29th
        ("Europe/Berlin", ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
        # 02:30, twice on the 25th
        ("Europe/Berlin", ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
        # 01:30, skipped on the 29th
        ("Europe/London", ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
        # 01:30, twice on the 25th
        ("Europe/London", ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
        # 02:15, skipped on October 4th by half an hour: at 02:30
        ("Australia/Lord_Howe", ["2026-10-02 15:45", "2026-10-03 15:30", "2026-10-04 15:15"]),
        # 01:45, twice on April 5th, half an hour apart
        ("Australia/Lord_Howe", ["2026-04-03 14:45", "2026-04-04 14:45", "2026-04-05 15:15"]),
        # 10:00; December 30th was skipped whole: at the first instant of the 31st
        (
            "Pacific/Apia",
            ["2011-12-29 20:00", "2011-12-30 10:00", "2011-12-30 20:00", "2011-12-31 20:00"],
        ),
        # 00:00; the skipped midnight and the next one are the same instant, which runs once
        ("Pacific/Apia", ["2011-12-29 10:00", "2011-12-30 10:00", "2011-12-31 10:00"]),
        # no transition at all
        ("Asia/Tokyo", ["2026-03-07 15:00", "2026-03-08 15:00", "2026-03-09 15:00"]),
        ("UTC", ["2026-02-27 23:59", "2026-02-28 23:59", "2026-03-01 23:59"]),
        # February 29th is a day like any other
        ("UTC", ["2028-02-28 12:00", "2028-02-29 12:00", "2028-03-01 12:00"]),
        # midnight is skipped: the day begins at 01:00
        ("Africa/Cairo", ["2026-04-22 22:00", "2026-04-23 22:00", "2026-04-24 21:00"]),
    ],
)
def test_a_daily_rule_keeps_to_the_wall_clock(timezone: str, times: list[str]) -> None:
    expected = [utc(text) for text in times]

    assert expected == walk(expected[0], timezone, len(expected))


def test_after_a_transition_the_rule_is_back_at_its_wall_clock() -> None:
    before = utc("2026-03-07 07:30")  # 02:30 in New York

    assert utc("2026-03-10 06:30") == walk(before, "America/New_York", 4)[-1]


def test_seconds_and_microseconds_are_kept_but_where_they_are_skipped() -> None:
    first = utc("2026-03-07 07:30") + timedelta(seconds=15, microseconds=250_000)
    _, skipped, after = walk(first, "America/New_York", 3)

    assert utc("2026-03-08 07:00") == skipped
    assert utc("2026-03-09 06:30") + timedelta(seconds=15, microseconds=250_000) == after


def test_a_first_time_in_the_second_of_two_hours_is_its_own_first_occurrence() -> None:
    first = utc("2026-11-01 06:30")  # 01:30 in New York, the second time

    assert [first, utc("2026-11-02 06:30")] == walk(first, "America/New_York", 2)


@settings(max_examples=40)
@given(
    timezone=st.sampled_from(TIMEZONES),
    # a few days before a transition of some zone, so that most walks meet one
    start=st.sampled_from(
        [utc(day) for day in ("2026-03-06", "2026-03-27", "2026-10-01", "2026-10-23", "2011-12-28")]
    ),
    minutes=st.integers(0, 24 * 60),
    later=st.integers(0, 5 * 24 * 60),
)
def test_it_agrees_with_a_clock_that_is_watched_minute_by_minute(
    timezone: str, start: datetime, minutes: int, later: int
) -> None:
    first, at = start + minutes * MINUTE, start + later * MINUTE
    times = naive_daily(first, timezone, 8)

    assert times[:6] == walk(first, timezone, 6)
    assert min(time for time in times if time > at) == next_after(
        DAILY, first=first, timezone=timezone, after=at
    )
    assert max((time for time in times if time <= at), default=None) == last_until(
        DAILY, first=first, timezone=timezone, until=at
    )


@given(first=instants, after=instants, timezone=st.sampled_from(TIMEZONES))
def test_the_next_time_is_always_later_and_the_last_one_before_it_is_not(
    first: datetime, after: datetime, timezone: str
) -> None:
    following = next_after(DAILY, first=first, timezone=timezone, after=after)

    assert following is not None
    assert following > after
    assert following >= first
    last = last_until(DAILY, first=first, timezone=timezone, until=following - timedelta.resolution)
    assert last is None or last <= after


@given(first=instants, after=instants, timezone=st.sampled_from(TIMEZONES))
def test_the_last_time_until_a_nominal_time_is_that_time(
    first: datetime, after: datetime, timezone: str
) -> None:
    following = next_after(DAILY, first=first, timezone=timezone, after=after)

    assert following is not None
    assert following == last_until(DAILY, first=first, timezone=timezone, until=following)


@given(first=instants, timezone=st.sampled_from(TIMEZONES))
def test_nothing_comes_before_the_first_time(first: datetime, timezone: str) -> None:
    before = first - SECOND

    assert last_until(DAILY, first=first, timezone=timezone, until=before) is None
    assert first == next_after(DAILY, first=first, timezone=timezone, after=before)


@given(first=instants, timezone=st.sampled_from(TIMEZONES), days=st.integers(1, 20))
def test_counting_agrees_with_walking(first: datetime, timezone: str, days: int) -> None:
    times = walk(first, timezone, days)

    assert days == count_between(
        DAILY, first=first, timezone=timezone, start=first, end=times[-1], most=days
    )


def test_counting_stops_where_it_was_told_to() -> None:
    first = utc("2026-01-01 12:00")
    end = first + 10 * DAY

    assert 11 == count_between(DAILY, first=first, timezone="UTC", start=first, end=end, most=11)
    assert None is count_between(DAILY, first=first, timezone="UTC", start=first, end=end, most=10)


def test_between_two_occurrences_there_is_none_to_count() -> None:
    first = utc("2026-01-01 12:00")

    assert 0 == count_between(
        DAILY, first=first, timezone="UTC", start=first + SECOND, end=first + 2 * SECOND, most=9
    )


@pytest.mark.parametrize(("ask", "at"), [(next_after, "after"), (last_until, "until")])
@pytest.mark.parametrize("timezone", ["Europe/Berlin", "Pacific/Apia", "UTC"])
def test_the_answer_costs_the_same_however_long_ago_it_began(
    ask: Callable[..., datetime | None], at: str, timezone: str
) -> None:
    with _counted() as calls:
        ask(DAILY, first=utc("1970-01-02"), timezone=timezone, **{at: utc("2099-12-31 23:59")})

    assert 0 < len(calls) < CALLS_MAX


@pytest.mark.parametrize("name", ["Atlantis", "America", "", "/etc/passwd", "a\0b", "x" * 5_000])
def test_what_is_no_zone_is_refused_as_a_value(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone is named"):
        zone_of(name)


@contextmanager
def _counted() -> Iterator[list[str]]:
    """List the calls made by the module under test, built-in ones too."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, function: Any) -> None:
        if frame.f_code.co_filename == module.__file__ and event in {"call", "c_call"}:
            calls.append(str(function))

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)
