"""A target that hangs, beside others that do not: a timer and an executor on virtual time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from duetime.events.envelope import Envelope
from duetime.events.types import AnyEvent, PythonAction, TaskDue, TaskExecuted
from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import PythonActions
from duetime.executor.service import executor_service
from duetime.executor.targets import runs_max_of
from duetime.limits import LOOKAHEAD_SECONDS
from duetime.log.memory import MemoryLog
from duetime.log.reading import event_record, read_event
from duetime.log.topics import Topic
from duetime.runtime.worker import Worker
from duetime.telemetry.metrics import Metrics
from duetime.timer.core import Leaving
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.indexes import Indexes
from duetime.timer.service import timer_service
from tests.support.builders import NOON, SECOND, created, envelope
from tests.support.virtual_loop import run_virtual
from tests.unit.runtime.lanes import BACKOFF, VirtualClock

PARTITIONS: Final = 3
SLOTS: Final = 100
HANGING_PER_SECOND: Final = 6  # for 30 s, their timeout: 180 at a time, where there are 100 slots
OTHERS_PER_SECOND: Final = 20
SECONDS: Final = 40
FIRST: Final = NOON + 8 * SECOND
WELL_AGAIN: Final = 55.0
LATE_SECONDS_MAX: Final = 0.05
BOUND_SECONDS: Final = 400.0  # of virtual time: the longest deferral, and to spare
HANGING: Final = HANGING_PER_SECOND * SECONDS
OTHERS: Final = OTHERS_PER_SECOND * SECONDS


class Stage:
    """A timer and an executor over one log, and two targets: one that hangs, one that does not."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.clock = VirtualClock()
        self.log = MemoryLog(PARTITIONS, self.clock.now)
        self.metrics = Metrics()
        self.late: list[float] = []
        self.ended_well = Counter[str]()
        self.begun: dict[str, float] = {}
        self.alive = self.alive_max = 0
        self.well_again = asyncio.Event()

    async def hang(self, context: RunContext) -> None:
        """Hang until it is well again; from then on take a moment."""
        self.alive += 1
        if not self.well_again.is_set():
            self.alive_max = max(self.alive, self.alive_max)
        self.begun[context.run_id] = asyncio.get_running_loop().time()
        try:
            await self.well_again.wait()
            await asyncio.sleep(0.1)
            self.ended_well[context.run_id] += 1
        finally:
            self.alive -= 1

    async def quick(self, context: RunContext) -> None:
        """Note how late it is."""
        self.late.append((self.clock.now() - context.due_at).total_seconds())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let both services run meanwhile."""
        functions = {"hang": self.hang, "quick": self.quick}
        executor = executor_service(
            log=self.log,
            clock=self.clock,
            name="executor-1",
            actions={PythonAction: PythonActions(functions)},
            concurrency=SLOTS,
            backoff=BACKOFF,
            metrics=self.metrics,
        )
        timer = timer_service(
            log=self.log,
            clock=self.clock,
            name="timer-1",
            indexes=Indexes(lambda _partition: MemoryDueIndex()),
            leaving=Leaving(timedelta(seconds=LOOKAHEAD_SECONDS)),
            backoff=BACKOFF,
            metrics=self.metrics,
        )
        workers: list[Worker] = [executor, timer]
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        asyncio.get_running_loop().call_later(WELL_AGAIN, self.well_again.set)
        try:
            yield
        finally:
            for worker in workers:
                worker.drain()
            await asyncio.wait(tasks, timeout=60)

    async def register(self, name: str, per_second: int) -> None:
        """Register tasks that call a function, so many of them due each second."""
        for number in range(per_second * SECONDS):
            task = created(
                FIRST + timedelta(seconds=number / per_second), task_id=f"{name} {number}"
            )
            action = PythonAction(name=name)
            event = replace(task, definition=replace(task.definition, action=action))
            made = envelope(event, made_at=NOON, appended_at=NOON)
            await self.log.append([event_record(Topic.TASKS, number % PARTITIONS, made)])

    async def until_all_ended(self) -> None:
        """Wait until what hung has ended well, as far as it was not given up. Bounded."""
        async with asyncio.timeout(BOUND_SECONDS):
            while self.metrics_total("duetime_runs_total") < HANGING + OTHERS:  # noqa: ASYNC110
                await asyncio.sleep(1)  # virtual: a counter tells nobody that it moved

    def metrics_total(self, name: str) -> float:
        """Give a counter's value over all its labels."""
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name
        )

    async def said(self, topic: Topic) -> list[tuple[int, float, AnyEvent]]:
        """Give what a topic holds: partition, when it was appended, what it says."""
        found = []
        for partition, end in enumerate(await self.log.end_offsets(topic)):
            offset = 0
            while offset < end:
                records, offset = await self.log.read(topic, partition, offset, records_max=10_000)
                for record in records:
                    known = read_event(record)
                    assert isinstance(known, Envelope)
                    at = (record.appended_at - NOON).total_seconds()
                    found.append((partition, at, known.event))
        return found


async def lived_through() -> Stage:
    """Live through it."""
    stage = Stage()
    await stage.register("hang", HANGING_PER_SECOND)
    await stage.register("quick", OTHERS_PER_SECOND)
    async with stage.running():
        await stage.until_all_ended()
    return stage


@pytest.mark.promise("P2")
def test_a_target_that_hangs_makes_the_runs_of_others_less_than_fifty_milliseconds_late() -> None:
    stage = run_virtual(lived_through())

    assert OTHERS == len(stage.late)
    assert max(stage.late) < LATE_SECONDS_MAX
    assert runs_max_of(SLOTS) == stage.alive_max


@pytest.mark.promise("P1", "P3")
def test_the_runs_of_a_target_that_hung_go_back_and_run_once_under_their_ids_in_due_order() -> None:
    async def story() -> tuple[Stage, list[tuple[int, float, AnyEvent]]]:
        stage = await lived_through()
        return stage, [*await stage.said(Topic.DUE), *await stage.said(Topic.EXECUTIONS)]

    stage, said = run_virtual(story())
    ends = [event for _, _, event in said if isinstance(event, TaskExecuted)]
    hung = Counter(end.run_id for end in ends if end.final and end.task_id.startswith("hang"))
    deferred = {end.run_id for end in ends if end.deferred}

    assert HANGING == len(hung)
    assert {1} == set(hung.values()) == set(stage.ended_well.values())
    assert len(deferred) > HANGING / 2
    assert deferred <= set(stage.ended_well)
    assert stage.metrics_total("duetime_deferred_total") == sum(end.deferred for end in ends)
    assert 0 == stage.metrics_total("duetime_redelivered_total")
    assert [] == out_of_turn(stage, said)


def out_of_turn(stage: Stage, said: list[tuple[int, float, AnyEvent]]) -> list[str]:
    """Name who began after a run that was due later, though it was there and waited too."""
    there: dict[str, list[tuple[float, float]]] = {}  # from a TaskDue to a deferral, or for good
    due: dict[str, tuple[int, float]] = {}
    for partition, at, event in sorted(said, key=lambda each: each[1]):
        if isinstance(event, TaskDue) and event.task_id.startswith("hang"):
            due_at = (event.due_at - NOON).total_seconds()
            due[event.run_id] = (partition, due_at)
            # The executor reads it, and looks at `tasks`, within a moment.
            there.setdefault(event.run_id, []).append((max(at, due_at) + 0.3, BOUND_SECONDS))
        elif isinstance(event, TaskExecuted) and event.deferred:
            came, _ = there[event.run_id][-1]
            there[event.run_id][-1] = (came, (event.finished_at - NOON).total_seconds())
    return [
        f"{run} after {other}"
        for run, began in stage.begun.items()
        for other, other_began in stage.begun.items()
        if due[run][0] == due[other][0]
        and due[run][1] < due[other][1]
        and other_began < began
        and any(came <= other_began < gone - 0.01 for came, gone in there[run])
    ]
