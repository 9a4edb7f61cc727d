"""What services tell of themselves in figures, on virtual time: alerts ring by nothing else."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from typing_extensions import override

from duetime.events.types import AnyEvent, LogAction, PythonAction, TaskDue
from duetime.executor.actions.log import LogActions
from duetime.executor.actions.port import Begin
from duetime.executor.service import executor_service
from duetime.limits import LEASE_SECONDS, LOOKAHEAD_SECONDS
from duetime.log.memory import MemoryLog
from duetime.log.port import Accepted
from duetime.log.reading import event_record
from duetime.log.topics import Topic
from duetime.log_projector.lane import Pace
from duetime.log_projector.service import projector_service
from duetime.runtime.worker import Worker
from duetime.store.memory import MemoryStore
from duetime.store.port import StoreError, TopicPartition, ViewChanges
from duetime.telemetry.metrics import Metrics
from duetime.timer.core import Leaving
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.indexes import Indexes
from duetime.timer.service import timer_service
from tests.support.builders import NOON, SECOND, A, B, created, due, envelope
from tests.support.virtual_loop import run_virtual
from tests.unit.runtime.lanes import BACKOFF, VirtualClock

PACKAGES: Final = Path(__file__).parents[3]
HOLD: Final = PythonAction(name="hold", args={})
METRICS: Final = "shared/src/duetime/telemetry/metrics.py"


class Held:
    """An action that ends when the test says so."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    def target(self, due: TaskDue) -> None:
        """Act on nothing that has a limit."""

    async def perform(self, due: TaskDue, begin: Begin) -> str | None:
        del due
        begin()
        await self.may_end.wait()
        return None

    async def close(self) -> None:
        """Holds nothing."""


class LeavingStore(MemoryStore):
    """Read models that can be away."""

    away = False

    @override
    async def positions(self) -> Mapping[TopicPartition, int]:
        if self.away:
            raise StoreError("away")
        return await super().positions()

    @override
    async def write(self, changes: ViewChanges) -> None:
        if self.away:
            raise StoreError("away")
        await super().write(changes)


class Stage:
    """A log of one partition, and what is told."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.log = MemoryLog(1, self.clock.now)
        self.metrics = Metrics()

    def told(self, name: str) -> float:
        value = self.metrics.registry.get_sample_value(name)
        assert value is not None
        return value

    async def append(self, topic: Topic, *events: AnyEvent) -> None:
        now = self.clock.now()
        records = [
            event_record(topic, 0, envelope(event, made_at=now, appended_at=now))
            for event in events
        ]
        outcomes = await self.log.append(records)
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)

    @asynccontextmanager
    async def running(self, worker: Worker) -> AsyncIterator[None]:
        task = asyncio.create_task(worker.run())
        await asyncio.sleep(1)
        try:
            yield
        finally:
            worker.drain()
            await asyncio.wait([task], timeout=60)


@pytest.mark.promise("P2")
def test_runs_that_wait_for_a_slot_are_the_backlog_until_they_start() -> None:
    async def story() -> None:
        stage, held = Stage(), Held()
        worker = executor_service(
            log=stage.log,
            clock=stage.clock,
            name="executor-1",
            actions={PythonAction: held},
            concurrency=1,
            backoff=BACKOFF,
            metrics=stage.metrics,
        )
        async with stage.running(worker):
            at = NOON + 3 * SECOND
            words = [due(at, run_id=name, action=HOLD) for name in ("r1", "r2", "r3")]
            await stage.append(Topic.DUE, *words)
            await asyncio.sleep(1)
            assert 0 == stage.told("duetime_due_backlog")
            await asyncio.sleep(3)
            assert 2 == stage.told("duetime_due_backlog")
            held.may_end.set()
            await asyncio.sleep(1)
            assert 0 == stage.told("duetime_due_backlog")

    run_virtual(story())


@pytest.mark.promise("P2")
def test_a_run_that_a_change_takes_back_is_no_backlog() -> None:
    async def story() -> None:
        stage, held = Stage(), Held()
        worker = executor_service(
            log=stage.log,
            clock=stage.clock,
            name="executor-1",
            actions={PythonAction: held, LogAction: LogActions()},
            concurrency=1,
            backoff=BACKOFF,
            metrics=stage.metrics,
        )
        async with stage.running(worker):
            await stage.append(Topic.DUE, due(NOON + 2 * SECOND, task_id=A, action=HOLD))
            await stage.append(
                Topic.DUE, due(NOON + 3 * SECOND, task_id=B, action=HOLD, based_on=0)
            )
            await stage.append(Topic.TASKS, created(task_id=B))
            await asyncio.sleep(5)
            assert 0 == stage.told("duetime_due_backlog")
            held.may_end.set()

    run_virtual(story())


@pytest.mark.promise("P3")
def test_a_run_of_which_nothing_is_heard_counts_as_emitted_again() -> None:
    async def story() -> None:
        stage = Stage()
        worker = timer_service(
            log=stage.log,
            clock=stage.clock,
            name="timer-1",
            indexes=Indexes(lambda _partition: MemoryDueIndex()),
            leaving=Leaving(timedelta(seconds=LOOKAHEAD_SECONDS)),
            backoff=BACKOFF,
            metrics=stage.metrics,
        )
        async with stage.running(worker):
            await stage.append(Topic.TASKS, created(NOON + 10 * SECOND))
            await asyncio.sleep(20)
            assert 0 == stage.told("duetime_redelivered_total")
            await asyncio.sleep(LEASE_SECONDS)
            assert 1 == stage.told("duetime_redelivered_total")

    run_virtual(story())


@pytest.mark.promise("P6")
def test_the_lag_of_the_read_models_grows_while_they_are_away_and_ends_with_it() -> None:
    async def story() -> None:
        stage, store = Stage(), LeavingStore()
        worker = projector_service(
            log=stage.log,
            store=store,
            clock=stage.clock,
            pace=Pace(tasks_seconds=0.2, runs_seconds=0.5),
            backoff=BACKOFF,
            metrics=stage.metrics,
        )
        async with stage.running(worker):
            await stage.append(Topic.TASKS, created(task_id=A))
            await asyncio.sleep(2)
            assert 0 == stage.told("duetime_projection_lag_seconds")
            store.away = True
            await stage.append(Topic.TASKS, created(task_id=B))
            await asyncio.sleep(60)
            assert 59 < stage.told("duetime_projection_lag_seconds") <= 60
            store.away = False
            await asyncio.sleep(10)
            assert 0 == stage.told("duetime_projection_lag_seconds")

    run_virtual(story())


def test_every_metric_that_is_declared_is_set_somewhere() -> None:
    declared = {
        name for name, value in vars(Metrics()).items() if name != "registry" and value is not None
    }
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("shared", "services", "embedded")
        for path in (PACKAGES / folder).rglob("*.py")
        if not path.as_posix().endswith(METRICS)
    ]
    used = {name for text in sources for name in re.findall(r"\b_?metrics\.(\w+)", text)}

    assert set() == declared - used
