"""Timers of one partition on a shared log, each with the indexes of a process of its own.

Knows the timer's lane and how its worker drives it; decides nothing. `run` folds what the log holds
and lets the timer say what it has to say, until it comes to rest.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from duetime.events.types import AnyEvent
from duetime.log.memory import MemoryLog
from duetime.log.port import Accepted, Log, Stored, Tail
from duetime.log.reading import event_record
from duetime.log.topics import Topic
from duetime.runtime.clock import ManualClock
from duetime.timer.changelog import Changelog
from duetime.timer.core import Leaving
from duetime.timer.due_index import DueIndex, MemoryDueIndex
from duetime.timer.indexes import Indexes
from duetime.timer.lane import TIMER_TOPICS, TimerLane, Watch
from duetime.timer.restore import restore, rule_of
from tests.support.builders import envelope

NO_LOOKAHEAD: Final = timedelta(0)
States = Mapping[str, str]
"""The canonical JSON of tasks' states, by id, in order."""
_RECORDS_MAX: Final = 1_000_000
_STEPS_MAX: Final = 1_000


class ReadingLog(MemoryLog):
    """A log that remembers from where its changelog was read, and how much of it."""

    def __init__(self, now: Callable[[], datetime], *, partitions: int = 1) -> None:
        super().__init__(partitions, now)
        self.reads: list[tuple[int, int]] = []  # from which offset, how many records
        self._held: HeldTails | None = None

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        found = await super().read(topic, partition, start, records_max=records_max)
        if topic is Topic.SCHEDULE:
            self.reads.append((start, len(found[0])))
        return found

    def replayed(self) -> int:
        """Give how many records of the changelog were read since the last time."""
        count = sum(number for _, number in self.reads)
        self.reads.clear()
        return count

    def hold_tails(self) -> "HeldTails":
        """Have the tails that are opened from now on bring nothing until they are let go."""
        self._held = HeldTails()
        return self._held

    async def tail(
        self,
        topics: Sequence[Topic],
        start: Mapping[tuple[Topic, int], int] | None = None,
        *,
        gather_seconds: float = 0.0,
    ) -> Tail:
        found = await super().tail(topics, start, gather_seconds=gather_seconds)
        return found if self._held is None else self._held.hold(found)


class HeldTails:
    """Tails that bring nothing until they are let go, and how many were opened."""

    def __init__(self) -> None:
        """Begin with none."""
        self.opened = 0
        self._gone = asyncio.Event()

    def hold(self, tail: Tail) -> Tail:
        """Hold a tail."""
        self.opened += 1
        return _HeldTail(tail, self._gone)

    def let_go(self) -> None:
        """Let them bring what there is."""
        self._gone.set()


class _HeldTail:
    def __init__(self, tail: Tail, gone: asyncio.Event) -> None:
        self._tail, self._gone = tail, gone

    async def poll(self, *, records_max: int, wait_seconds: float) -> Sequence[Stored]:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                await self._gone.wait()
        if not self._gone.is_set():
            return []
        return await self._tail.poll(records_max=records_max, wait_seconds=wait_seconds)

    async def close(self) -> None:
        await self._tail.close()


class Timer:
    """One process's timer of one partition."""

    def __init__(
        self,
        log: Log,
        clock: ManualClock,
        *,
        name: str = "timer-1",
        indexes: Indexes | None = None,
        partition: int = 0,
    ) -> None:
        """Make it; `open` takes the partition up."""
        self.log = log
        self.clock = clock
        self.partition = partition
        self.indexes = indexes or Indexes(lambda _partition: MemoryDueIndex())
        self.dead: list[Topic] = []  # the topics of the records that it has set aside
        self.lane = TimerLane(
            partition=partition,
            log=log,
            clock=clock,
            source=name,
            indexes=self.indexes,
            leaving=Leaving(NO_LOOKAHEAD),
            watch=Watch(lambda _decided: None, self.dead.append),
        )
        self._offsets: dict[Topic, int] = {}

    @property
    def index(self) -> DueIndex:
        """The index that it works with."""
        return self.indexes.of(self.partition)

    async def open(self) -> "Timer":
        """Take the partition up, fold everything, and come to rest."""
        self._offsets = dict(await self.lane.open())
        return await self.run()

    async def run(self) -> "Timer":
        """Fold what is new, and say what there is to say now."""
        for _ in range(_STEPS_MAX):
            inputs: list[Stored] = []
            for topic in TIMER_TOPICS:
                start = self._offsets[topic]
                records, self._offsets[topic] = await self.log.read(
                    topic, self.partition, start, records_max=_RECORDS_MAX
                )
                inputs += records
            await self.lane.step(inputs, self._offsets)
            wake_at = self.lane.wake_at()
            if not inputs and (wake_at is None or wake_at > self.clock.now()):
                return self
        raise AssertionError("the timer never comes to rest")

    async def at(self, now: datetime) -> "Timer":
        """Let it be `now`."""
        self.clock.set(now)
        return await self.run()

    async def close(self) -> None:
        """Let go of the partition, as a process does that loses it."""
        await self.lane.close()


async def register(log: Log, clock: ManualClock, *events: AnyEvent, partition: int = 0) -> None:
    """Append events to `tasks` now."""
    now = clock.now()
    records = [
        event_record(Topic.TASKS, partition, envelope(event, made_at=now, appended_at=now))
        for event in events
    ]
    outcomes = await log.append(records)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


async def changelog_states(log: Log, partition: int = 0) -> States:
    """Give the states that the changelog holds: what everybody must agree with."""
    index = MemoryDueIndex()
    await replay(log, index, partition)
    return await states(log, index, partition)


async def replay(
    log: Log, index: DueIndex, partition: int = 0, *, turns: asyncio.Semaphore | None = None
) -> None:
    """Bring an index up to the end of the changelog, a long way only in turn; all is readable."""
    await Changelog(
        partition=partition,
        log=log,
        clock=ManualClock(datetime.fromisoformat("2026-06-01T12:00:00+00:00")),
        index=index,
        rule=rule_of(NO_LOOKAHEAD),
        restore=partial(restore, index, lookahead=NO_LOOKAHEAD),
        mine=lambda: True,
    ).catch_up(turns or asyncio.Semaphore(1))
    assert index.mark is not None
    assert () == index.mark.passed_over


async def states(log: Log, index: DueIndex, partition: int = 0) -> States:
    """Give what an index holds of every task that the log of tasks has ever named."""
    records, _ = await log.read(Topic.TASKS, partition, 0, records_max=_RECORDS_MAX)
    named = sorted({record.key.decode() for record in records if record.key is not None})
    found = {task_id: index.get(task_id) for task_id in named}
    return {
        task_id: json.dumps(json.loads(state), sort_keys=True)
        for task_id, state in found.items()
        if state is not None
    }
