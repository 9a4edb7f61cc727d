"""The gist of a state in its record's headers: what an index wants to know, without decoding."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
import pytest

from duetime.events.ids import microseconds
from duetime.timer import restore
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.machine import learn
from duetime.timer.restore import Kept, headers_of
from duetime.timer.state import encode_state
from tests.support.builders import MINUTE, NOON, A, after_noon, created, envelope


def headers(
    value: bytes, wake_at: datetime | None, tally: int, *, lookahead: timedelta
) -> Mapping[str, bytes]:
    wake = None if wake_at is None else microseconds(wake_at)
    return headers_of(Kept(value, wake, tally), lookahead_us=lookahead // timedelta.resolution)


_KNOWN = learn(None, envelope(created(after_noon(60))))
assert _KNOWN is not None
STATE = encode_state(_KNOWN)
GIST = headers(STATE, after_noon(60), 2, lookahead=MINUTE)


def test_the_gist_of_a_state_stands_for_it_where_the_lookahead_is_the_same() -> None:
    index = MemoryDueIndex()
    restore.restore(index, A, STATE, GIST, lookahead=MINUTE)

    assert (after_noon(60), 2, STATE) == (index.first(), index.tally, index.get(A))


def test_a_task_that_time_does_not_wake_is_restored_as_one_that_never_wakes() -> None:
    index = MemoryDueIndex()
    restore.restore(index, A, STATE, headers(STATE, None, 0, lookahead=MINUTE), lookahead=MINUTE)

    assert (None, STATE) == (index.first(), index.get(A))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"duetime_gist": b"short"},
        headers(STATE, NOON, 2, lookahead=2 * MINUTE),
        headers(STATE + b" ", NOON, 2, lookahead=MINUTE),
    ],
    ids=["absent", "garbled", "of another lookahead", "of another value"],
)
def test_a_gist_that_does_not_hold_here_is_passed_over_for_the_state_itself(
    headers: Mapping[str, bytes],
) -> None:
    index = MemoryDueIndex()
    restore.restore(index, A, STATE, headers, lookahead=MINUTE)

    assert (NOON, 0) == (index.first(), index.tally)


def test_what_is_no_state_is_refused_whatever_its_gist_says() -> None:
    with pytest.raises(msgspec.MsgspecError):
        restore.restore(MemoryDueIndex(), A, b"?" + STATE, GIST, lookahead=MINUTE)


def test_the_gist_of_a_tombstone_says_when_the_task_woke_so_that_nothing_is_looked_up() -> None:
    index = LookedUp()
    gone = headers_of(Kept(None, woke=microseconds(NOON)), lookahead_us=0)
    restore.restore(index, A, None, gone, lookahead=timedelta(0))

    assert [microseconds(NOON)] == index.woke


class LookedUp(MemoryDueIndex):
    """An index that notes what it was told of the state before."""

    def __init__(self) -> None:
        super().__init__()
        self.woke: list[object] = []

    def remove(self, task_id: str, *, woke: object = None) -> None:
        self.woke.append(woke)
        super().remove(task_id)
