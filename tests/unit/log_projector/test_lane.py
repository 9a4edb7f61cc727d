"""The shell around the projection: what one write takes, what goes beside it, who goes first."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import pytest

from duetime.events.types import AnyEvent
from duetime.limits import PRECEDENCE_SECONDS_MAX
from duetime.log.memory import MemoryLog
from duetime.log.port import LogAwayError, Stored
from duetime.log.reading import event_record
from duetime.log.topics import Topic
from duetime.log_projector.lane import Pace, ProjectorLane
from duetime.runtime.clock import ManualClock
from duetime.runtime.precedence import Precedence
from duetime.store.memory import MemoryStore
from duetime.store.port import StoreError, ViewChanges
from tests.support.builders import DAY, NOON, created, due, envelope, executed
from tests.support.records import WAIT_SECONDS, until_it_waits
from tests.support.timers import register

RECORDS_MAX: Final = 10


class CountingStore(MemoryStore):
    """Read models that note how many tasks each write brought, and how many runs."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[int] = []
        self.runs_written: list[int] = []
        self.lets_runs_in = asyncio.Event()
        self.lets_runs_in.set()
        self.asked_for_runs = asyncio.Event()
        self.away = False

    async def write(self, changes: ViewChanges) -> None:
        if changes.runs:
            self.asked_for_runs.set()
            await self.lets_runs_in.wait()
        if self.away:
            raise StoreError("away")
        self.written.append(len(changes.tasks))
        self.runs_written.append(len(changes.runs))
        await super().write(changes)


class Stage:
    """A lane, and a log with so many registrations."""

    def __init__(
        self,
        precedence: Precedence | None = None,
        *,
        tasks_seconds: float = 0.0,
        runs_seconds: float = 0.0,
    ) -> None:
        self.clock = ManualClock(NOON)
        self.woken = asyncio.Event()
        self.log = MemoryLog(1, self.clock.now)
        self.store = CountingStore()
        self.lane = ProjectorLane(
            partition=0,
            log=self.log,
            store=self.store,
            clock=self.clock,
            pace=Pace(
                tasks_seconds=tasks_seconds,
                runs_seconds=runs_seconds,
                records_max=RECORDS_MAX,
                precedence=precedence,
            ),
            watch=self._watch,
            wake=self.woken.set,
        )
        self.waiting_since: datetime | None = None

    def _watch(self, since: datetime | None) -> None:
        self.waiting_since = since

    async def registered(self, count: int) -> Sequence[Stored]:
        """Register so many tasks, and give what the lane is to read."""
        await register(
            self.log, self.clock, *(created(NOON + DAY, task_id=f"task {n}") for n in range(count))
        )
        await self.lane.open()
        records, _ = await self.log.read(Topic.TASKS, 0, 0, records_max=count)
        return records

    async def appended(self, topic: Topic, *events: AnyEvent) -> None:
        """Append, and let the lane take it."""
        start = (await self.log.end_offsets(topic))[0]
        now = self.clock.now()
        records = [
            event_record(topic, 0, envelope(event, made_at=now, appended_at=now))
            for event in events
        ]
        await self.log.append(records)
        inputs, end = await self.log.read(topic, 0, start, records_max=len(events))
        await self.lane.step(inputs, {topic: end})

    async def passed(self, seconds: float) -> None:
        """Let so much time pass, and the lane look what is due."""
        self.clock.set(self.clock.now() + timedelta(seconds=seconds))
        await self.lane.step([], {})

    async def runs_written(self) -> None:
        """Wait until the lane asks for a step: it does when runs were written beside."""
        await asyncio.wait_for(self.woken.wait(), WAIT_SECONDS)
        self.woken.clear()
        await self.lane.step([], {})


async def with_a_run_on_its_way() -> Stage:
    """Give a lane whose first task is written, and the first run being written."""
    stage = Stage(tasks_seconds=0.05, runs_seconds=0.5)
    stage.store.lets_runs_in.clear()
    await stage.lane.open()
    await stage.appended(Topic.TASKS, created(NOON + DAY, task_id="first"))
    await stage.appended(Topic.EXECUTIONS, executed(due(NOON, task_id="first")))
    await asyncio.wait_for(stage.store.asked_for_runs.wait(), WAIT_SECONDS)
    return stage


def test_a_change_is_written_while_runs_are_being_written() -> None:
    async def story() -> Stage:
        stage = await with_a_run_on_its_way()
        await stage.appended(Topic.TASKS, created(NOON + DAY, task_id="second"))
        assert NOON + timedelta(seconds=0.05) == stage.lane.wake_at()
        await stage.passed(0.05)
        assert ([1, 1], [0, 0]) == (stage.store.written, stage.store.runs_written)
        assert {Topic.TASKS: 2, Topic.EXECUTIONS: 0} == stage.lane.done()
        assert NOON == stage.waiting_since, "the run that is being written"

        stage.store.lets_runs_in.set()
        await stage.runs_written()
        return stage

    stage = asyncio.run(story())

    assert ([1, 1, 1], [0, 0, 1]) == (stage.store.written, stage.store.runs_written)
    assert {Topic.TASKS: 2, Topic.EXECUTIONS: 1} == stage.lane.done()
    assert stage.waiting_since is None


def test_it_is_live_with_the_step_after_the_runs_were_written() -> None:
    async def story() -> list[bool]:
        stage = Stage(tasks_seconds=0.05, runs_seconds=0.5)
        run = envelope(executed(due(NOON, task_id="first")), made_at=NOON, appended_at=NOON)
        await stage.log.append([event_record(Topic.EXECUTIONS, 0, run)])
        inputs, end = await stage.log.read(Topic.EXECUTIONS, 0, 0, records_max=1)
        await stage.lane.open()
        live = [stage.lane.live]
        await stage.lane.step(inputs, {Topic.EXECUTIONS: end})
        live.append(stage.lane.live)
        await asyncio.wait_for(stage.woken.wait(), WAIT_SECONDS)
        live.append(stage.lane.live)
        await stage.lane.step([], {})
        return [*live, stage.lane.live]

    assert [False, False, False, True] == asyncio.run(story())


def test_runs_wait_longer_than_changes_and_for_the_runs_before_them() -> None:
    async def story() -> Stage:
        stage = await with_a_run_on_its_way()
        await stage.appended(Topic.EXECUTIONS, executed(due(NOON, task_id="second")))
        await stage.passed(1.0)
        assert [] == stage.store.runs_written[1:], "one write of runs at a time"

        stage.store.lets_runs_in.set()
        await stage.runs_written()
        written_at = stage.clock.now()
        assert written_at + timedelta(seconds=0.5) == stage.lane.wake_at()
        await stage.passed(0.49)
        assert [0, 1] == stage.store.runs_written
        await stage.passed(0.01)
        await stage.runs_written()
        return stage

    stage = asyncio.run(story())

    assert [0, 1, 1] == stage.store.runs_written
    assert {Topic.TASKS: 1, Topic.EXECUTIONS: 2} == stage.lane.done()


def test_a_backlog_is_written_as_one_after_the_runs_on_their_way() -> None:
    async def story() -> Stage:
        stage = await with_a_run_on_its_way()
        await stage.appended(Topic.EXECUTIONS, executed(due(NOON, task_id="second")))
        tasks = [created(NOON + DAY, task_id=f"task {n}") for n in range(RECORDS_MAX - 2)]
        full = asyncio.create_task(stage.appended(Topic.TASKS, *tasks))
        await until_it_waits(full)
        assert [0] == stage.store.runs_written
        stage.store.lets_runs_in.set()
        await asyncio.wait_for(full, WAIT_SECONDS)
        return stage

    stage = asyncio.run(story())

    assert ([1, 1, RECORDS_MAX - 1], [0, 1, 1]) == (stage.store.written, stage.store.runs_written)


def test_runs_that_cannot_be_written_are_heard_of_at_the_next_step() -> None:
    async def story() -> None:
        stage = await with_a_run_on_its_way()
        stage.store.away = True
        stage.store.lets_runs_in.set()
        with pytest.raises(LogAwayError):
            await stage.runs_written()
        assert {Topic.TASKS: 1, Topic.EXECUTIONS: 0} == stage.lane.done()
        await stage.lane.close()

    asyncio.run(story())


@pytest.mark.parametrize("away", [False, True])
def test_closing_gives_up_the_runs_on_their_way(*, away: bool) -> None:
    async def story() -> list[int]:
        stage = await with_a_run_on_its_way()
        if away:
            stage.store.away = True
            stage.store.lets_runs_in.set()
            await asyncio.wait_for(stage.woken.wait(), WAIT_SECONDS)
        await stage.lane.close()
        await stage.lane.close()
        assert 1 == len(asyncio.all_tasks())
        return stage.store.runs_written

    assert [0] == asyncio.run(story())


def test_draining_writes_the_runs_on_their_way_and_what_waits() -> None:
    async def story() -> Stage:
        stage = await with_a_run_on_its_way()
        await stage.appended(Topic.EXECUTIONS, executed(due(NOON, task_id="second")))
        drained = asyncio.create_task(stage.lane.drain())
        await until_it_waits(drained)
        stage.store.lets_runs_in.set()
        await asyncio.wait_for(drained, WAIT_SECONDS)
        return stage

    stage = asyncio.run(story())

    assert {Topic.TASKS: 1, Topic.EXECUTIONS: 2} == stage.lane.done()
    assert [0, 1, 1] == stage.store.runs_written


def test_a_long_inbox_is_written_in_pieces() -> None:
    async def story() -> list[int]:
        stage = Stage()
        inputs = await stage.registered(2 * RECORDS_MAX + 3)
        await stage.lane.step(inputs, {Topic.TASKS: len(inputs)})
        assert len(inputs) == stage.lane.done()[Topic.TASKS]
        return stage.store.written

    assert [RECORDS_MAX, RECORDS_MAX, 3] == asyncio.run(story())


def test_what_has_waited_for_long_gives_way_no_more() -> None:
    async def story() -> list[int]:
        precedence = Precedence()
        stage = Stage(precedence)
        inputs = await stage.registered(1)
        stage.clock.set(NOON + timedelta(seconds=PRECEDENCE_SECONDS_MAX))
        with precedence.taken():
            await stage.lane.step(inputs, {Topic.TASKS: 1})
        return stage.store.written

    assert [1] == asyncio.run(story())


def test_a_write_gives_way() -> None:
    async def story() -> tuple[list[int], list[int]]:
        precedence = Precedence()
        stage = Stage(precedence)
        inputs = await stage.registered(1)
        with precedence.taken():
            step = asyncio.create_task(stage.lane.step(inputs, {Topic.TASKS: 1}))
            await asyncio.sleep(0)
            meanwhile = list(stage.store.written)
        await step
        return meanwhile, stage.store.written

    assert ([], [1]) == asyncio.run(story())
