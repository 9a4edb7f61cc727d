"""The one consuming loop: a group member, a lane per partition it owns, and when each lane steps.

Knows assignment, delivery, waking and back-pressure; not what any lane decides. A lane is a shell
around a core: it opens (fence, restore, say from where to read), steps, drains and closes.

Assignment is only noted by the poll loop; opening happens in the lane's own task, so a long restore
never keeps the group's heartbeat waiting (reference: aiokafka's callbacks, DESIGN section 5).
A lane that meets a doubtful write ends; it is opened anew, with a new core, after a later poll.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

import structlog

from duetime.limits import (
    AFTERWARDS_SECONDS_MAX,
    CLOCK_REREAD_SECONDS,
    HANDOVER_SECONDS_MAX,
    INBOX_RECORDS_MAX,
    POLL_RECORDS_MAX,
    POLL_WAIT_SECONDS_MAX,
)
from duetime.log.port import Log, LogError, Stored, Subscription, TopicOffsets
from duetime.log.topics import Topic
from duetime.runtime.afterwards import Afterwards
from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import Clock
from duetime.runtime.telling import Telling
from duetime.telemetry.metrics import Metrics

_logger: Final = structlog.get_logger()
_DROP_SECONDS_MAX: Final = HANDOVER_SECONDS_MAX + 1.0  # then it is cut off


class Lane(Protocol):
    """One partition of one service. All calls come from one task, one after the other."""

    async def open(self) -> TopicOffsets:
        """Fence, restore, and say from which offsets delivery starts."""
        ...

    async def step(self, inputs: Sequence[Stored], positions: TopicOffsets) -> None:
        """Learn what came (perhaps nothing), decide, act. Raises LogError where in doubt."""
        ...

    def wake_at(self) -> datetime | None:
        """Say when to step again without news."""
        ...

    @property
    def live(self) -> bool:
        """Whether it has caught up and does its work."""
        ...

    def done(self) -> TopicOffsets | None:
        """Say how far its work has come, for the group's lag; None: it commits that by itself."""
        ...

    async def drain(self) -> None:
        """Hand over what is under way, as the partition goes elsewhere; bounded."""
        ...

    async def close(self) -> None:
        """Let go at once. Harmless when repeated."""
        ...


class Wake:
    """Lets a lane's own background work ask for a step."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._event = asyncio.Event()

    def __call__(self) -> None:
        """Ask for a step."""
        self._event.set()

    async def wait(self, seconds: float | None) -> None:
        """Wait until asked, or so long; then forget the asking."""
        if not self._event.is_set():
            loop = asyncio.get_running_loop()
            handle = None if seconds is None else loop.call_later(seconds, self._event.set)
            try:
                await self._event.wait()
            finally:
                if handle is not None:
                    handle.cancel()
        self._event.clear()


LaneFactory = Callable[[int, Subscription, Wake], Lane]
"""Makes the lane of a partition; its subscription is for committed positions only."""


class Reads(NamedTuple):
    """What a service reads, and how long records that follow others may wait for company."""

    topics: Sequence[Topic]
    gather_seconds: float = 0.0


class _Driven:
    """A lane with its inbox and the task that drives it."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.assigned_at = asyncio.get_running_loop().time()
        self.wake = Wake()
        self.lane: Lane | None = None
        self.inbox: list[Stored] = []
        self.positions: TopicOffsets = {}
        self.paused = False
        self.polled_since_fault = True
        self.draining = False
        self.task: asyncio.Task[None] | None = None


class Worker:
    """A service's member of its consumer group. `run` ends when drained, raises when it dies."""

    def __init__(
        self,
        *,
        name: str,
        log: Log,
        reads: Reads,
        clock: Clock,
        lane: LaneFactory,
        backoff: Backoff,
        metrics: Metrics,
        afterwards: Afterwards | None = None,
    ) -> None:
        """Take the group's name, what it reads, and how a partition's lane is made.

        `afterwards`: what lanes leave behind, if they do; it gets its time when the group was left.
        """
        self._takeover_seconds = metrics.takeover_seconds.of(name)
        self._restore_seconds = metrics.restore_seconds.of(name)
        self._owned_partitions = metrics.owned_partitions.of(name)
        self.name = name
        self._log = log
        self._reads = reads
        self._clock = clock
        self._lane = lane
        self._backoff = backoff
        self._afterwards = afterwards or Afterwards()
        self._telling = Telling()
        self._driven: dict[int, _Driven] = {}
        self._subscription: Subscription | None = None
        self._draining = False
        self._polled = False

    @property
    def partitions(self) -> Sequence[int]:
        """The partitions that this member owns and that do their work."""
        return sorted(
            partition
            for partition, driven in self._driven.items()
            if driven.lane is not None and driven.lane.live
        )

    @property
    def assigned(self) -> Sequence[int]:
        """The partitions that the group gave to this member, whether it works on them or not."""
        return sorted(self._driven)

    def unready(self) -> str | None:
        """Say why the service is not ready, or None when it is."""
        if self._draining:
            return "draining"
        if not self._polled:
            return "has not joined its group yet"
        waiting = sorted(set(self._driven) - set(self.partitions))
        if waiting:
            return f"partitions {waiting} are catching up"
        return None

    def drain(self) -> None:
        """Ask it to finish: no new work, what is under way is finished or handed over."""
        self._draining = True
        if self._subscription is not None:
            self._subscription.wake()

    async def run(self) -> None:
        """Consume until drained. A lane's fault that is not the log's ends it, loudly."""
        subscription = await self._joined()
        if subscription is None:
            return
        self._subscription = subscription
        try:
            async with asyncio.TaskGroup() as lanes:
                telling = lanes.create_task(
                    self._telling.go_on(subscription, self._done), name=f"lag of {self.name}"
                )
                while not self._draining:
                    polled = await subscription.poll(
                        records_max=POLL_RECORDS_MAX, wait_seconds=POLL_WAIT_SECONDS_MAX
                    )
                    # First, and without a wait: while a lost lane is closed another one may be
                    # opened anew, and must not be given what was read for the one before it.
                    self._hand_out(polled.records, polled.positions, subscription)
                    await self._follow(polled.assigned, subscription, lanes)
                    self._afterwards.check()
                    self._polled = True
                telling.cancel()
                for driven in self._driven.values():
                    driven.draining = True
                    driven.wake()
        except BaseException:
            await self._afterwards.cancel()
            raise
        finally:
            await subscription.close()
        # Others have the partitions by now, so what takes its time holds up nobody.
        await self._afterwards.wait(AFTERWARDS_SECONDS_MAX)

    async def _joined(self) -> Subscription | None:
        """Join the group as soon as the log lets us; None where it was drained before."""
        fault_count = 0
        while not self._draining:
            try:
                return await self._log.subscribe(
                    self.name, self._reads.topics, gather_seconds=self._reads.gather_seconds
                )
            except LogError as fault:
                # A log that hiccups must not restart a process that has only just begun.
                fault_count += 1
                reason = f"{type(fault).__name__}: {fault}"
                _logger.warning("group not joined yet", service=self.name, reason=reason)
                await asyncio.sleep(self._backoff.seconds(fault_count))
        return None

    async def _follow(
        self, assigned: Mapping[int, int], subscription: Subscription, lanes: asyncio.TaskGroup
    ) -> None:
        """Open a lane for each new partition, end those of lost ones."""
        lost = []
        for partition, driven in list(self._driven.items()):
            if assigned.get(partition) != driven.generation:
                del self._driven[partition]
                lost.append(driven)
        await asyncio.gather(*map(self._drop, lost))
        for partition, generation in assigned.items():
            if partition not in self._driven:
                driven = _Driven(generation)
                self._driven[partition] = driven
                driven.task = lanes.create_task(
                    self._drive(partition, driven, subscription),
                    name=f"{self.name} partition {partition}",
                )

    @staticmethod
    async def _drop(driven: _Driven) -> None:
        """Let its lane hand over, bounded; one that is not open has nothing to hand over."""
        if driven.task is None:
            return
        driven.draining = True
        driven.wake()
        if driven.lane is not None:
            await asyncio.wait([driven.task], timeout=_DROP_SECONDS_MAX)
        driven.task.cancel()
        await asyncio.wait([driven.task])

    def _hand_out(
        self,
        records: Sequence[Stored],
        positions: Mapping[int, TopicOffsets],
        subscription: Subscription,
    ) -> None:
        for record in records:
            driven = self._driven.get(record.partition)
            if driven is not None:
                driven.inbox.append(record)
        for partition, offsets in positions.items():
            driven = self._driven.get(partition)
            if driven is None:
                continue
            if offsets != driven.positions:
                driven.positions = offsets
                driven.wake()
            if len(driven.inbox) > INBOX_RECORDS_MAX and not driven.paused:
                driven.paused = True
                subscription.pause(partition)
        for driven in self._driven.values():
            if not driven.polled_since_fault:
                driven.polled_since_fault = True
                driven.wake()

    async def _drive(self, partition: int, driven: _Driven, subscription: Subscription) -> None:
        """Keep a lane of this partition open until it is dropped or drained."""
        fault_count = 0
        loop = asyncio.get_running_loop()
        while not driven.draining:
            lane = self._lane(partition, subscription, driven.wake)
            opened_at = loop.time()
            try:
                offsets = await lane.open()
                self._restore_seconds.observe(loop.time() - opened_at)
                driven.inbox, driven.positions = [], {}
                self._unpause(partition, driven, subscription)
                driven.lane = lane
                if lane.live:
                    self._now_live(driven)
                subscription.deliver(partition, offsets)
                subscription.wake()
                await self._step_until_drained(partition, driven, lane, subscription)
                done = lane.done()
                if done is not None:
                    await self._telling.tell_last(subscription, partition, done)
            except LogError as fault:
                # A lane that did its work for a while has earned a quick return.
                lasted = loop.time() - opened_at > self._backoff.seconds_max
                fault_count = 1 if lasted else fault_count + 1
                _logger.warning(
                    "partition given up, to be taken up anew",
                    service=self.name,
                    partition=partition,
                    reason=f"{type(fault).__name__}: {fault}",
                )
            finally:
                driven.lane = None
                self._owned_partitions.set(len(self.partitions))
                await lane.close()
            if not driven.draining:
                await self._recover(driven, fault_count)

    async def _recover(self, driven: _Driven, fault_count: int) -> None:
        """Wait before a lane is opened anew: a while, and until a later poll has said it may be."""
        driven.polled_since_fault = False
        await asyncio.sleep(self._backoff.seconds(fault_count))
        while not driven.polled_since_fault and not driven.draining:
            await driven.wake.wait(POLL_WAIT_SECONDS_MAX)

    async def _step_until_drained(
        self, partition: int, driven: _Driven, lane: Lane, subscription: Subscription
    ) -> None:
        while not driven.draining:
            inputs, driven.inbox = driven.inbox, []
            self._unpause(partition, driven, subscription)
            was_live = lane.live
            await lane.step(inputs, driven.positions)
            if lane.live and not was_live:
                self._now_live(driven)
            if driven.inbox:
                # Others get their turn between the steps of a partition with a long inbox.
                await asyncio.sleep(0)
            else:
                await driven.wake.wait(self._seconds_until(lane.wake_at()))
        await lane.drain()

    def _done(self) -> Mapping[int, TopicOffsets]:
        open_lanes = ((p, driven.lane) for p, driven in self._driven.items() if driven.lane)
        said = {partition: lane.done() for partition, lane in open_lanes}
        return {partition: done for partition, done in said.items() if done is not None}

    def _now_live(self, driven: _Driven) -> None:
        self._takeover_seconds.observe(asyncio.get_running_loop().time() - driven.assigned_at)
        self._owned_partitions.set(len(self.partitions))

    @staticmethod
    def _unpause(partition: int, driven: _Driven, subscription: Subscription) -> None:
        if driven.paused:
            driven.paused = False
            subscription.resume(partition)

    def _seconds_until(self, wake_at: datetime | None) -> float | None:
        if wake_at is None:
            return None
        # A wait never outlasts the re-reading of the wall clock, which may have been set. Loops
        # round to the nearest millisecond, and what woke early would only wait again.
        left = max(0.0, (wake_at - self._clock.now()).total_seconds())
        return min(math.ceil(left * 1_000) / 1_000, CLOCK_REREAD_SECONDS)
