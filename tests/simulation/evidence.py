"""What checkers look at: one history, what the log holds at its end, and the read models.

Knows how to gather it from a world at rest; judges nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from duetime.events.positions import POSITION_KEY
from duetime.log.topics import Topic
from duetime.log_projector.lane import PROJECTOR_TOPICS, Pace, ProjectorLane
from duetime.runtime.clock import ManualClock
from duetime.store.memory import MemoryStore
from duetime.timer.core import TimerCore
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.lane import TimerLane
from tests.simulation.history import EPOCH, FaultKind, History, Start, seconds_of
from tests.simulation.model import Fact, ModelTask, facts, fold
from tests.simulation.switches import Switches
from tests.simulation.world import World

Documents = dict[str, Any]
"""Documents by their id, as plain JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One history and what it left behind."""

    switches: Switches
    history: History
    task_facts: Sequence[Fact]
    due_facts: Sequence[Fact]
    run_facts: Sequence[Fact]
    tasks: dict[str, ModelTask]
    starts: Sequence[Start]
    task_documents: Documents
    run_documents: Documents
    rebuilt_tasks: Documents
    rebuilt_runs: Documents
    take_overs: Sequence[Sequence[tuple[float, int]]]  # of each partition: when, end of `tasks`
    timer_states: dict[int, Documents]  # of each partition's owner
    timer_changelogs: dict[int, Documents]  # what a new owner would restore


async def gather(world: World) -> Evidence:
    """Read everything from a world at rest."""
    task_records = world.broker.records(Topic.TASKS)
    task_facts = facts(task_records)
    run_facts = facts(world.broker.records(Topic.EXECUTIONS))
    rebuilt = await _rebuilt(world)
    return Evidence(
        switches=world.switches,
        history=world.history,
        task_facts=task_facts,
        due_facts=facts(world.broker.records(Topic.DUE)),
        run_facts=run_facts,
        tasks=fold(task_facts, task_records),
        starts=[*world.history.starts, *_recorded_starts(run_facts, world.history)],
        task_documents=_plain(world.database.store._tasks),
        run_documents=_plain(world.database.store._runs),
        rebuilt_tasks=_plain(rebuilt._tasks),
        rebuilt_runs=_plain(rebuilt._runs),
        take_overs=world.broker.take_overs,
        timer_states=_timer_states(world),
        timer_changelogs={
            partition: await _changelog(world, partition)
            for partition in range(world.broker.partitions)
        },
    )


def _plain(documents: dict[str, Any]) -> Documents:
    return {name: msgspec.to_builtins(document) for name, document in sorted(documents.items())}


def _recorded_starts(run_facts: Sequence[Fact], history: History) -> list[Start]:
    """Give the starts of log actions: their record is all that can be seen of them.

    Two records that name the same start are one start, recorded twice. When it really was is what
    the record says, unless that clock had been set wrong: then it is when the record came.
    """
    wrong = {fault.target for fault in history.faults if fault.kind is FaultKind.CLOCK_JUMP}
    found: dict[tuple[str, int, str, str], Start] = {}
    for fact in run_facts:
        said = fact.said
        if fact.kind != "TaskExecuted" or said["action"] != "log":
            continue
        started_at = msgspec.convert(said["started_at"], type=type(EPOCH))
        same = (said["run_id"], said.get("attempt", 1), said["executor"], said["started_at"])
        found[same] = Start(
            at=fact.at if said["executor"] in wrong else seconds_of(started_at),
            clock_at=started_at,
            process=said["executor"],
            run_id=said["run_id"],
            task_id=said["task_id"],
            attempt=said.get("attempt", 1),
            nominal_at=msgspec.convert(said["nominal_at"], type=type(EPOCH)),
            due_at=msgspec.convert(said["due_at"], type=type(EPOCH)),
            description=said["description"],
            ended_at=seconds_of(started_at),
            exact=said["executor"] not in wrong,
        )
    return list(found.values())


async def _rebuilt(world: World) -> MemoryStore:
    """Project the whole log into empty read models: runs first, as a rebuild may meet them."""
    store = MemoryStore()
    for partition in range(world.broker.partitions):
        lane = ProjectorLane(
            partition=partition,
            log=world.broker,
            store=store,
            clock=ManualClock(EPOCH),
            pace=Pace(tasks_seconds=0.0, runs_seconds=0.0),
            watch=lambda _written: None,
            wake=lambda: None,
        )
        await lane.open()
        for topic in reversed(PROJECTOR_TOPICS):
            records, following = await world.broker.read(topic, partition, 0, records_max=1_000_000)
            await lane.step(records, {topic: following})
        await lane.drain()
    return store


def _timer_states(world: World) -> dict[int, Documents]:
    """Give what the owners of the partitions hold of their tasks."""
    states: dict[int, Documents] = {}
    for slot, process in world.processes.items():
        if process.role != "timer":
            continue
        for partition, driven in world.workers[slot]._driven.items():
            lane = driven.lane
            if isinstance(lane, TimerLane) and lane.live:
                index = lane._core._index
                assert isinstance(index, MemoryDueIndex)
                states[partition] = {
                    task_id: msgspec.json.decode(value)
                    for task_id, (_, value) in sorted(index._tasks.items())
                }
    return states


async def _changelog(world: World, partition: int) -> Documents:
    """Give what a new owner would restore from the changelog, and fold on top of it."""
    index = MemoryDueIndex()
    core = TimerCore(source="checker", index=index, lookahead=timedelta(0))
    records, _ = await world.broker.read(Topic.SCHEDULE, partition, 0, records_max=1_000_000)
    for record in records:
        if record.key is not None and record.key != POSITION_KEY:
            core.restore(record.key.decode(), record.value)
    return {
        task_id: msgspec.json.decode(value) for task_id, (_, value) in sorted(index._tasks.items())
    }
