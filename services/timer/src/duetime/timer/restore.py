"""The changelog's layout, and when a local index may be trusted in its place. Sans-IO.

Knows the records of `schedule` and marks; not how they are read (`changelog`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from duetime.limits import CLOCK_STEP_SECONDS, INDEX_AGE_SECONDS_MAX
from duetime.timer.due_index import DueIndex, Mark
from duetime.timer.state import decode_state

FORMAT_VERSION: Final = 1
_FORMAT: Final = "duetime_format"
FORMAT_HEADERS: Final[Mapping[str, bytes]] = {_FORMAT: str(FORMAT_VERSION).encode()}

_AGE_MAX: Final = timedelta(seconds=INDEX_AGE_SECONDS_MAX)
_AHEAD_MAX: Final = timedelta(seconds=CLOCK_STEP_SECONDS)


class ChangelogFormatError(Exception):
    """The changelog is in a format that this program does not know; the message says so."""


def restore(index: DueIndex, task_id: str, value: bytes | None, *, lookahead: timedelta) -> None:
    """Take one record of the changelog over, in its order. Raises msgspec.MsgspecError."""
    if value is None:
        index.remove(task_id)
    else:
        state = decode_state(value)
        index.put(task_id, state.wake_at(lookahead), value, tally=state.ahead_count)


def check_format(headers: Mapping[str, bytes]) -> None:
    """Raise ChangelogFormatError where a record was written by a newer program than this one."""
    found = headers.get(_FORMAT)
    if found is None or found == FORMAT_HEADERS[_FORMAT]:
        return
    if not found.isdigit() or int(found) > FORMAT_VERSION:
        raise ChangelogFormatError(
            f"the timers' changelog has states of format {found.decode(errors='replace')}, and this"
            f" Duetime knows formats up to {FORMAT_VERSION}: run the release that wrote them, or a"
            " newer one"
        )


def rule_of(lookahead: timedelta) -> str:
    """Name what wakes follow from beside the states."""
    return f"lookahead={lookahead.total_seconds():g}"


def doubt(mark: Mark | None, *, cluster_id: str, end: int, now: datetime, rule: str) -> str | None:
    """Say why an index is to be built anew instead of brought up to `end`; None: it may be used.

    One that has not looked at the log for longer than half the time for which tombstones are kept
    may have missed some: the tasks that they ended would come back to life.
    """
    if mark is None:
        return "it is empty"
    if mark.cluster_id != cluster_id:
        return "it is of another log"
    if mark.rule != rule:
        return f"it follows another rule: {mark.rule}"
    if mark.offset > end:
        return f"it knows offset {mark.offset}, and the log ends at {end}"
    age = now - mark.as_of
    if not -_AHEAD_MAX <= age < _AGE_MAX:
        return f"it is {age.total_seconds():.0f} s old, which the log's tombstones may not be"
    return None
