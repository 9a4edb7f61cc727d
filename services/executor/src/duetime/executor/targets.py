"""What runs act on, and how many of them each may have alive at once in one executor.

Knows counts by name, and who waits for one to fall; not runs, nor what a target is. A name is kept
only while runs of it are alive or wait, so there are never more names than runs.
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


class Targets:
    """Counts over all partitions of an executor."""

    def __init__(self, runs_max: int) -> None:
        """Let each target have up to `runs_max` runs. Raises ValueError below 1."""
        if runs_max < 1:
            message = "a target needs at least one run at a time"
            raise ValueError(message)
        self._runs_max = runs_max
        self._alive: dict[str, int] = {}
        self._waiting: dict[Target, dict[Freed, datetime]] = {}
        self._told: dict[Target, dict[Freed, None]] = {}

    def room(self, target: Target) -> int:
        """How many more runs of it may start."""
        own = target.runs_max
        most = self._runs_max if own is None or own > self._runs_max else own
        return most - self._alive.get(target.name, 0)

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

    def give_back(self, target: Target) -> None:
        """Count a run no longer, and tell who waits with the earliest due."""
        left = self._alive[target.name] - 1
        if left:
            self._alive[target.name] = left
        else:
            del self._alive[target.name]
        if self._waiting:
            self.pass_on(target)

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
