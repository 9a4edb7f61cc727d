"""The lag of timers and projectors, as monitors see it: what they begin from lies elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest

from duetime.events.envelope import Envelope
from duetime.events.types import AnyEvent, TaskDue
from duetime.limits import LAG_TOLD_SECONDS
from duetime.log.memory import MemoryLog
from duetime.log.port import Accepted, Commit
from duetime.log.reading import event_record, read_event
from duetime.log.topics import Topic
from duetime.log_projector.lane import Pace
from duetime.log_projector.service import GROUP as PROJECTORS
from duetime.log_projector.service import projector_service
from duetime.runtime.clock import ManualClock
from duetime.runtime.worker import Reads, Worker
from duetime.telemetry.metrics import Metrics
from duetime.timer.core import Leaving
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.indexes import Indexes
from duetime.timer.lane import TIMER_TOPICS, TimerLane, Watch
from duetime.timer.service import GROUP as TIMERS
from tests.support.builders import NOON, SECOND, A, B, created, envelope, executed
from tests.support.timers import NO_LOOKAHEAD, Timer, register
from tests.support.virtual_loop import run_virtual
from tests.unit.runtime.lanes import BACKOFF, VirtualClock
from tests.unit.runtime.test_what_is_told import LeavingStore

IN_TIME = LAG_TOLD_SECONDS + 1.0
LATER = NOON + 3600 * SECOND
READ = (Topic.TASKS, Topic.EXECUTIONS)


class Stage:
    """A log of one partition, and one timer or projector at a time."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.log = MemoryLog(1, self.clock.now)
        self.store = LeavingStore()

    def worker(self, group: str) -> Worker:
        """Make a process's member of a group, which knows nothing beforehand."""
        if group == PROJECTORS:
            return projector_service(
                log=self.log,
                store=self.store,
                clock=self.clock,
                pace=Pace(tasks_seconds=0.05, runs_seconds=0.5),
                backoff=BACKOFF,
                metrics=Metrics(),
            )
        indexes = Indexes(lambda _partition: MemoryDueIndex())
        return Worker(
            name=TIMERS,
            log=self.log,
            reads=Reads(TIMER_TOPICS),
            clock=self.clock,
            lane=lambda partition, _subscription, _wake: TimerLane(
                partition=partition,
                log=self.log,
                clock=self.clock,
                source="timer-1",
                indexes=indexes,
                leaving=Leaving(NO_LOOKAHEAD),
                watch=Watch(lambda _decided: None, lambda _topic: None),
            ),
            backoff=BACKOFF,
            metrics=Metrics(),
        )

    @asynccontextmanager
    async def running(self, group: str) -> AsyncIterator[None]:
        worker = self.worker(group)
        task = asyncio.create_task(worker.run())
        await asyncio.sleep(1)
        try:
            yield
        finally:
            worker.drain()
            await asyncio.wait([task], timeout=60)

    async def append(self, topic: Topic, *events: AnyEvent) -> None:
        now = self.clock.now()
        records = [
            event_record(topic, 0, envelope(event, made_at=now, appended_at=now))
            for event in events
        ]
        outcomes = await self.log.append(records)
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)

    async def lag(self, group: str) -> Mapping[Topic, int]:
        """Give what a monitor sees: the ends, less what the group has committed."""
        committed = self.log._hub.committed(group, 0)
        ends = {topic: (await self.log.end_offsets(topic))[0] for topic in READ}
        return {topic: end - committed.get(topic, Commit(0)).offset for topic, end in ends.items()}

    async def claim(self, group: str, offset: int) -> None:
        """Commit in a group's name what is not true."""
        member = await self.log.subscribe(group, READ)
        await member.poll(records_max=1, wait_seconds=1.0)
        await member.commit(0, dict.fromkeys(READ, Commit(offset)))
        await member.close()

    async def due(self) -> Sequence[TaskDue]:
        records, _ = await self.log.read(Topic.DUE, 0, 0, records_max=100)
        found = [read_event(record) for record in records]
        return [
            each.event
            for each in found
            if isinstance(each, Envelope) and isinstance(each.event, TaskDue)
        ]


@pytest.mark.parametrize("group", [TIMERS, PROJECTORS])
def test_a_group_that_has_read_everything_has_no_lag(group: str) -> None:
    async def story() -> None:
        stage = Stage()
        async with stage.running(TIMERS):
            await stage.append(Topic.TASKS, created(NOON + SECOND, task_id=A))
            await asyncio.sleep(3)
            await stage.append(Topic.EXECUTIONS, *[executed(each) for each in await stage.due()])
        async with stage.running(group):
            await stage.append(Topic.TASKS, created(LATER, task_id=B))
            # Of what changes nothing nothing is written, and yet it has been read.
            await stage.append(Topic.TASKS, created(LATER, task_id=B))
            await asyncio.sleep(IN_TIME)

            assert {Topic.TASKS: 0, Topic.EXECUTIONS: 0} == await stage.lag(group)

    run_virtual(story())


@pytest.mark.parametrize("group", [TIMERS, PROJECTORS])
def test_a_process_that_leaves_has_told_its_last(group: str) -> None:
    async def story() -> None:
        stage = Stage()
        async with stage.running(group):
            await stage.append(Topic.TASKS, created(LATER))
            await asyncio.sleep(1)

            assert 1 == (await stage.lag(group))[Topic.TASKS]
        assert 0 == (await stage.lag(group))[Topic.TASKS]

    run_virtual(story())


def test_what_is_not_in_the_read_models_is_lag_as_long_as_it_lasts() -> None:
    async def story() -> None:
        stage = Stage()
        async with stage.running(PROJECTORS):
            await stage.append(Topic.TASKS, created(LATER, task_id=A))
            await asyncio.sleep(IN_TIME)
            stage.store.away = True
            await stage.append(Topic.TASKS, created(LATER, task_id=B))
            await asyncio.sleep(5 * IN_TIME)
            assert 1 == (await stage.lag(PROJECTORS))[Topic.TASKS]
            stage.store.away = False
            await asyncio.sleep(2 * IN_TIME)
            assert 0 == (await stage.lag(PROJECTORS))[Topic.TASKS]

    run_virtual(story())


@pytest.mark.parametrize("claimed", [0, 1_000])
def test_nothing_is_begun_from_what_a_group_was_told(claimed: int) -> None:
    async def story() -> None:
        stage = Stage()
        for group in (TIMERS, PROJECTORS):
            await stage.claim(group, claimed)
        await stage.append(Topic.TASKS, created(NOON + 5 * SECOND))
        for _ in range(2):  # the second time all has been done
            async with stage.running(TIMERS), stage.running(PROJECTORS):
                await asyncio.sleep(10)
            for group in (TIMERS, PROJECTORS):
                assert 0 == (await stage.lag(group))[Topic.TASKS]
                await stage.claim(group, claimed)

        assert [A] == [each.task_id for each in await stage.due()]
        assert [A] == [task.task_id for task in (await stage.store.tasks(items_max=10)).items]

    run_virtual(story())


async def test_what_a_timer_has_folded_and_not_written_is_not_done() -> None:
    clock = ManualClock(NOON)
    log = MemoryLog(1, clock.now)
    timer = await Timer(log, clock).open()
    await register(log, clock, created(LATER, task_id=A))
    await timer.run()
    await register(log, clock, created(LATER, task_id=B))
    await timer.run()  # the next transaction waits for its tick
    before = timer.lane.done()[Topic.TASKS]
    await timer.at(NOON + SECOND)

    assert 1 == before
    assert 2 == timer.lane.done()[Topic.TASKS]
