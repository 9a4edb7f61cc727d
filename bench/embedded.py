"""Benchmarks of the embedded system, as `duetime run` ships it.

Starts are stamped by the action itself; what is missing or doubled is judged from those stamps and
the list of acknowledged POSTs.
"""

import asyncio
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bench.clients import Answered, percentile, post_all
from duetime.events.ids import run_id_for
from tests.support.embedded import EmbeddedProcess

STAMPING = Path(__file__).with_name("stamping.py")
CONNECTIONS = 16


class Steady(NamedTuple):
    """Lateness under a steady rate, and what did not go as it must."""

    rate: int
    seconds: int
    p50_seconds: float
    p99_seconds: float
    seconds_max: float
    missing: int
    doubled: int
    early: int
    cpu_seconds_per_thousand: float


class Register(NamedTuple):
    """One POST after another on each connection."""

    connections: int
    per_second: float
    p50_seconds: float
    p99_seconds: float


class Pending(NamedTuple):
    """A system with many tasks waiting."""

    tasks: int
    rss_bytes: int
    restart_seconds: float
    first_run_seconds: float


def steady(folder: Path, *, rate: int, seconds: int) -> Steady:
    """Register rate x seconds tasks ahead, let them come due, compare starts and promises."""
    stamps = folder / "stamps.txt"
    env = {"BENCH_STAMPS": str(stamps)}
    with EmbeddedProcess(folder / "data", actions=(STAMPING,), env=env) as duetime:
        count = rate * seconds
        lead_seconds = 5.0 + count / 300  # registration must be over before the first is due
        began = datetime.now(UTC) + timedelta(seconds=lead_seconds)
        bodies = [
            task(began + timedelta(seconds=number / rate), action="stamp")
            for number in range(count)
        ]
        answers = asyncio.run(post_all(duetime.port, bodies, connections=CONNECTIONS))
        acknowledged = [answer.body for answer in answers if answer.status == 201]
        cpu_before = cpu_seconds(duetime.pid)
        wait_until(began + timedelta(seconds=seconds + 5))
        cpu = cpu_seconds(duetime.pid) - cpu_before
        duetime.stop()
    return judge(acknowledged, stamps, rate=rate, seconds=seconds, cpu=cpu)


def judge(
    acknowledged: list[dict[str, Any]], stamps: Path, *, rate: int, seconds: int, cpu: float
) -> Steady:
    """Compare what was acknowledged with the starts that the action itself stamped."""
    promised = {
        run_id_for(answer["id"], datetime.fromisoformat(answer["time"])) for answer in acknowledged
    }
    lateness: list[float] = []
    counts: Counter[str] = Counter()
    for line in stamps.read_text(encoding="ascii").splitlines():
        run_id, due, at = line.split()
        counts[run_id] += 1
        lateness.append(int(at) / 1e9 - float(due))
    return Steady(
        rate=rate,
        seconds=seconds,
        p50_seconds=percentile(lateness, 0.50),
        p99_seconds=percentile(lateness, 0.99),
        seconds_max=max(lateness, default=float("nan")),
        missing=len(promised - counts.keys()),
        doubled=sum(count > 1 for count in counts.values()),
        early=sum(late < 0 for late in lateness),
        cpu_seconds_per_thousand=1_000 * cpu / max(1, len(lateness)),
    )


def register(folder: Path, *, count: int, connections: int) -> Register:
    """POST tasks that are due in a year, one after the other on each connection."""
    with EmbeddedProcess(folder / "data") as duetime:
        far = datetime.now(UTC) + timedelta(days=365)
        bodies = [task(far + timedelta(seconds=number)) for number in range(count)]
        began = time.perf_counter()
        answers = asyncio.run(post_all(duetime.port, bodies, connections=connections))
        took = time.perf_counter() - began
    good = [answer for answer in answers if answer.status == 201]
    assert len(good) == count, Counter(answer.status for answer in answers)
    return _registered(good, connections, took)


def _registered(answers: list[Answered], connections: int, took: float) -> Register:
    times = [answer.seconds for answer in answers]
    return Register(
        connections=connections,
        per_second=len(answers) / took,
        p50_seconds=percentile(times, 0.50),
        p99_seconds=percentile(times, 0.99),
    )


def pending(folder: Path, *, count: int) -> Pending:
    """Fill a system with far tasks; measure its memory, kill it, and time the way back."""
    stamps = folder / "stamps.txt"
    env = {"BENCH_STAMPS": str(stamps)}
    with EmbeddedProcess(folder / "data", actions=(STAMPING,), env=env) as duetime:
        far = datetime.now(UTC) + timedelta(days=365)
        bodies = [task(far + timedelta(seconds=number)) for number in range(count)]
        headers = "prefer: respond-async\r\n"
        asyncio.run(post_all(duetime.port, bodies, connections=CONNECTIONS, headers=headers))
        duetime.stop()
        duetime.start()
        rss = rss_bytes(duetime.pid)
        due = datetime.now(UTC) + timedelta(seconds=1)
        asyncio.run(post_all(duetime.port, [task(due, action="stamp")], connections=1))
        duetime.kill()
        wait_until(due)
        began = time.time()
        duetime.start()
        restart_seconds = time.time() - began
        first = wait_for_stamp(stamps)
        return Pending(count, rss, restart_seconds, first - began)


def task(at: datetime, *, action: str | None = None) -> dict[str, Any]:
    """Give the body of a one-time task."""
    body: dict[str, Any] = {
        "description": "a benchmark's task",
        "time": at.isoformat(),
        "recurring": False,
    }
    if action is not None:
        body["action"] = {"type": "python", "name": action}
    return body


def wait_until(moment: datetime) -> None:
    """Sleep until an instant."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def wait_for_stamp(stamps: Path) -> float:
    """Wait, bounded, for the first stamp; give its instant in seconds."""
    until = time.time() + 60.0
    while time.time() < until:
        if stamps.exists():
            lines = stamps.read_text(encoding="ascii").splitlines()
            if lines:
                return int(lines[0].split()[2]) / 1e9
        time.sleep(0.05)
    raise AssertionError("the first due run did not come")


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process has used, user and system."""
    shown = subprocess.run(
        ["ps", "-o", "cputimes=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return float(shown.stdout)


def rss_bytes(pid: int) -> int:
    """Give a process's resident memory."""
    shown = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(shown.stdout) * 1024
