"""The shell around the projection: how much one write takes, and whom it gives way to."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from duetime.limits import PRECEDENCE_SECONDS_MAX
from duetime.log.memory import MemoryLog
from duetime.log.port import Stored
from duetime.log.topics import Topic
from duetime.log_projector.lane import Pace, ProjectorLane
from duetime.runtime.clock import ManualClock
from duetime.runtime.precedence import Precedence
from duetime.store.memory import MemoryStore
from duetime.store.port import ViewChanges
from tests.support.builders import DAY, NOON, created
from tests.support.timers import register

RECORDS_MAX: Final = 10


class CountingStore(MemoryStore):
    """Read models that note how many tasks each write brought."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[int] = []

    async def write(self, changes: ViewChanges) -> None:
        self.written.append(len(changes.tasks))
        await super().write(changes)


class Stage:
    """A lane, and a log with so many registrations."""

    def __init__(self, precedence: Precedence | None = None) -> None:
        self.clock = ManualClock(NOON)
        self.log = MemoryLog(1, self.clock.now)
        self.store = CountingStore()
        self.lane = ProjectorLane(
            partition=0,
            log=self.log,
            store=self.store,
            clock=self.clock,
            pace=Pace(
                tasks_seconds=0.0, runs_seconds=0.0, records_max=RECORDS_MAX, precedence=precedence
            ),
            watch=lambda _since: None,
        )

    async def registered(self, count: int) -> Sequence[Stored]:
        """Register so many tasks, and give what the lane is to read."""
        await register(
            self.log, self.clock, *(created(NOON + DAY, task_id=f"task {n}") for n in range(count))
        )
        await self.lane.open()
        records, _ = await self.log.read(Topic.TASKS, 0, 0, records_max=count)
        return records


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
