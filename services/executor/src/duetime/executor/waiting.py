"""Runs of one partition that are due and wait for their target.

Rule 1: who comes next when a target has room, and who has waited too long, live here.
Rule 2: pure; keys and instants come in. No target's room is known here.

A run goes back to the timer when it has waited for TARGET_PATIENCE_SECONDS, unless its target gets
on: by its pace of late, those that it comes to within the promise's ten seconds stay. So a target
that hangs keeps nobody here, and one that is merely busy is never idle for want of runs. Where it
is this process that is short of time, and not the target of room, going back would only cost more.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from duetime.executor.ledger import RunKey
from duetime.executor.line import Line, Place
from duetime.executor.targets import Target
from duetime.limits import (
    LATENESS_SECONDS_MAX,
    OUTCOMES_PER_APPEND_MAX,
    TARGET_LOOK_SECONDS,
    TARGET_PATIENCE_SECONDS,
)

_PATIENCE: Final = timedelta(seconds=TARGET_PATIENCE_SECONDS)
_LOOK: Final = timedelta(seconds=TARGET_LOOK_SECONDS)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_LEFT: Final = timedelta(seconds=LATENESS_SECONDS_MAX) - _PATIENCE  # when patience ends


class _Queue:
    """Those that wait for one target, and how many it has come to of late."""

    __slots__ = ("count", "line", "look_at", "measured", "moved", "moved_before", "since")

    def __init__(self, now: datetime) -> None:
        self.line = Line()  # also of some that wait no more
        self.count = 0
        self.look_at = now + _PATIENCE
        self.since = now
        self.moved = 0
        self.moved_before = 0
        self.measured = timedelta()  # in which those before moved

    def keep(self, wanted: Callable[[Place], bool]) -> Sequence[Place]:
        """Forget the places that are not wanted, and those that stand twice; give the rest."""
        places = sorted({place for place in self.line if wanted(place)})
        self.line = Line(places)
        return places

    def reach(self, now: datetime) -> int:
        """Say how many of those in front it will come to soon enough, at its pace of late."""
        if not self.since <= now < self.since + _PATIENCE:
            recent = self.since <= now < self.since + 2 * _PATIENCE
            self.moved_before = self.moved if recent else 0
            self.measured = _PATIENCE if recent else timedelta()
            self.moved, self.since = 0, now
        measured = self.measured + (now - self.since)
        moved = self.moved + self.moved_before
        return int(moved * (_LEFT / measured)) if measured else 0


class Waiting:
    """The queues of targets that somebody waits for."""

    def __init__(self) -> None:
        """Begin with none."""
        self._queues: dict[Target, _Queue] = {}
        self._until: dict[RunKey, datetime] = {}  # how long the patience of each lasts
        self._queued: dict[RunKey, Target] = {}
        self._look_at = _NEVER

    def add(self, target: Target, place: Place, now: datetime) -> None:
        """Let a run wait. It keeps its patience where it had been called and found no room."""
        key = (place[1], place[2])
        if key in self._queued:
            return
        queue = self._queues.get(target)
        if queue is None:
            queue = self._queues[target] = _Queue(now)
            self._look_at = min(self._look_at, queue.look_at)
        if key in self._until:
            queue.moved = max(0, queue.moved - 1)
        else:
            self._until[key] = now + _PATIENCE
        self._queued[key] = target
        queue.count += 1
        queue.line.add(place)

    def goes_first(self, target: Target, key: RunKey) -> bool:
        """Whether a run need not queue behind others: nobody waits, or it was called."""
        return target not in self._queues or (key in self._until and key not in self._queued)

    def discard(self, key: RunKey) -> None:
        """Forget a run that was started or dropped."""
        if self._until.pop(key, None) is not None:
            self._unqueue(key)

    def call(self, target: Target, count: int) -> Sequence[Place]:
        """Call up to so many, the earliest due first: they may start, or wait again."""
        called: list[Place] = []
        while len(called) < count and (queue := self._queues.get(target)) is not None:
            place = queue.line.take()
            if self._unqueue((place[1], place[2])):
                queue.moved += 1
                called.append(place)
        return called

    def earliest(self, target: Target) -> datetime | None:
        """Say when the first of those that wait for it was due; None where nobody waits."""
        queue = self._queues.get(target)
        first = None if queue is None else queue.line.first()
        return None if first is None else first[0]

    def look_at(self) -> datetime | None:
        """Say when to look for those that have waited too long."""
        return self._look_at if self._queues else None

    def impatient(
        self, now: datetime, at_limit: Callable[[Target], bool]
    ) -> tuple[Sequence[RunKey], Sequence[Target]]:
        """Give those that have waited too long, and the targets that were looked at.

        `at_limit` says whether it is the target that they wait for. A look costs as much as there
        are runs that wait for it, so it is not had often.
        """
        if now < self._look_at:
            return (), ()
        gone: list[RunKey] = []
        looked: list[Target] = []
        for target, queue in self._queues.items():
            if queue.look_at <= now:
                looked.append(target)
                if at_limit(target):
                    gone += self._impatient_of(queue, now, OUTCOMES_PER_APPEND_MAX - len(gone))
                queue.look_at = now + _LOOK
        self._look_at = min((queue.look_at for queue in self._queues.values()), default=_NEVER)
        return gone, looked

    def _impatient_of(self, queue: _Queue, now: datetime, count_max: int) -> Sequence[RunKey]:
        reach = queue.reach(now)
        if queue.count <= reach:
            return ()
        places = queue.keep(lambda place: place[1:] in self._queued)
        late = (place[1:] for place in places[reach:])
        return [key for key in late if self._until[key] <= now][:count_max]

    def _unqueue(self, key: RunKey) -> bool:
        target = self._queued.pop(key, None)
        if target is None:
            return False
        queue = self._queues[target]
        queue.count -= 1
        if not queue.count:
            del self._queues[target]
        return True
