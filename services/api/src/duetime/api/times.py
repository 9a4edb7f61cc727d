"""Times as clients write them: ISO 8601, with or without an offset, read strictly.

Knows the text and the zones' names; not what time it is, nor whether a time is allowed.
"""

import difflib
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from duetime.recurrence.next import resolve_wall_clock

TIME_RULE: Final = (
    "`time` is an ISO 8601 date and time such as 2030-01-31T09:30:00Z, "
    "2030-01-31T09:30:00+02:00 or 2030-01-31T09:30 (read in `timezone`)"
)
TIMEZONE_RULE: Final = "`timezone` is a name of the IANA time zone database such as Europe/Berlin"

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_HOURS: Final = 24
_SIXTY: Final = 60


class TimeError(ValueError):
    """A text that is no time; the message is the reason, to follow the field's name."""


def parse_time(text: str) -> datetime:
    """Read a time: aware (in UTC) where the text has an offset, else naive. Raises TimeError."""
    match = _TIME.fullmatch(text)
    if match is None:
        if _DATE.fullmatch(text):
            raise TimeError("is a date alone; the time of day is missing")
        raise TimeError("is not an ISO 8601 date and time")
    if int(match["hour"]) >= _HOURS or int(match["minute"]) >= _SIXTY:
        raise TimeError("names a time of day that does not exist")
    if match["second"] is not None and int(match["second"]) >= _SIXTY:
        raise TimeError("names a second above 59 (leap seconds are not known here)")
    # Digits beyond microseconds are cut off, as datetime would.
    fraction = (match["fraction"] or "")[:6].ljust(6, "0")
    offset = (match["offset"] or "").upper()
    plain = (
        f"{match['date']}T{match['hour']}:{match['minute']}:{match['second'] or '00'}.{fraction}"
    )
    try:
        moment = datetime.fromisoformat(plain + ("+00:00" if offset == "Z" else offset))
    except ValueError:
        raise TimeError("names a day or an offset that does not exist") from None
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise TimeError("lies outside of the years 1 to 9999") from None


def instant_of(time: datetime, timezone: str) -> datetime:
    """Give the instant (UTC) of a time as read; a naive one stands on the wall in `timezone`.

    A wall-clock time that a transition skips gives the transition. Raises TimeError.
    """
    if time.tzinfo is not None:
        return time
    if timezone == "UTC":
        return time.replace(tzinfo=UTC)
    try:
        return resolve_wall_clock(time, ZoneInfo(timezone))
    except OverflowError:
        raise TimeError("lies outside of the years 1 to 9999") from None


@lru_cache(maxsize=1)
def known_timezones() -> frozenset[str]:
    """Give every zone's name. The first call reads the zone files (50 ms): make it at start."""
    return frozenset(available_timezones())


@lru_cache(maxsize=256)
def near_timezone(name: str) -> str | None:
    """Give the zone that was probably meant: another case, a city alone, a slip of a letter."""
    wanted = name.strip().replace(" ", "_").lower()
    zones = sorted(known_timezones())
    for zone in zones:
        if zone.lower() == wanted:
            return zone
    for zone in zones:
        if zone.lower().rpartition("/")[2] == wanted:
            return zone
    lowered = {zone.lower(): zone for zone in zones}
    near = difflib.get_close_matches(wanted[:64], lowered, n=1, cutoff=0.7)
    return lowered[near[0]] if near else None
