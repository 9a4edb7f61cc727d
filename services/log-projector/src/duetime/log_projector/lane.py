"""The shell around the projection: one partition of `tasks` and `executions` into the read models.

Knows the log, the store's port and when to flush; what events become is in `core`.
Everything is idempotent, so a crash between effects and positions only repeats.
"""

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
    """How long a write waits for company: one that changes tasks, and one of runs alone.

    The api waits until a change of a task can be read; nobody waits like that for a run.
    No write takes more than `records_max` events. `precedence`: who goes before all of it.
    """

    tasks_seconds: float
    runs_seconds: float
    records_max: int = FLUSH_RECORDS_MAX
    precedence: Precedence | None = None


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
    ) -> None:
        """Make the lane.

        `watch` is told when the oldest event was appended that is not in the read models; None:
        all are.
        """
        self._partition = partition
        self._log = log
        self._store = store
        self._clock = clock
        self._pace = pace
        self._watch = watch
        self._pending: list[Envelope | Unreadable] = []
        self._positions: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self._flushed_at: datetime | None = None
        self._looked_at = clock.now()
        self._live = False

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
            self._positions[topic] = self._written[topic] = at
            self._ends[topic] = (await self._log.end_offsets(topic))[self._partition]
        self._live = self._at_the_ends()
        return {topic: self._positions[topic] for topic in PROJECTOR_TOPICS}

    async def step(self, inputs: Sequence[Stored], positions: TopicOffsets) -> None:
        """Take what came; write it when the last write lies long enough back."""
        for record in inputs:
            if record.offset >= self._positions[record.topic]:
                self._pending.append(read_event(record))
                self._positions[record.topic] = record.offset + 1
                if len(self._pending) >= self._pace.records_max:
                    await self._write()
        for topic, offset in positions.items():
            self._positions[topic] = max(self._positions[topic], offset)
        self._watch(self._waiting_since())
        if self._flush_due():
            await self._write()
        elif not self._looked_at <= self._clock.now() < self._looked_at + _LOOK:
            await self._look()

    def wake_at(self) -> datetime | None:
        """Say when the next write is due, or the next look at what was written."""
        if self._positions == self._written or self._flushed_at is None:
            return self._looked_at + _LOOK
        return self._flushed_at + self._wait()

    def done(self) -> TopicOffsets:
        """Say how far the read models are written."""
        return {topic: self._written[topic] for topic in PROJECTOR_TOPICS}

    async def drain(self) -> None:
        """Write what is pending."""
        if self._positions != self._written:
            await self._write()

    async def close(self) -> None:
        """Holds nothing: what was not written is read again."""

    def _flush_due(self) -> bool:
        if self._positions == self._written:
            return False
        now = self._clock.now()
        return (
            self._flushed_at is None
            or len(self._pending) >= self._pace.records_max
            or not self._flushed_at <= now < self._flushed_at + self._wait()
        )

    def _wait(self) -> timedelta:
        """Give how long after the last write the next one comes: sooner if someone waits for it."""
        changed = self._positions[Topic.TASKS] != self._written[Topic.TASKS]
        seconds = self._pace.tasks_seconds if changed else self._pace.runs_seconds
        return timedelta(seconds=seconds)

    async def _write(self) -> None:
        if self._pace.precedence is not None and self._is_young():
            await self._pace.precedence.give_way()
        positions = {
            TopicPartition(topic, self._partition): offset
            for topic, offset in self._positions.items()
        }
        try:
            documents = await self._store.load(touched(self._pending))
            await self._store.write(project(documents, self._pending, positions))
        except StoreError as fault:
            # The read models are away: the lane is opened anew, from the positions they have.
            message = "the read models cannot be written"
            raise LogAwayError(message) from fault
        self._pending = []
        self._watch(None)
        self._written = dict(self._positions)
        self._flushed_at = self._looked_at = self._clock.now()
        self._live = self._live or self._at_the_ends()

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
        envelopes = (each for each in self._pending if isinstance(each, Envelope))
        first = next(envelopes, None)
        return None if first is None else first.appended_at

    def _at_the_ends(self) -> bool:
        return all(self._written[topic] >= end for topic, end in self._ends.items())
