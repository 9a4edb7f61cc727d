"""Fresh ids in the order of their making, and waits that grow within bounds."""

import uuid
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import ManualClock, SystemClock
from duetime.runtime.ids import CountingIds, SystemIds
from tests.support.builders import NOON
from tests.support.strategies import seconds


@given(gaps=st.lists(seconds(0.001, 10_000), min_size=1, max_size=20))
def test_fresh_ids_are_ordered_by_the_time_of_their_making(gaps: list[timedelta]) -> None:
    clock = ManualClock(NOON)
    ids = SystemIds(clock)
    made = []
    for gap in gaps:
        made.append(ids.fresh())
        clock.advance(gap.total_seconds())

    assert sorted(made) == made


def test_fresh_ids_of_one_instant_differ() -> None:
    ids = SystemIds(ManualClock(NOON))

    assert 5_000 == len({ids.fresh() for _ in range(5_000)})


def test_a_fresh_id_is_canonical_text_of_a_uuid_of_version_7() -> None:
    for ids in (SystemIds(SystemClock()), CountingIds()):
        text = ids.fresh()
        parsed = uuid.UUID(text)

        assert text == str(parsed)
        assert (7, uuid.RFC_4122) == (parsed.version, parsed.variant)


def test_counted_ids_are_the_same_every_time() -> None:
    assert [CountingIds().fresh() for _ in range(3)] == [CountingIds().fresh() for _ in range(3)]


@given(attempt=st.integers(1, 10_000), fraction=st.floats(0, 1, exclude_max=True))
def test_a_wait_stays_within_its_bounds(attempt: int, fraction: float) -> None:
    backoff = Backoff(first_seconds=0.1, seconds_max=5.0, fraction=lambda: fraction)

    assert 0.05 <= backoff.seconds(attempt) <= 5.0


def test_waits_double_up_to_their_bound() -> None:
    backoff = Backoff(first_seconds=1.0, seconds_max=5.0, fraction=lambda: 0.0)

    assert [0.5, 1.0, 2.0, 2.5, 2.5] == [backoff.seconds(attempt) for attempt in range(1, 6)]


def test_a_manual_clock_goes_where_it_is_told() -> None:
    clock = ManualClock(NOON)

    assert NOON + timedelta(seconds=5) == clock.advance(5)
    assert NOON - timedelta(seconds=5) == clock.advance(-10)
    clock.set(NOON)
    assert NOON == clock.now()
