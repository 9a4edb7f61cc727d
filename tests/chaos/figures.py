"""How long a take-over takes: kills of timers and executors under load, with many tasks pending.

`python -m tests.chaos.figures` measures, and writes its part of docs/reliability.md anew. Tasks are
written straight to the log, as the api would write them: what is measured begins behind it. Starts
are counted outside Duetime.
"""

import argparse
import json
import os
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.local.stack import ROOT, Running, Stack
from duetime import limits
from duetime.events.ids import run_id_for
from duetime.events.types import PythonAction
from duetime.log.topics import Topic
from tests.chaos.writing import Writer, await_folded, fill, finish, read_on, said
from tests.support.machine import machine
from tests.support.stack import (
    STAMPING,
    group_rounds,
    is_settled,
    lines_of,
    metric,
    stamped,
    wait_for,
)

COUNTS: Final = {"api": 1, "timer": 2, "executor": 2, "log-projector": 0}
WAIT_SECONDS_MAX: Final = (
    60.0  # for a take-over that misses its budget: it is to be seen by how far
)
WATCH_SECONDS: Final = 16.0  # after a kill, before the killed one is started anew
LEAD_SECONDS: Final = 10.0  # tasks of the load are written so long before they are due
DOCUMENT: Final = ROOT / "docs" / "reliability.md"
_BEGIN, _END = "<!-- take-overs: begin -->", "<!-- take-overs: end -->"


@dataclass(slots=True, kw_only=True)
class Kill:
    """One kill, in epoch seconds; `parts` are those of the killed one."""

    role: str
    at: float
    parts: frozenset[int]
    detected: float = 0.0
    rejoined: float = 0.0
    ready: float = 0.0
    first_start: float = 0.0
    worst: float = 0.0
    starts: int = 0


@dataclass(slots=True)
class Load:
    """The due tasks: (partition, due epoch seconds) by run id."""

    due_from: Sequence[int]  # the ends of `due` when it began
    runs: dict[str, tuple[int, float]] = field(default_factory=dict)


@contextmanager
def due_load(writer: Writer, stamps: Path, per_second: int) -> Iterator[Load]:
    """Let so many tasks come due in every second from LEAD_SECONDS on."""
    load, over = Load(writer.await_(writer.log.end_offsets(Topic.DUE))), threading.Event()
    action = PythonAction(name="stamp", args={"file": str(stamps)})
    began = time.time() + LEAD_SECONDS

    def work() -> None:
        second = 0
        while not over.wait(max(0.0, began + second - LEAD_SECONDS - time.time())):
            dues = [
                datetime.fromtimestamp(began + second + number / per_second, tz=UTC)
                for number in range(per_second)
            ]
            for (task_id, partition), due in zip(writer.write(dues, action), dues, strict=True):
                load.runs[run_id_for(task_id, due)] = (partition, due.timestamp())
            second += 1

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(LEAD_SECONDS + 3.0)
    try:
        yield load
    finally:
        over.set()
        thread.join()
        time.sleep(LEAD_SECONDS + 3.0)


def kill_one(stack: Stack, role: str, number: int) -> Kill:
    """Kill one of two, watch the other take over, and start the killed one anew."""
    wait_for(is_settled(stack), "a share for each", WAIT_SECONDS_MAX * 5)
    victim, other = stack.of_role(role)[number % 2], stack.of_role(role)[1 - number % 2]
    lines = len(lines_of(stack, other))
    kill = Kill(role=role, at=time.time(), parts=_owned(stack, victim))
    victim.kill()
    everything = metric(other, "duetime_owned_partitions") + len(kill.parts)
    wait_for(
        lambda: metric(other, "duetime_owned_partitions") == everything,
        "the take-over",
        WAIT_SECONDS_MAX,
    )
    kill.ready = time.time()
    for line in lines_of(stack, other)[lines:]:
        told = json.loads(line)
        at = datetime.fromisoformat(told["time"]).timestamp()
        if "rebalancing" in told["event"] and not kill.detected:
            kill.detected = at
        if told["event"] == "group round" and not kill.rejoined:
            kill.rejoined = at
    time.sleep(max(0.0, kill.at + WATCH_SECONDS - time.time()))
    victim.start(stack.lines)
    return kill


def _owned(stack: Stack, process: Running) -> frozenset[int]:
    """Read from its log which partitions a process was given last."""
    return frozenset(group_rounds(stack, process)[-1]["owned"])


def judge(writer: Writer, kills: Sequence[Kill], load: Load, stamps: Path) -> str:
    """Work out each kill's first start after the take-over and worst lateness; give a sentence."""
    starts = {run: min(at for _, at in each) for run, each in stamped(stamps).items()}
    emitted: dict[str, float] = {}

    async def read() -> None:
        async for record in read_on(writer.log, Topic.DUE, load.due_from):
            run_id = json.loads(record.value or b"{}").get("run_id", "")
            emitted[run_id] = max(emitted.get(run_id, 0.0), record.appended_at.timestamp())

    writer.await_(read())
    for kill in kills:
        lost = {run: due for run, (part, due) in load.runs.items() if part in kill.parts}
        window = (kill.at - 1.0, kill.at + WATCH_SECONDS)
        met = {run: due for run, due in lost.items() if window[0] <= due <= window[1]}
        kill.starts = len(met)
        kill.worst = max((starts.get(run, 1e12) - due for run, due in met.items()), default=0.0)
        after = [
            starts[run]
            for run in met
            if run in starts
            and starts[run] >= kill.rejoined
            and (kill.role == "executor" or emitted.get(run, 0.0) >= kill.rejoined)
        ]
        kill.first_start = min(after, default=float("nan"))
    never = [run for run in load.runs if run not in starts]
    repeated = sum(len(each) > 1 for each in stamped(stamps).values())
    late = [starts[run] - due for run, (_, due) in load.runs.items() if run in starts]
    return (
        f"{len(load.runs):,} tasks came due meanwhile; {len(never)} never started, {repeated} were "
        f"started again under the same run id; the latest start was {max(late):.2f} s late."
    )


def table(kills: Sequence[Kill]) -> str:
    """Give the Markdown table, in seconds after the kill."""
    rows = [
        "| kill of | detected | rejoined | ready | first start | worst lateness |",
        "| --- " * 6 + "|",
    ]
    seen: Counter[str] = Counter()
    for kill in kills:
        seen[kill.role] += 1
        since = [
            at - kill.at for at in (kill.detected, kill.rejoined, kill.ready, kill.first_start)
        ]
        # The driver tells of a round in one line, and no line twice within 10 s: who has just told
        # it of the round that gave a restarted one its share is silent about the next.
        told = " | ".join(f"{each:.2f}" if each >= 0 else "-" for each in (*since, kill.worst))
        rows.append(f"| {kill.role} {seen[kill.role]} | {told} |")
    return "\n".join(rows)


def budget(kills: Sequence[Kill]) -> str:
    """Hold the take-overs against their budget; give a sentence."""
    kept = sum(kill.ready - kill.at <= limits.TAKE_OVER_SECONDS_MAX for kill in kills)
    return (
        f"The budget is {limits.TAKE_OVER_DETECT_SECONDS_MAX:g} s to detect, "
        f"{limits.TAKE_OVER_REJOIN_SECONDS_MAX:g} s to rejoin and "
        f"{limits.TAKE_OVER_READY_SECONDS_MAX:g} s to be ready: "
        f"{limits.TAKE_OVER_SECONDS_MAX:g} of the promise's {limits.LATENESS_SECONDS_MAX:g} s. "
        f"{kept} of {len(kills)} kept to it."
    )


def running() -> str:
    """Say what was running, and what was not."""
    counted = ", ".join(f"{count} {role}" for role, count in COUNTS.items())
    return f"Processes: {counted}. Tasks are written past the api, straight to the log."


def cold_restore(stack: Stack, writer: Writer) -> str:
    """Let one timer restore everything, without disk or standby; give a sentence."""
    first, second = stack.of_role("timer")
    for timer in (first, second):
        timer.kill()
        shutil.rmtree(timer.environment["DUETIME_TIMER_INDEX_DIR"], ignore_errors=True)

    async def count() -> int:
        beginnings = [0] * writer.log.partitions
        return len([1 async for _ in read_on(writer.log, Topic.SCHEDULE, beginnings)])

    records = writer.await_(count())
    began = time.time()
    first.start(stack.lines)
    wait_for(lambda: metric(first, "duetime_owned_partitions") == 12, "a restored timer", 600.0)
    took = time.time() - began
    given = datetime.fromisoformat(group_rounds(stack, first)[-1]["time"]).timestamp() - began
    resident = metric(first, "process_resident_memory_bytes") / 1e6
    second.start(stack.lines)
    return (
        f"Without disk or standby one timer process was at work on all 12 partitions {took:.1f} s "
        f"after its start, {records:,} records of the changelog later: "
        f"{records / (took - given):,.0f} records/s from when the group had given it the last of "
        f"them, {given:.1f} s after its start; {records / took:,.0f} with its start and the wait "
        f"for the group. {resident:.0f} MB resident then."
    )


def _kills(
    stack: Stack, writer: Writer, roles: Sequence[str], *, kills: int, per_second: int
) -> tuple[list[Kill], str]:
    """Kill processes under load; give what was seen of each kill, and a sentence about the load."""
    stamps = stack.folder / f"starts-{time.monotonic_ns()}.txt"
    done: list[Kill] = []
    with due_load(writer, stamps, per_second) as load:
        for role in roles:
            for number in range(kills):
                done.append(kill_one(stack, role, number))
                said(f"{role} {number + 1}: ready {done[-1].ready - done[-1].at:.2f} s")
        wait_for(is_settled(stack), "a share for each", WAIT_SECONDS_MAX * 5)
    sentence = judge(writer, done, load, stamps)
    said(sentence)
    return done, sentence


def measure(stack: Stack, arguments: argparse.Namespace) -> Iterator[str]:
    """Measure all, part by part; give the paragraphs and tables, in Markdown."""
    busy = os.getloadavg()[1]
    writer = Writer(stack)
    pending, per_second = arguments.pending, arguments.per_second
    began, taken = time.time(), machine()
    took = fill(writer, pending)
    await_folded(stack, writer)
    resident = [
        f"{metric(timer, 'process_resident_memory_bytes') / 1e6:.0f} MB"
        for timer in stack.of_role("timer")
    ]
    yield (
        f"{pending:,} tasks pending ({pending / took:,.0f}/s written to the log; the timers then "
        f"had {' and '.join(resident)} resident), {per_second} tasks due per second, one broker "
        "with its default minimum session of 6 s, one of two processes killed and started anew "
        f"{WATCH_SECONDS:.0f} s later. Seconds after the kill; the worst lateness is that of the "
        f"partitions of the killed one. {running()}"
    )
    kills, sentence = _kills(
        stack, writer, ("timer", "executor"), kills=arguments.kills, per_second=per_second
    )
    yield table(kills)
    yield budget(kills)
    yield sentence
    yield cold_restore(stack, writer)
    if arguments.finished:
        finish(stack, writer, arguments.finished)
        kills, sentence = _kills(stack, writer, ("timer",), kills=2, per_second=per_second)
        yield f"After {arguments.finished:,} further tasks had run and left their tombstones:"
        yield table(kills)
        yield budget(kills)
        yield sentence
    writer.close()
    others = sum(each.seconds for each in taken.taken(began))
    yield (
        f"{os.cpu_count()} cores, shared: the load average was {busy:.1f} at the beginning and "
        f"{os.getloadavg()[1]:.1f} at the end, and other programs kept ours waiting for a core for "
        f"{others:.0f} of {time.time() - began:.0f} seconds."
    )


def write_document(parts: Sequence[str]) -> None:
    """Replace the block between the markers."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    block = "\n\n".join(parts)
    DOCUMENT.write_text(f"{before}{_BEGIN}\n{block}\n{_END}{after}", encoding="utf-8")


def main() -> None:
    """Measure, and write down what came of it so far after each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=1_000_000)
    parser.add_argument("--finished", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--per-second", type=int, default=200)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="duetime-figures-"))
    environment = {"PYTHONPATH": str(STAMPING.parent), "DUETIME_EXECUTOR_ACTIONS": STAMPING.stem}
    parts: list[str] = []
    try:
        with Stack(folder, counts=COUNTS, environment=environment) as stack:
            for part in measure(stack, arguments):
                said(part)
                parts.append(part)
                write_document(parts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
