"""How long a take-over takes: kills of timers and executors under load, with many tasks pending.

`python -m tests.chaos.figures --pending 1000000 --kills 10` prints the tables of
docs/reliability.md. Tasks are written straight to the log, as the api would write them: what is
measured begins behind it. Starts are counted outside Duetime.
"""

import argparse
import asyncio
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from deploy.local.stack import Running, Stack
from duetime.events.codec import encode
from duetime.events.envelope import Envelope
from duetime.events.ids import run_id_for
from duetime.events.positions import POSITION_KEY, decode_position
from duetime.events.types import Action, Definition, LogAction, PythonAction, TaskCreated
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.partitioner import partition_of
from duetime.log.port import Accepted, Record
from duetime.log.topics import Topic
from duetime.runtime.clock import SystemClock
from duetime.runtime.ids import SystemIds
from tests.chaos.recorded import connection_to, records_of
from tests.support.stack import STAMPING, is_settled, lines_of, metric, stamped, wait_for

BATCH: Final = 5_000
TAKE_OVER_SECONDS_MAX: Final = 60.0
WATCH_SECONDS: Final = 16.0  # after a kill, before the killed one is started anew
LEAD_SECONDS: Final = 10.0  # tasks of the load are written so long before they are due


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

    runs: dict[str, tuple[int, float]] = field(default_factory=dict)


class Writer:
    """Writes tasks to a stack's log, on a loop of its own."""

    def __init__(self, stack: Stack) -> None:
        """Connect."""
        self._clock = SystemClock()
        self._ids = SystemIds(self._clock)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.log = self.await_(KafkaLog.open(connection_to(stack)))

    def await_(self, work: Any) -> Any:
        """Run something on the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def write(self, dues: Sequence[datetime], action: Action) -> list[tuple[str, int]]:
        """Write one task for each due time; give ids and partitions."""
        made = [self._record(due, action) for due in dues]
        left = [record for _, record in made]
        while left:
            outcomes = self.await_(self.log.append(left))
            pairs = zip(left, outcomes, strict=True)
            left = [record for record, outcome in pairs if not isinstance(outcome, Accepted)]
        return [(task_id, record.partition) for task_id, record in made]

    def close(self) -> None:
        """Disconnect."""
        self.await_(self.log.close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _record(self, due: datetime, action: Action) -> tuple[str, Record]:
        task_id = self._ids.fresh()
        event = TaskCreated(
            task_id=task_id,
            tenant="default",
            revision=1,
            actor="figures",
            definition=Definition(description="Water the plants", time=due, action=action),
        )
        key, value, headers = encode(
            Envelope(event=event, event_id=self._ids.fresh(), source="/f", time=self._clock.now())
        )
        partition = partition_of(key, self.log.partitions)
        record = Record(
            topic=Topic.TASKS, partition=partition, key=key, value=value, headers=headers
        )
        return task_id, record


def fill(writer: Writer, count: int) -> None:
    """Write so many tasks that are due in a day to a month."""
    began = time.monotonic()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for first in range(0, count, BATCH):
        dues = [
            tomorrow + timedelta(seconds=(number * 7919) % (30 * 86_400))
            for number in range(first, min(count, first + BATCH))
        ]
        writer.write(dues, LogAction())
    said(f"{count} tasks written in {time.monotonic() - began:.1f} s")


def await_folded(stack: Stack, writer: Writer) -> None:
    """Wait until the timers' positions have reached the ends of `tasks`."""
    began = time.monotonic()
    until = began + 3_600.0
    while time.monotonic() < until:
        ends = writer.await_(writer.log.end_offsets(Topic.TASKS))
        folded = writer.await_(_folded(writer.log))
        if all(folded[partition] >= end for partition, end in enumerate(ends)):
            break
        stack.check_alive()
        time.sleep(1.0)
    said(f"folded by the timers {time.monotonic() - began:.1f} s later")


async def _folded(log: KafkaLog) -> dict[int, int]:
    folded = dict.fromkeys(range(log.partitions), 0)
    for partition, end in enumerate(await log.end_offsets(Topic.SCHEDULE)):
        offset = max(0, end - 5_000)
        while offset < end:
            records, offset = await log.read(Topic.SCHEDULE, partition, offset, records_max=5_000)
            for record in records:
                if record.key == POSITION_KEY and record.value is not None:
                    folded[partition] = decode_position(record.value).tasks
    return folded


@contextmanager
def due_load(writer: Writer, stamps: Path, per_second: int) -> Iterator[Load]:
    """Let so many tasks come due in every second from LEAD_SECONDS on."""
    load, over = Load(), threading.Event()
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
    wait_for(is_settled(stack), "a share for each", TAKE_OVER_SECONDS_MAX * 5)
    victim, other = stack.of_role(role)[number % 2], stack.of_role(role)[1 - number % 2]
    lines = len(lines_of(stack, other))
    kill = Kill(role=role, at=time.time(), parts=_owned(stack, victim))
    victim.kill()
    everything = metric(other, "duetime_owned_partitions") + len(kill.parts)
    wait_for(
        lambda: metric(other, "duetime_owned_partitions") == everything,
        "the take-over",
        TAKE_OVER_SECONDS_MAX,
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
    rounds = [line for line in lines_of(stack, process) if '"group round"' in line]
    return frozenset(json.loads(rounds[-1])["owned"])


def judge(stack: Stack, kills: Sequence[Kill], load: Load, stamps: Path) -> None:
    """Work out for each kill the first start after the take-over, and the worst lateness."""
    starts = {run: min(at for _, at in each) for run, each in stamped(stamps).items()}
    emitted: dict[str, float] = {}
    for record in records_of(stack, Topic.DUE):
        run_id = json.loads(record.value or b"{}").get("run_id", "")
        emitted[run_id] = max(emitted.get(run_id, 0.0), record.appended_at.timestamp())
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
    said(f"{len(load.runs)} tasks came due; never started: {len(never)}; repeated: {repeated}")


def table(kills: Sequence[Kill]) -> str:
    """Give the Markdown table, in seconds after the kill."""
    rows = [
        "| kill of | detected | rejoined | ready | first start | worst lateness |",
        "| --- " * 6 + "|",
    ]
    for number, kill in enumerate(kills, start=1):
        since = [
            at - kill.at for at in (kill.detected, kill.rejoined, kill.ready, kill.first_start)
        ]
        told = " | ".join(f"{seconds:.2f}" for seconds in (*since, kill.worst))
        rows.append(f"| {kill.role} {number} | {told} |")
    return "\n".join(rows)


def cold_restore(stack: Stack) -> None:
    """Let one timer restore everything, without disk or standby."""
    first, second = stack.of_role("timer")
    records = sum(1 for record in records_of(stack, Topic.SCHEDULE) if record.key != POSITION_KEY)
    for timer in (first, second):
        timer.kill()
        shutil.rmtree(timer.environment["DUETIME_TIMER_INDEX_DIR"], ignore_errors=True)
    began = time.time()
    first.start(stack.lines)
    wait_for(lambda: metric(first, "duetime_owned_partitions") == 12, "a restored timer", 600.0)
    took = time.time() - began
    said(f"cold restore of {records} records by one process: ready {took:.1f} s after its start")
    said(f"its resident memory: {metric(first, 'process_resident_memory_bytes') / 1e6:.0f} MB")
    second.start(stack.lines)


def said(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--per-second", type=int, default=200)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="duetime-figures-"))
    environment = {"PYTHONPATH": str(STAMPING.parent), "DUETIME_EXECUTOR_ACTIONS": STAMPING.stem}
    counts = {"api": 1, "timer": 2, "executor": 2, "log-projector": 0}
    try:
        with Stack(folder, counts=counts, environment=environment) as stack:
            writer = Writer(stack)
            fill(writer, arguments.pending)
            await_folded(stack, writer)
            for timer in stack.of_role("timer"):
                rss = metric(timer, "process_resident_memory_bytes") / 1e6
                said(f"{timer.name}: {rss:.0f} MB resident")
            stamps = folder / "starts.txt"
            kills: list[Kill] = []
            with due_load(writer, stamps, arguments.per_second) as load:
                for role in ("timer", "executor"):
                    for number in range(arguments.kills):
                        kills.append(kill_one(stack, role, number))
                        said(f"{role} {number + 1}: ready {kills[-1].ready - kills[-1].at:.2f} s")
            judge(stack, kills, load, stamps)
            print(table(kills))
            cold_restore(stack)
            writer.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
