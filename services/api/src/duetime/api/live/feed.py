"""The feed: one reader of the log for all listeners, from the first one's coming to the last's end.

Knows the log's tail, who listens, and how a listener catches up; not HTTP.
What a listener is told is at least once and in order per task: it comes with the place behind it,
and whoever returns with that place is told what came after, as long as that is not too much.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import structlog

from duetime.api import problems
from duetime.api.live.changes import RESET, Changes, frame_id
from duetime.api.live.places import TOPICS, Ids, Place
from duetime.api.live.subscriber import Subscriber
from duetime.limits import (
    EVENTS_FLUSH_RECORDS_MAX,
    EVENTS_FLUSH_SECONDS,
    EVENTS_RESUME_RECORDS_MAX,
    EVENTS_RESUME_SECONDS_MAX,
    EVENTS_SUBSCRIBERS_MAX,
    POLL_WAIT_SECONDS_MAX,
)
from duetime.log.port import Log, LogError, Tail
from duetime.runtime.clock import Clock
from duetime.store.port import Store
from duetime.telemetry.metrics import Metrics

_log: Final = structlog.get_logger("duetime.api")
_RESUMABLE: Final = timedelta(seconds=EVENTS_RESUME_SECONDS_MAX)


class Feed:
    """What happens, told to whoever listens."""

    def __init__(self, *, log: Log, store: Store, clock: Clock, metrics: Metrics) -> None:
        """Read these, once there is a listener."""
        self.ids: Final = Ids(log)
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._changes = Changes(store=store, clock=clock)
        self._subscribers: dict[Subscriber, None] = {}
        self._coming = 0  # listeners for whom the reader is being opened
        self._opening = asyncio.Lock()
        self._place: Place | None = None  # how far all listeners have been told
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def subscribe(self) -> Subscriber:
        """Listen from now on. Raises ProblemError (503) where it cannot be had."""
        self._check_open()
        if len(self._subscribers) + self._coming >= EVENTS_SUBSCRIBERS_MAX:
            raise problems.no_events(f"{EVENTS_SUBSCRIBERS_MAX} clients follow it already")
        self._coming += 1
        try:
            async with self._opening:
                subscriber = Subscriber(self._place or await self._open())
                self._check_open()
                self._subscribers[subscriber] = None
        except LogError as fault:
            raise problems.no_events("the log cannot be read") from fault
        finally:
            self._coming -= 1
            self._settle()
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Listen no more; the last one takes the reader along. Harmless when repeated."""
        self._subscribers.pop(subscriber, None)
        self._settle()

    def close(self) -> None:
        """Let every listener go: a server that stops does not wait for streams that never end."""
        self._closed = True
        for subscriber in list(self._subscribers):
            subscriber.end()
        self._stop()

    async def missed(self, told: Place, until: Place) -> AsyncIterator[bytes]:
        """Give what came between two places, in chunks; a reset where that is too much to tell.

        Raises LogError.
        """
        behind = {
            slot: (offset, until.offsets[slot])
            for slot, offset in told.offsets.items()
            if offset < until.offsets[slot]
        }
        count = sum(end - offset for offset, end in behind.values())
        if count > EVENTS_RESUME_RECORDS_MAX or self._clock.now() - told.at > _RESUMABLE:
            yield self.farewell()
            return
        for (topic, partition), (offset, end) in behind.items():
            following = offset
            while following < end:
                records, following = await self._log.read(
                    topic, partition, following, records_max=EVENTS_FLUSH_RECORDS_MAX
                )
                frames = await self._changes.frames(
                    [record for record in records if record.offset < end]
                )
                if frames:
                    yield frames

    def farewell(self) -> bytes:
        """Give a reset with the place from which a client goes on once it has fetched anew."""
        return (b"" if self._place is None else frame_id(self.ids.write(self._place))) + RESET

    async def _open(self) -> Place:
        ends = {
            (topic, partition): end
            for topic in TOPICS
            for partition, end in enumerate(await self._log.end_offsets(topic))
        }
        tail = await self._log.tail(TOPICS, ends, gather_seconds=EVENTS_FLUSH_SECONDS)
        place = self._place = Place(ends, self._clock.now())
        self._reader = asyncio.create_task(self._read(tail), name="events")
        self._reader.add_done_callback(_heard)
        return place

    def _check_open(self) -> None:
        if self._closed:
            raise problems.no_events("this process is stopping")

    def _settle(self) -> None:
        """Count who listens; without anybody the reader ends."""
        self._metrics.event_streams.set(len(self._subscribers))
        if not self._subscribers and not self._coming:
            self._stop()

    def _stop(self) -> None:
        self._place = None
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read(self, tail: Tail) -> None:
        """Tell all listeners what comes, until cancelled. Where that fails, they are let go."""
        try:
            while True:
                records = await tail.poll(
                    records_max=EVENTS_FLUSH_RECORDS_MAX, wait_seconds=POLL_WAIT_SECONDS_MAX
                )
                if not records:
                    continue
                frames = await self._changes.frames(records)
                assert self._place is not None, "it is there as long as this reader"
                passed = {(record.topic, record.partition): record.offset + 1 for record in records}
                self._place = Place({**self._place.offsets, **passed}, self._clock.now())
                if frames:
                    self._tell(frames)
                # Changes that follow soon come together.
                await asyncio.sleep(EVENTS_FLUSH_SECONDS)
        finally:
            if self._reader is asyncio.current_task():
                self._place = self._reader = None
                for subscriber in list(self._subscribers):
                    subscriber.end(RESET)
            await tail.close()

    def _tell(self, frames: bytes) -> None:
        # The id stands with the last frame: who loses the line before has been told nothing.
        assert self._place is not None, "it is there as long as its reader"
        head, separator, last = frames[:-2].rpartition(b"\n\n")
        chunk = head + separator + frame_id(self.ids.write(self._place)) + last + b"\n\n"
        farewell = self.farewell()
        for subscriber in list(self._subscribers):
            if not subscriber.put(chunk, farewell):
                self._metrics.event_streams_dropped_total.inc()


def _heard(reader: "asyncio.Task[None]") -> None:
    """Say why the reader ended, where nobody asked it to."""
    if reader.cancelled():
        return
    fault = reader.exception()
    if isinstance(fault, LogError):
        _log.warning("events_ended", reason=str(fault))
    else:
        _log.error("events_ended", exc_info=fault)
