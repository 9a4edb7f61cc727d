"""The nominal times of a rule: which comes next after an instant, which was the last before one.

Knows wall clocks and zones. Must not know tasks, runs, or what time it is: instants are arguments.

DST policy (DESIGN section 7): a wall-clock time that a transition skips runs at the next valid
instant, one that comes twice runs once, at its first coming.
The next time always derives from the rule, never from the completion of a run, so nothing drifts.
"""

from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from duetime.recurrence.rules import Daily, Recurrence

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def zone_of(timezone: str) -> ZoneInfo:
    """Give the zone of an IANA name. Raises ValueError for any other text."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        # Folders of the database ("America") and endless names come back as errors of the disk.
        message = f"no time zone is named {timezone!r}"
        raise ValueError(message) from fault


def resolve_wall_clock(wall: datetime, zone: ZoneInfo) -> datetime:
    """Give the instant (UTC) at which a naive wall-clock time stands in a zone.

    A skipped time gives the transition itself, that is the next valid instant; a repeated one its
    first coming (PEP 495, `fold=0`).
    """
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    # In a gap fold=0 reads the old offset (an instant after the transition) and fold=1 the new one
    # (before it): the transition lies between the two, and zone data has whole seconds.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = early
    offset_before = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle <= before:
            break
        if middle.astimezone(zone).utcoffset() == offset_before:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def next_after(
    rule: Recurrence, *, first: datetime, timezone: str, after: datetime
) -> datetime | None:
    """Give the first nominal time of the rule that is later than `after`, or None.

    `first` (aware) anchors the rule: the wall clock that it shows in `timezone` is the rule's, and
    no nominal time lies before it. Costs a few zone look-ups, however long ago `first` was.
    """
    if after < first:
        return first
    for nominal in _instants(rule, first, timezone, after - _DAY):
        if nominal > after:
            return nominal
    return None


def last_until(
    rule: Recurrence, *, first: datetime, timezone: str, until: datetime
) -> datetime | None:
    """Give the last nominal time that is not later than `until`, or None where there is none."""
    if until < first:
        return None
    last = first
    for nominal in _instants(rule, first, timezone, until - 2 * _DAY):
        if nominal > until:
            break
        last = max(last, nominal)
    return last


def count_between(
    rule: Recurrence, *, first: datetime, timezone: str, start: datetime, end: datetime, most: int
) -> int | None:
    """Count the nominal times in [start, end]; None where there are more than `most`."""
    count = 0
    nominal = next_after(rule, first=first, timezone=timezone, after=start - timedelta.resolution)
    while nominal is not None and nominal <= end:
        count += 1
        if count > most:
            return None
        nominal = next_after(rule, first=first, timezone=timezone, after=nominal)
    return count


def _instants(
    rule: Recurrence, first: datetime, timezone: str, start: datetime
) -> Iterator[datetime]:
    """Yield the rule's instants in order, from some time not later than `start` on."""
    match rule:
        case Daily():
            return _days_from(first, timezone, start)
        case _:
            assert_never(rule)


def _days_from(first: datetime, timezone: str, start: datetime) -> Iterator[datetime]:
    """Yield the rule's instants, one a day, from the day of `start` (or `first`) on."""
    zone = zone_of(timezone)
    wall = first.astimezone(zone).replace(tzinfo=None)
    start_wall = start.astimezone(zone).replace(tzinfo=None)
    wall += max(0, (start_wall.date() - wall.date()).days) * _DAY
    while wall.year < MAXYEAR:
        nominal = resolve_wall_clock(wall, zone)
        if nominal >= first:
            yield nominal
        wall += _DAY
