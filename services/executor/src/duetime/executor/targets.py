"""What runs act on, and how many of them each may have alive at once in one executor.

Knows counts by name, and who waits for one to fall; not runs, nor what a target is. A name is kept
only while runs of it are alive or wait, so there are never more names than runs. One bound for all
would hold up a burst of quick runs for the sake of some that might hang: quick ones grow.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from duetime.limits import TARGET_RUNS_MIN, TARGETS_HANGING_MAX


class Target(NamedTuple):
    """A name, and how many runs it bears at once where that is less than others do."""

    name: str
    runs_max: int | None = None


Freed = Callable[[Target], None]
"""Told, once, that there is room again at a target."""


def runs_max_of(concurrency: int) -> int:
    """Give how many runs of one target may be alive where `concurrency` is for all of them."""
    return max(concurrency // TARGETS_HANGING_MAX, min(concurrency, TARGET_RUNS_MIN))


def targets_of(concurrency: int, runs_max: int | None) -> "Targets":
    """Give the counts of an executor; without a `runs_max` of its own quick targets may grow.

    All growth together leaves half of the slots: to others, where what was quick hangs.
    """
    if runs_max is not None:
        return Targets(runs_max)
    return Targets(runs_max_of(concurrency), spare=concurrency // 2)


class Targets:
    """Counts over all partitions of an executor."""

    def __init__(self, runs_max: int, *, spare: int = 0) -> None:
        """Let each target have up to `runs_max` runs, and quick ones share `spare` more.

        Raises ValueError below 1.
        """
        if runs_max < 1:
            message = "a target needs at least one run at a time"
            raise ValueError(message)
        self._runs_max = runs_max
        self._spare = spare
        self._grown: dict[str, int] = {}  # what targets that are quick have of it
        self._alive: dict[str, int] = {}
        self._waiting: dict[Target, dict[Freed, datetime]] = {}
        self._told: dict[Target, dict[Freed, None]] = {}

    def room(self, target: Target) -> int:
        """How many more runs of it may start."""
        return self._most(target) - self._alive.get(target.name, 0)

    def is_mostly_free(self, target: Target) -> bool:
        """Whether half of its room is free, or more."""
        return 2 * self.room(target) >= self._most(target)

    def _most(self, target: Target) -> int:
        own = target.runs_max
        most = self._runs_max + self._grown.get(target.name, 0)
        return most if own is None or own > most else own

    @property
    def crowded(self) -> bool:
        """Whether any target has somebody waiting for it."""
        return bool(self._waiting or self._told)

    def share(self, target: Target, freed: Freed) -> int:
        """How many more may start of those who were told with `freed`, that others have some too.

        Else who looks first would have all of it, time and again.
        """
        told = self._told.get(target, {})
        told.pop(freed, None)
        others = len(told) + len(self._waiting.get(target, ()))
        if not told:
            self._told.pop(target, None)
        return -(-self.room(target) // (1 + others))

    def take(self, target: Target) -> None:
        """Count a run that starts."""
        self._alive[target.name] = self._alive.get(target.name, 0) + 1

    def give_back(self, target: Target, *, quick: bool = False) -> None:
        """Count a run no longer, and tell who waits with the earliest due.

        A target that others wait for grows with each run that was `quick`, as a connection's window
        does with each acknowledgement (RFC 5681, slow start), and with one that was not it is back
        where it began: one that hangs has never more than it had come to while it was quick.
        """
        wanted = self._is_wanted(target)
        left = self._alive[target.name] - 1
        if left:
            self._alive[target.name] = left
        else:
            del self._alive[target.name]
        if quick and wanted and self._spare:
            self._spare -= 1
            self._grown[target.name] = self._grown.get(target.name, 0) + 1
        elif not quick or not (wanted or left):
            self._spare += self._grown.pop(target.name, 0)
        if self._waiting:
            self.pass_on(target)

    def _is_wanted(self, target: Target) -> bool:
        return target in self._waiting or target in self._told

    def wait(self, target: Target, freed: Freed, due_at: datetime) -> None:
        """Be told, once, when there is room; `due_at` is that of the earliest run that waits."""
        self._waiting.setdefault(target, {})[freed] = due_at

    def pass_on(self, target: Target) -> None:
        """Tell the next who waits, if there is room: who was told may have had no use for it."""
        waiting = self._waiting.get(target)
        if waiting is None or self.room(target) < 1:
            return
        first = min(waiting, key=waiting.__getitem__)
        del waiting[first]
        if not waiting:
            del self._waiting[target]
        self._told.setdefault(target, {})[first] = None
        first(target)

    def leave(self, freed: Freed) -> None:
        """Wait no longer, for any target."""
        for target, waiting in list(self._waiting.items()):
            waiting.pop(freed, None)
            if not waiting:
                del self._waiting[target]
        for target, told in list(self._told.items()):
            told.pop(freed, None)
            if not told:
                del self._told[target]
