"""How much an executor knows of changes to the tasks whose runs it holds.

Rule 1: whether a held run may rely on what is known of its task lives here (P4).
Rule 2: pure; offsets and instants come in, nothing is read, no change is decoded.

A run may start when `tasks` has been read, from the offset that its TaskDue was based on, to an end
that was asked for after its due time less FRESH_SECONDS. So a change that was acknowledged a second
before the due time is known, also while the timer is dead, and to an executor that was suspended.
"""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from duetime.events.types import TaskDue
from duetime.limits import (
    CHANGES_REMEMBERED_MAX,
    FRESH_ASK_SECONDS,
    FRESH_OLD_SECONDS,
    FRESH_SECONDS,
)

_FRESH: Final = timedelta(seconds=FRESH_SECONDS)
_OLD: Final = timedelta(seconds=FRESH_OLD_SECONDS)
_ASK: Final = timedelta(seconds=FRESH_ASK_SECONDS)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Change(NamedTuple):
    """A record in `tasks`: whose, where, and the log's time of it. What it says does not matter."""

    task_id: str
    offset: int
    appended_at: datetime

    def voids(self, due: TaskDue) -> bool:
        """Whether it takes a held run back: it is news to the timer, and came before due."""
        return self.offset >= due.based_on and self.appended_at < due.due_at


class Freshness:
    """What is known of one partition's `tasks`: from `_floor` to `_position`, as of `as_of`."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.as_of = _NEVER
        self._floor: int | None = None
        self._position = 0
        self._changes: dict[str, list[Change]] = {}
        self._order: deque[Change] = deque()

    def hold(self, due: TaskDue) -> None:
        """Note that a run is held which relies on what was known at `based_on`."""
        if self._floor is not None and due.based_on < self._floor:
            # It reaches back behind what is known: begin anew, from there.
            self._forget_all()

    def read_from(self, based_on_min: Callable[[], int]) -> int:
        """Give where to read on; `based_on_min` says how far back the held runs reach, if asked."""
        if self._floor is None:
            self._floor = self._position = based_on_min()
        return self._position

    def learn(self, changes: Sequence[Change], position: int) -> None:
        """Take over what was read, in order, up to `position`."""
        if self._floor is None:
            return  # begun anew while this was read
        for change in changes:
            self._changes.setdefault(change.task_id, []).append(change)
            self._order.append(change)
        self._position = max(self._position, position)
        while len(self._order) > CHANGES_REMEMBERED_MAX:
            gone = self._order.popleft()
            self._floor = gone.offset + 1
            kept = self._changes[gone.task_id]
            kept.pop(0)
            if not kept:
                del self._changes[gone.task_id]

    def changed_since(self, due: TaskDue) -> bool:
        """Whether what is known already takes this run back."""
        changes = self._changes.get(due.task_id)
        return changes is not None and any(change.voids(due) for change in changes)

    def knows(self, due_at: datetime) -> bool:
        """Whether enough is known for what is due then: the end was asked for late enough.

        What is held was compared with all that is known since its `based_on`, and is with all that
        comes: where that could not be, everything was forgotten.
        """
        return self.as_of >= due_at - _FRESH

    def doubt(self, now: datetime) -> bool:
        """Forget when the end was asked for, if that says nothing now; say whether it was so.

        It lies ahead: the clock has been set back. It lies far back: nobody has asked since, who
        asks every FRESH_ASK_SECONDS while anything is due. So nothing was, or this process slept.
        """
        if self.as_of == _NEVER or now - _OLD <= self.as_of <= now:
            return False
        self.as_of = _NEVER
        return True

    def ask_at(self, due_at: datetime) -> datetime:
        """Say when to ask for the end again, where the earliest held run is due at `due_at`.

        Once within FRESH_SECONDS of it, and then every FRESH_ASK_SECONDS while runs are held.
        """
        return max(due_at - _FRESH, self.as_of + _ASK) if self.as_of > _NEVER else due_at - _FRESH

    def _forget_all(self) -> None:
        self.as_of = _NEVER
        self._floor = None
        self._position = 0
        self._changes.clear()
        self._order.clear()
