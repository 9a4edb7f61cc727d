"""A lane that writes down what happens to it, and a worker around it on virtual time.

Knows the lane protocol and the memory log; decides nothing. Faults are given to it by the test.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from duetime.log.memory import MemoryLog
from duetime.log.port import Record, Stored, Subscription, TopicOffsets
from duetime.log.topics import Topic
from duetime.runtime.backoff import Backoff
from duetime.runtime.worker import Reads, Wake, Worker
from duetime.telemetry.metrics import Metrics
from tests.support.builders import NOON

BACKOFF: Final = Backoff(first_seconds=0.5, seconds_max=4.0, fraction=lambda: 0.0)


class VirtualClock:
    """The wall clock of a virtual loop; `skew` is by how much somebody has set it."""

    def __init__(self) -> None:
        """Start at noon."""
        self.skew = timedelta(0)

    def now(self) -> datetime:
        """Give noon plus the loop's time."""
        return NOON + timedelta(seconds=asyncio.get_running_loop().time()) + self.skew


class RecordingLane:
    """Reads from the beginning and writes down offsets and times."""

    def __init__(self, stage: "Stage", partition: int, subscription: Subscription) -> None:
        """Begin closed."""
        self.stage = stage
        self.partition = partition
        self.subscription = subscription
        self.offsets: list[int] = []
        self.stepped_at: list[float] = []
        self.wakes_at: datetime | None = None
        self.has_done: TopicOffsets | None = None
        self.opened = self.drained = self.closed = False

    @property
    def live(self) -> bool:
        """Live once opened."""
        return self.opened

    async def open(self) -> TopicOffsets:
        """Ask for everything."""
        await self.stage.on_open(self)
        self.opened = True
        return {Topic.TASKS: 0}

    async def step(self, inputs: Sequence[Stored], positions: TopicOffsets) -> None:
        """Take what came."""
        del positions
        self.stepped_at.append(asyncio.get_running_loop().time())
        self.offsets += [record.offset for record in inputs]
        await self.stage.on_step(self)

    def wake_at(self) -> datetime | None:
        """Say what the test wants."""
        return self.wakes_at

    def done(self) -> TopicOffsets | None:
        """Say what the test wants."""
        return self.has_done

    async def drain(self) -> None:
        """Note it."""
        self.drained = True

    async def close(self) -> None:
        """Note it."""
        await self.stage.on_close(self)
        self.closed = True


async def _nothing(lane: RecordingLane) -> None:
    del lane


Doing = Callable[[RecordingLane], Awaitable[None]]


class Stage:
    """A log of two partitions, a worker, and every lane that it ever made."""

    def __init__(self, *, partitions: int = 2) -> None:
        """Begin with an empty log."""
        self.clock = VirtualClock()
        self.log = MemoryLog(partitions, self.clock.now)
        self.lanes: list[RecordingLane] = []
        self.on_open: Doing = _nothing
        self.on_step: Doing = _nothing
        self.on_close: Doing = _nothing
        self.worker = self.another_worker()

    def another_worker(self) -> Worker:
        """Make a member of the same group."""

        def lane(partition: int, subscription: Subscription, wake: Wake) -> RecordingLane:
            del wake
            made = RecordingLane(self, partition, subscription)
            self.lanes.append(made)
            return made

        return Worker(
            name="test",
            log=self.log,
            reads=Reads([Topic.TASKS]),
            clock=self.clock,
            lane=lane,
            backoff=BACKOFF,
            metrics=Metrics(),
        )

    async def append(self, count: int, *, partition: int = 0) -> None:
        """Append so many records."""
        record = Record(topic=Topic.TASKS, partition=partition, key=b"k", value=b"v")
        await self.log.append([record] * count)

    def of(self, partition: int) -> list[RecordingLane]:
        """Give the lanes that a partition had, in their order."""
        return [lane for lane in self.lanes if lane.partition == partition]

    @asynccontextmanager
    async def running(self, worker: Worker | None = None) -> AsyncIterator["asyncio.Task[None]"]:
        """Run a worker, and drain it in the end."""
        worker = worker or self.worker
        task = asyncio.create_task(worker.run())
        await asyncio.sleep(0.1)
        try:
            yield task
        finally:
            worker.drain()
            await asyncio.wait([task], timeout=60)
