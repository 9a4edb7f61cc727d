"""What a stack of real processes left behind, in the shape that the simulator's checkers judge.

Knows how to read the topics, the read models and the starts counted outside Duetime; judges
nothing. Only the tasks of one test are looked at, since tests share a stack.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from deploy.local.stack import Stack
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.port import Stored
from duetime.log.topics import Topic
from duetime.log_projector.lane import PROJECTOR_TOPICS, Pace, ProjectorLane
from duetime.runtime.clock import ManualClock
from duetime.settings.kafka import KafkaSettings
from duetime.store.memory import MemoryStore
from duetime.store.mongo import MongoStore
from tests.chaos.load import moment
from tests.chaos.timers_evidence import (
    expected_states,
    naive_changelog,
    restored,
    restored_states,
    settled_at,
    take_overs,
    unsure,
)
from tests.simulation.evidence import Documents, Evidence
from tests.simulation.history import EPOCH, History, Start, seconds_of
from tests.simulation.model import Fact, facts, fold
from tests.simulation.switches import draw_switches
from tests.support.stack import partitions_of, stamped

READ_RECORDS_MAX: Final = 10_000
PAGE_ITEMS: Final = 1_000

T = TypeVar("T")


def evidence_of(
    stack: Stack, history: History, task_ids: Collection[str], stamps: Path
) -> Evidence:
    """Gather what is known of these tasks; the stack must be at rest."""
    history.ended_at = moment()
    return asyncio.run(_with_log(stack, lambda log: _gather(stack, log, history, task_ids, stamps)))


def records_of(stack: Stack, topic: Topic) -> list[Stored]:
    """Read a topic from its beginning to its end, partition by partition."""
    return asyncio.run(_with_log(stack, lambda log: _records(log, topic)))


def append_to(stack: Stack, records: Sequence[Any]) -> Sequence[Any]:
    """Append records as some producer would; give the outcomes."""
    return asyncio.run(_with_log(stack, lambda log: log.append(records)))


def timer_states(stack: Stack) -> dict[str, bytes]:
    """Give the timers' state of every task, as the changelog has it: bytes by task id."""
    return asyncio.run(_with_log(stack, _timer_states))


def views_of(stack: Stack, task_ids: Collection[str]) -> tuple[Documents, Documents]:
    """Give the documents of tasks and of their runs."""
    return asyncio.run(_with_log(stack, lambda log: _views(stack, log, task_ids)))


def projected_to(stack: Stack) -> dict[str, int]:
    """Give how far the read models have come, by topic and partition."""
    return asyncio.run(_projected_to(stack))


def connection_to(stack: Stack) -> Connection:
    """Give a way to the stack's Kafka."""
    assert stack.brokers is not None
    settings = KafkaSettings.for_tests(
        bootstrap_servers=stack.brokers.bootstrap,
        partitions=partitions_of(stack),
        replication=min(3, len(stack.brokers.brokers)),
    )
    return Connection.of(settings)


async def _with_log(stack: Stack, work: Callable[[KafkaLog], Awaitable[T]]) -> T:
    log = await KafkaLog.open(connection_to(stack))
    try:
        return await work(log)
    finally:
        await log.close()


async def _records(log: KafkaLog, topic: Topic) -> list[Stored]:
    found: list[Stored] = []
    for partition, end in enumerate(await log.end_offsets(topic)):
        offset = 0
        while offset < end:
            records, offset = await log.read(topic, partition, offset, records_max=READ_RECORDS_MAX)
            found += records
    return found


async def _gather(
    stack: Stack, log: KafkaLog, history: History, task_ids: Collection[str], stamps: Path
) -> Evidence:
    wanted = {task_id.encode() for task_id in task_ids}
    # The timers first: what the other topics say by then they have folded, once all is at rest.
    indexes, now = await restored(log), moment()
    everything = [
        await _records(log, topic) for topic in (Topic.TASKS, Topic.DUE, Topic.EXECUTIONS)
    ]
    of_tasks, of_due, of_runs = [
        [record for record in records if record.key in wanted] for records in everything
    ]
    task_facts = facts(of_tasks)
    due_facts = facts(of_due)
    tasks, runs = await _views(stack, log, task_ids)
    rebuilt = await _rebuilt(log, [*of_runs, *of_tasks])
    folded, run_facts = fold(task_facts, of_tasks), facts(of_runs)
    settled = settled_at(folded, run_facts)
    left_out = unsure(folded, settled, now)
    sure = {task_id: task for task_id, task in folded.items() if task_id not in left_out}
    return Evidence(
        switches=replace(draw_switches(0), apis=2, timers=2, executors=2, projectors=2),
        history=history,
        task_facts=task_facts,
        due_facts=due_facts,
        run_facts=run_facts,
        tasks=folded,
        starts=_starts(stamps, due_facts),
        task_documents=tasks,
        run_documents=runs,
        rebuilt_tasks=_plain(rebuilt._tasks),
        rebuilt_runs=_plain(rebuilt._runs),
        timer_states=expected_states(sure, settled, now, partitions=log.partitions),
        timer_changelogs=restored_states(indexes, set(task_ids) - left_out, settled),
        take_overs=take_overs(stack, *everything[:2], partitions=log.partitions),
    )


def _starts(stamps: Path, due_facts: Sequence[Fact]) -> list[Start]:
    """Give the starts counted outside; what a run is of is told by its TaskDue."""
    due = {fact.said["run_id"]: fact.said for fact in due_facts}
    found = []
    for run_id, starts in stamped(stamps).items():
        said = due[run_id]
        for attempt, epoch_seconds in starts:
            started_at = datetime.fromtimestamp(epoch_seconds, tz=EPOCH.tzinfo)
            found.append(
                Start(
                    at=seconds_of(started_at),
                    clock_at=started_at,
                    process="",
                    run_id=run_id,
                    task_id=said["task_id"],
                    attempt=attempt,
                    nominal_at=datetime.fromisoformat(said["nominal_at"]),
                    due_at=datetime.fromisoformat(said["due_at"]),
                    description=said["description"],
                )
            )
    return found


async def _views(
    stack: Stack, log: KafkaLog, task_ids: Collection[str]
) -> tuple[Documents, Documents]:
    assert stack.mongod is not None
    store = MongoStore.open(stack.mongod.uri, database="duetime", log_id=log.cluster_id)
    try:
        tasks = await store.load(sorted(task_ids))
        runs: dict[str, Any] = {}
        cursor = None
        while True:
            page = await store.runs(items_max=PAGE_ITEMS, cursor=cursor)
            runs |= {run.id: run for run in page.items if run.task_id in task_ids}
            cursor = page.next_cursor
            if cursor is None:
                break
    finally:
        await store.close()
    return _plain(dict(tasks)), _plain(runs)


async def _projected_to(stack: Stack) -> dict[str, int]:
    assert stack.mongod is not None
    store = MongoStore.open(stack.mongod.uri, database="duetime")
    try:
        positions = await store.positions()
    finally:
        await store.close()
    return {f"{at.topic}/{at.partition}": offset for at, offset in positions.items()}


async def _rebuilt(log: KafkaLog, records: Sequence[Stored]) -> MemoryStore:
    """Project records into empty read models: runs first, as a rebuild may meet them."""
    store = MemoryStore()
    for partition in range(log.partitions):
        lane = ProjectorLane(
            partition=partition,
            log=log,
            store=store,
            clock=ManualClock(EPOCH),
            pace=Pace(tasks_seconds=0.0, runs_seconds=0.0),
            watch=lambda _written: None,
            wake=lambda: None,
        )
        await lane.open()
        for topic in reversed(PROJECTOR_TOPICS):
            own = [each for each in records if each.partition == partition and each.topic == topic]
            following = max((record.offset + 1 for record in own), default=0)
            await lane.step(own, {topic: following})
        await lane.drain()
    return store


async def _timer_states(log: KafkaLog) -> dict[str, bytes]:
    return naive_changelog(await _records(log, Topic.SCHEDULE))


def _plain(documents: dict[str, Any]) -> Documents:
    return {name: msgspec.to_builtins(document) for name, document in sorted(documents.items())}
