"""`restart`: a system that holds many tasks is killed; how long until it runs what is due again.

Knows the embedded system and its files. With its due index a restart reads what changed lately;
without it, one row for each task, from the latest-state table of the timers' changelog; without
that too, everything is folded anew from the log of tasks and runs.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from bench.clients import register
from bench.measures import wait_until
from bench.systems import Embedded, read_stamps, rss_bytes

_AT_ONCE: Final = 100_000  # bodies held by the load generator
_DUE_SECONDS: Final = 5.0  # it is killed before
_FIRST_SECONDS_MAX: Final = 120.0


class Restart(NamedTuple):
    """One way back: from the start of the process on."""

    what: str
    ready_seconds: float
    first_seconds: float
    rss_bytes: int


def restart(system: Embedded, *, count: int) -> Sequence[Restart]:
    """Register many tasks for next year, then kill and restart: with all there is, and without."""
    far = datetime.now(UTC) + timedelta(days=365)
    for start in range(0, count, _AT_ONCE):
        some = range(start, min(count, start + _AT_ONCE))
        register(system.port, [far + timedelta(seconds=number) for number in some], action="stamp")
    return [
        _way_back(system, f"{count:,} pending, with the due index", lose=()),
        _way_back(system, f"{count:,} pending, without it", lose=(_due_index,)),
        _way_back(system, f"{count:,}, without the table either", lose=(_due_index, _latest)),
    ]


def restart_rows(measured: Sequence[Restart]) -> list[str]:
    """Give them as a table."""
    return [
        "| what | `kill -9`, then to ready | to the first due run | memory then |",
        "| --- | --- | --- | --- |",
        *(
            f"| {one.what} | {one.ready_seconds:.1f} s | {one.first_seconds:.1f} s"
            f" | {one.rss_bytes / 1e6:.0f} MB |"
            for one in measured
        ),
    ]


def _due_index(data: Path) -> None:
    shutil.rmtree(data / "due")


def _latest(data: Path) -> None:
    with closing(sqlite3.connect(data / "log.db")) as connection, connection:
        connection.execute("DELETE FROM latest")


def _way_back(system: Embedded, what: str, *, lose: Sequence[Callable[[Path], None]]) -> Restart:
    known = {stamp.run_id for stamp in read_stamps(system.stamps)}
    due = datetime.now(UTC) + timedelta(seconds=_DUE_SECONDS)
    register(system.port, [due], action="stamp")
    system.take_down()
    for what_is_lost in lose:
        what_is_lost(system.process.data_dir)
    wait_until(due)
    began = time.time()
    system.bring_up()
    ready = time.time() - began
    first = _first_stamp(system, known, began)
    return Restart(what, ready, first - began, rss_bytes(system)["duetime"])


def _first_stamp(system: Embedded, known: set[str], began: float) -> float:
    while time.time() < began + _FIRST_SECONDS_MAX:
        new = [stamp.at for stamp in read_stamps(system.stamps) if stamp.run_id not in known]
        if new:
            return min(new)
    raise AssertionError("the first due run did not come")
