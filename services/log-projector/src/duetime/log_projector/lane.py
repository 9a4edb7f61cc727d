"""The shell around the projection: one partition of `tasks` and `executions` into the read models.

Knows the log, the store's port and when to flush; what events become is in `core`.
Everything is idempotent, so a crash between effects and positions only repeats. The topics' order
does not matter, so runs, for which nobody waits, are written beside the changes of tasks.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from duetime.events.envelope import Envelope, Unreadable
from duetime.limits import FLUSH_RECORDS_MAX, PRECEDENCE_SECONDS_MAX, VIEWS_LOOK_SECONDS
from duetime.log.port import Log, LogAwayError, Stored, TopicOffsets
from duetime.log.reading import read_event
from duetime.log.topics import Topic
from duetime.log_projector.core import project, touched
from duetime.runtime.clock import Clock
from duetime.runtime.precedence import Precedence
from duetime.store.port import Store, StoreError, TopicPartition

_YOUNG: Final = timedelta(seconds=PRECEDENCE_SECONDS_MAX)
_LOOK: Final = timedelta(seconds=VIEWS_LOOK_SECONDS)
PROJECTOR_TOPICS: Final = (Topic.TASKS, Topic.EXECUTIONS)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long what came waits for company: changes of tasks, and runs.

    The api waits until a change of a task can be read; nobody waits like that for a run.
    No write takes more than `records_max` events. `precedence`: who goes before all of it.
    """

    tasks_seconds: float
    runs_seconds: float
    records_max: int = FLUSH_RECORDS_MAX
    precedence: Precedence | None = None

    def of(self, topic: Topic) -> timedelta:
        """Give how long after the last write of a topic the next one comes."""
        changes = topic is Topic.TASKS
        return timedelta(seconds=self.tasks_seconds if changes else self.runs_seconds)


class ProjectorLane:
    """One partition's projection."""

    def __init__(
        self,
        *,
        partition: int,
        log: Log,
        store: Store,
        clock: Clock,
        pace: Pace,
        watch: Callable[[datetime | None], None],
        wake: Callable[[], None],
    ) -> None:
        """Make the lane.

        `watch` is told when the oldest event was appended that is not in the read models; None:
        all are. `wake` is called when runs were written beside.
        """
        self._partition = partition
        self._log = log
        self._store = store
        self._clock = clock
        self._pace = pace
        self._watch = watch
        self._wake = wake
        self._pending: dict[Topic, list[Envelope | Unreadable]] = {}
        self._positions: dict[Topic, int] = {}
        self._written: dict[Topic, int] = {}
        self._ends: dict[Topic, int] = {}
        self._flushed_at: dict[Topic, datetime] = {}
        self._looked_at = clock.now()
        self._live = False
        self._beside: asyncio.Task[None] | None = None  # writes runs

    @property
    def live(self) -> bool:
        """Whether it has written everything up to the ends that it saw when it began."""
        return self._live

    async def open(self) -> TopicOffsets:
        """Say where the read models stand."""
        try:
            stored = await self._store.positions()
        except StoreError as fault:
            message = "the read models cannot be read"
            raise LogAwayError(message) from fault  # opened anew, as after a failed write
        for topic in PROJECTOR_TOPICS:
            at = stored.get(TopicPartition(topic, self._partition), 0)
            self._pending[topic] = []
            self._positions[topic] = self._written[topic] = at
            self._ends[topic] = (await self._log.end_offsets(topic))[self._partition]
        self._live = self._at_the_ends()
        return {topic: self._positions[topic] for topic in PROJECTOR_TOPICS}

    async def step(self, inputs: Sequence[Stored], positions: TopicOffsets) -> None:
        """Take what came; write of each topic what has waited long enough."""
        if self._beside is not None and self._beside.done():
            await self._settle()  # no wait: it says how that went
        for record in inputs:
            if record.offset >= self._positions[record.topic]:
                self._pending[record.topic].append(read_event(record))
                self._positions[record.topic] = record.offset + 1
                if self._is_full():
                    await self._write_all()
        for topic, offset in positions.items():
            self._positions[topic] = max(self._positions[topic], offset)
        self._watch(self._waiting_since())
        due = self._due()
        if Topic.EXECUTIONS in due:
            self._beside = asyncio.create_task(
                self._write([Topic.EXECUTIONS]), name=f"runs of {self._partition}"
            )
            self._beside.add_done_callback(lambda _: self._wake())
        if Topic.TASKS in due:
            await self._write([Topic.TASKS])
        elif not self._looked_at <= self._clock.now() < self._looked_at + _LOOK:
            await self._look()
        # Here alone, also for runs written beside: the worker looks whether a step has made it so.
        self._live = self._live or self._at_the_ends()

    def wake_at(self) -> datetime | None:
        """Say when the next write is due, or the next look at what was written."""
        waiting = [topic for topic in self._waiting() if topic in self._flushed_at]
        flushes = (self._flushed_at[topic] + self._pace.of(topic) for topic in waiting)
        return min(flushes, default=self._looked_at + _LOOK)

    def done(self) -> TopicOffsets:
        """Say how far the read models are written."""
        return dict(self._written)

    async def drain(self) -> None:
        """Write what is pending."""
        await self._write_all()

    async def close(self) -> None:
        """Give up what is under way: what was not written is read again."""
        if self._beside is not None:
            self._beside.cancel()
            await asyncio.wait([self._beside])
            if not self._beside.cancelled():
                self._beside.exception()  # whatever it was, it is over with this lane
            self._beside = None

    def _is_full(self) -> bool:
        return sum(map(len, self._pending.values())) >= self._pace.records_max

    def _unwritten(self) -> Sequence[Topic]:
        return [topic for topic, at in self._positions.items() if at != self._written[topic]]

    def _waiting(self) -> Sequence[Topic]:
        """Name the topics of which something is neither written nor under way."""
        unwritten = self._unwritten()
        if self._beside is None:
            return unwritten
        return [topic for topic in unwritten if topic is not Topic.EXECUTIONS]

    def _due(self) -> Sequence[Topic]:
        """Name the topics to be written now."""
        now = self._clock.now()
        return [topic for topic in self._waiting() if self._is_due(topic, now)]

    def _is_due(self, topic: Topic, now: datetime) -> bool:
        flushed_at = self._flushed_at.get(topic)
        return flushed_at is None or not flushed_at <= now < flushed_at + self._pace.of(topic)

    async def _settle(self) -> None:
        """Wait until the runs are written that are being written. Raises LogAwayError."""
        if self._beside is not None:
            await asyncio.wait([self._beside])
            beside, self._beside = self._beside, None
            beside.result()

    async def _write_all(self) -> None:
        """Write all that is pending as one: in a backlog both topics are about the same tasks."""
        await self._settle()
        unwritten = self._unwritten()
        if unwritten:
            await self._write(unwritten)

    async def _write(self, topics: Sequence[Topic]) -> None:
        if self._pace.precedence is not None and self._is_young():
            await self._pace.precedence.give_way()
        counts = {topic: len(self._pending[topic]) for topic in topics}  # more may come meanwhile
        written = {topic: self._positions[topic] for topic in topics}
        events = [event for topic in topics for event in self._pending[topic]]
        positions = {
            TopicPartition(topic, self._partition): offset for topic, offset in written.items()
        }
        try:
            documents = await self._store.load(touched(events))
            await self._store.write(project(documents, events, positions))
        except StoreError as fault:
            # The read models are away: the lane is opened anew, from the positions they have.
            message = "the read models cannot be written"
            raise LogAwayError(message) from fault
        self._written |= written
        self._looked_at = self._clock.now()
        for topic, count in counts.items():
            del self._pending[topic][:count]
            self._flushed_at[topic] = self._looked_at
        self._watch(self._waiting_since())

    def _is_young(self) -> bool:
        """Whether what waits may wait for others: a flood without end must still be seen."""
        since = self._waiting_since()
        return since is None or self._clock.now() < since + _YOUNG

    async def _look(self) -> None:
        """See whether the read models still have what was written: an idle partition's only way.

        Raises LogAwayError where they were lost, so that the lane is opened anew.
        """
        self._looked_at = self._clock.now()
        try:
            stored = await self._store.positions()
        except StoreError:
            return  # away: nothing is known, and there is nothing to write
        for topic, written in self._written.items():
            if stored.get(TopicPartition(topic, self._partition), 0) < written:
                message = "the read models were lost"
                raise LogAwayError(message)

    def _waiting_since(self) -> datetime | None:
        firsts = (
            next((each.appended_at for each in events if isinstance(each, Envelope)), None)
            for events in self._pending.values()
        )
        return min((at for at in firsts if at is not None), default=None)

    def _at_the_ends(self) -> bool:
        return all(self._written[topic] >= end for topic, end in self._ends.items())
