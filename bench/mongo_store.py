"""What the read models in MongoDB cost: flushes, repeats, reads, and how soon a write is passed.

`python -m bench.mongo_store`: on the server of `deploy.local.mongod`, which shares this machine.
Knows the store's port; CPU is this process's own, the server's is not in it.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from deploy.local.mongod import running
from duetime.events.types import Definition, Outcome
from duetime.store.mongo import MongoStore
from duetime.store.port import TopicPartition, ViewChanges
from duetime.store.views import LastRun, Mark, RunDocument, TaskDocument
from duetime.task.state import Task, TaskStatus

FLUSH_DOCUMENTS: Final = 500
FLUSHES: Final = 20
READS: Final = 1_000
TASKS_0: Final = TopicPartition("duetime.tasks", 0)
SOON: Final = datetime(2090, 1, 1, tzinfo=UTC)


def task(number: int, *, offset: int) -> TaskDocument:
    """Give a task as it looks after a run."""
    task_id = f"0197280a-0000-7000-8000-{number:012}"
    due_at = SOON + timedelta(milliseconds=number)
    mark = Mark(revision=1, nominal_at=due_at, next_due_at=due_at + timedelta(days=1))
    return TaskDocument(
        task_id=task_id,
        task=Task(
            task_id=task_id,
            tenant="default",
            revision=1,
            status=TaskStatus.ACTIVE,
            definition=Definition(description="water the plants", time=due_at),
            created_at=SOON,
            updated_at=SOON,
            time_revision=1,
            timing_revision=1,
            timing_changed_at=SOON,
            actor="bench",
        ),
        task_offset=0,
        last_run=LastRun(
            run_id=f"r{number}",
            revision=1,
            nominal_at=due_at,
            due_at=due_at,
            recorded_at=due_at,
            started_at=due_at,
            finished_at=due_at,
            outcome=Outcome.SUCCEEDED,
            newest=mark,
            furthest=mark,
        ),
        run_offset=offset,
    )


def run(number: int) -> RunDocument:
    """Give a run that succeeded."""
    due_at = SOON + timedelta(milliseconds=number)
    return RunDocument(
        id=f"0197280b-0000-8000-8000-{number:012}",
        task_id=f"0197280a-0000-7000-8000-{number:012}",
        tenant="default",
        revision=1,
        description="water the plants",
        due_at=due_at,
        nominal_at=due_at,
        started_at=due_at,
        finished_at=due_at,
        outcome=Outcome.SUCCEEDED,
        position=number,
        executor="bench",
        action="log",
    )


async def measured(count: int, work: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """Give how many a second, and the CPU of each in microseconds."""
    began, cpu = time.perf_counter(), time.process_time()
    await work()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return {"per_second": round(count / seconds), "cpu_us": round(cpu_seconds / count * 1e6, 1)}


def percentile(values: list[float], share: float) -> float:
    """Give a percentile in milliseconds."""
    return round(sorted(values)[int(len(values) * share)] * 1_000, 2)


async def passed(writer: MongoStore, reader: MongoStore) -> dict[str, float]:
    """Give how long after a write another process is told of it, in milliseconds."""
    waits: list[float] = []
    for offset in range(1_000_000, 1_000_050):
        waiting = asyncio.create_task(reader.passed(TASKS_0, offset, wait_seconds=5))
        await asyncio.sleep(0.005)
        await writer.write(ViewChanges(tasks=[], runs=[], positions={TASKS_0: offset + 1}))
        written = time.perf_counter()
        assert await waiting
        waits.append(time.perf_counter() - written)
    return {"p50": percentile(waits, 0.5), "p99": percentile(waits, 0.99)}


async def bench(uri: str) -> dict[str, object]:
    """Measure everything once."""
    store = MongoStore.open(uri, database="bench")
    reader = MongoStore.open(uri, database="bench")
    await store.prepare()
    await reader.prepare()
    count = FLUSHES * FLUSH_DOCUMENTS

    def flushes(*, tasks: bool, runs: bool, offset: int = 0) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            for start in range(0, count, FLUSH_DOCUMENTS):
                numbers = range(start, start + FLUSH_DOCUMENTS)
                await store.write(
                    ViewChanges(
                        tasks=[task(n, offset=offset) for n in numbers] if tasks else [],
                        runs=[run(n) for n in numbers] if runs else [],
                        positions={TASKS_0: start},
                    )
                )

        return work

    async def look_up() -> None:
        for number in range(READS):
            await store.task(f"0197280a-0000-7000-8000-{number:012}")

    async def load() -> None:
        for start in range(0, count, FLUSH_DOCUMENTS):
            numbers = range(start, start + FLUSH_DOCUMENTS)
            await store.load([f"0197280a-0000-7000-8000-{n:012}" for n in numbers])

    async def list_tasks() -> None:
        for _ in range(10):
            await store.tasks(items_max=1_000)

    result: dict[str, object] = {
        "task inserts": await measured(count, flushes(tasks=True, runs=False)),
        "task updates": await measured(count, flushes(tasks=True, runs=False, offset=1)),
        "task repeats": await measured(count, flushes(tasks=True, runs=False, offset=1)),
        "run inserts": await measured(count, flushes(tasks=False, runs=True)),
        "run repeats": await measured(count, flushes(tasks=False, runs=True)),
        "task by id": await measured(READS, look_up),
        "load of 500": await measured(count, load),
        "tasks by pages of 1,000": await measured(10_000, list_tasks),
    }
    result["passed after the write, ms"] = await passed(store, reader)
    await store.close()
    await reader.close()
    return result


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory(prefix="duetime-bench-") as folder, running(Path(folder)) as mongod:
        json.dump(asyncio.run(bench(mongod.uri)), sys.stdout, indent=2)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
