"""`restart`: a system that holds many tasks is killed; how long until it runs what is due again.

Knows the embedded system and its files. Its local index is the latest-state table of the timers'
changelog: with it a restart reads one row for each task; without it, everything is folded anew from
the log of tasks and runs.
"""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
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
    """Register many tasks for next year, then kill and restart: with the index, and without."""
    far = datetime.now(UTC) + timedelta(days=365)
    for start in range(0, count, _AT_ONCE):
        some = range(start, min(count, start + _AT_ONCE))
        register(system.port, [far + timedelta(seconds=number) for number in some], action="stamp")
    return [
        _way_back(system, f"{count:,} pending, with the index", with_index=True),
        _way_back(system, f"{count:,} pending, without it", with_index=False),
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


def _way_back(system: Embedded, what: str, *, with_index: bool) -> Restart:
    known = {stamp.run_id for stamp in read_stamps(system.stamps)}
    due = datetime.now(UTC) + timedelta(seconds=_DUE_SECONDS)
    register(system.port, [due], action="stamp")
    system.take_down()
    if not with_index:
        path = system.process.data_dir / "log.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM latest")
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
