"""The changelog's layout, and when a local index may be trusted in its place. Sans-IO.

Knows the records of `schedule` and marks; not how they are read (`changelog`).
"""

import struct
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zlib import crc32

import msgspec

from duetime.events.ids import microseconds
from duetime.limits import CLOCK_STEP_SECONDS, INDEX_AGE_SECONDS_MAX
from duetime.timer.due_index import DueIndex, Mark
from duetime.timer.state import decode_state

FORMAT_VERSION: Final = 1
_FORMAT: Final = "duetime_format"
_FORMAT_VALUE: Final = str(FORMAT_VERSION).encode()
FORMAT_HEADERS: Final[Mapping[str, bytes]] = {_FORMAT: _FORMAT_VALUE}

_GIST: Final = "duetime_gist"
# Checksum of the state; lookahead, wake and the wake before in microseconds; tally.
_GIST_FORMAT: Final = struct.Struct(">IqqqH")
_NEVER: Final = (1 << 63) - 1  # a wake that no clock reaches
_MICROSECOND: Final = timedelta(microseconds=1)
_NO_HEADERS: Final[Mapping[str, bytes]] = {}

_AGE_MAX: Final = timedelta(seconds=INDEX_AGE_SECONDS_MAX)
_AHEAD_MAX: Final = timedelta(seconds=CLOCK_STEP_SECONDS)


class ChangelogFormatError(Exception):
    """The changelog is in a format that this program does not know; the message says so."""


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A task's state as the changelog and the index keep it (no value: forgotten).

    `wake`: when time wakes it, in microseconds since 1970, None where it never does; `woke`: when
    it did by the state that this one replaces.
    """

    value: bytes | None
    wake: int | None = None
    tally: int = 0
    woke: int | None = None


def headers_of(kept: Kept, *, lookahead_us: int) -> Mapping[str, bytes]:
    """Give the headers of a state's record: its format, and the gist of the state.

    The gist is all that an index wants to know of a state and of the one before it, so that who
    only keeps up with the changelog need neither decode nor look anything up. It counts for readers
    of the same lookahead (in microseconds), and with the value that it was made of.
    """
    gist = _GIST_FORMAT.pack(
        0 if kept.value is None else crc32(kept.value),
        lookahead_us,
        _NEVER if kept.wake is None else kept.wake,
        _NEVER if kept.woke is None else kept.woke,
        kept.tally,
    )
    return {_FORMAT: _FORMAT_VALUE, _GIST: gist}


def restore(
    index: DueIndex,
    task_id: str,
    value: bytes | None,
    headers: Mapping[str, bytes] = _NO_HEADERS,
    *,
    lookahead: timedelta,
) -> None:
    """Take one record of the changelog over, in its order. Raises msgspec.MsgspecError."""
    gist = headers.get(_GIST)
    if gist is not None and len(gist) == _GIST_FORMAT.size:
        checksum, ahead, wake, woke, tally = _GIST_FORMAT.unpack(gist)
        if ahead == lookahead // _MICROSECOND:
            before = None if woke == _NEVER else woke
            if value is None:
                index.remove(task_id, woke=before)
                return
            if checksum == crc32(value):
                index.put(
                    task_id, None if wake == _NEVER else wake, value, tally=tally, woke=before
                )
                return
    if value is None:
        index.remove(task_id)
        return
    state = decode_state(value)
    wake_at = state.wake_at(lookahead)
    wake = None if wake_at is None else microseconds(wake_at)
    index.put(task_id, wake, value, tally=state.ahead_count)


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
