"""How much of this machine others take from the tests: what a late start may be excused with.

Knows Linux's process table and nothing of Duetime. Every half second it adds up how long the
threads of this process and of its descendants stood ready to run and had no core. Of that, as much
as other programs used of the cores that were used is *taken*, half a second at most: what waits for
its own like is no excuse, nor is what sleeps. Elsewhere than on Linux nothing is known, and so
nothing excused.
"""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

TICK_SECONDS: Final = 0.5
LEAST_SECONDS: Final = 0.01  # of a tick: less is how any machine is
_PROC: Final = Path("/proc")
_IDLE: Final = (3, 4)  # idle and iowait, among the first eight columns of /proc/stat
_COLUMNS: Final = 8


class Taken(NamedTuple):
    """Seconds that others took between two instants, in epoch seconds."""

    at: float
    until: float
    seconds: float


class Machine:
    """Watches this machine, from a thread of its own."""

    def __init__(self) -> None:
        """Begin to watch."""
        self._taken: list[Taken] = []
        self._seconds = 0.0
        if (_PROC / "stat").exists():
            threading.Thread(target=self._watch, name="machine", daemon=True).start()

    def taken(self, since: float) -> Sequence[Taken]:
        """Give what others took since an instant, in epoch seconds."""
        return [each for each in self._taken if each.until > since]

    def clock(self) -> float:
        """Give a clock in seconds that goes slower by what others take: for bounds on waits."""
        return time.monotonic() - self._seconds

    def _watch(self) -> None:
        before, then = _look(), time.time()  # noqa: TID251 - of a real machine
        while True:
            time.sleep(TICK_SECONDS)  # noqa: TID251 - a thread that only looks
            after, now = _look(), time.time()  # noqa: TID251 - the same
            taken = Taken(then, now, min(now - then, seconds_taken(before, after)))
            if taken.seconds > LEAST_SECONDS:
                self._taken.append(taken)
                self._seconds += taken.seconds
            before, then = after, now


class Look(NamedTuple):
    """Seconds so far."""

    used: float  # of the cores, by everybody
    ran: dict[str, float]  # by thread of ours
    waited: dict[str, float]  # without a core although ready, by thread of ours


def _look() -> Look:
    columns = (_PROC / "stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    jiffies = [int(each) for each in columns[:_COLUMNS]]
    used = sum(each for place, each in enumerate(jiffies) if place not in _IDLE)
    ran: dict[str, float] = {}
    waited: dict[str, float] = {}
    for pid in _ours(os.getpid()):
        for thread in _entries(_PROC / str(pid) / "task"):
            try:
                told = (thread / "schedstat").read_text(encoding="ascii").split()
            except OSError:
                continue  # it has ended meanwhile
            ran[str(thread)], waited[str(thread)] = int(told[0]) / 1e9, int(told[1]) / 1e9
    return Look(used / os.sysconf("SC_CLK_TCK"), ran, waited)


def seconds_taken(before: Look, after: Look) -> float:
    """Give the seconds for which threads of ours stood ready while others had the cores."""
    used = after.used - before.used
    ours = _more(before.ran, after.ran)
    others_share = min(1.0, max(0.0, used - ours) / used) if used > 0 else 0.0
    return others_share * _more(before.waited, after.waited)


def _more(before: dict[str, float], after: dict[str, float]) -> float:
    return sum(each - before.get(name, 0.0) for name, each in after.items())


def _ours(root: int) -> Iterator[int]:
    """Give a process and all that descend from it."""
    below: dict[int, list[int]] = defaultdict(list)
    for entry in _entries(_PROC):
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        below[int(fields[1])].append(int(entry.name))
    left = [root]
    while left:
        pid = left.pop()
        yield pid
        left += below[pid]


def _entries(folder: Path) -> Sequence[Path]:
    """Give the numbered entries of a folder; none where what it was about has ended."""
    try:
        return [entry for entry in folder.iterdir() if entry.name.isdigit()]
    except OSError:
        return []


@cache
def machine() -> Machine:
    """Give the one that watches for this run of the tests."""
    return Machine()
