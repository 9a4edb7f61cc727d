"""Writes tasks straight to a stack's log, in bulk, and waits until they are dealt with.

Knows the log, the codec and the timers' position records; measures nothing but its own pace.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deploy.local.stack import Stack
from duetime.events.codec import encode
from duetime.events.envelope import Envelope
from duetime.events.positions import POSITION_KEY, decode_position
from duetime.events.types import Action, Definition, LogAction, TaskCreated
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.partitioner import partition_of
from duetime.log.port import Accepted, Record, Stored
from duetime.log.topics import Topic
from duetime.runtime.clock import SystemClock
from duetime.runtime.ids import SystemIds
from tests.chaos.recorded import connection_to

BATCH: Final = 5_000
FINISH_SECONDS_MAX: Final = 1_800.0


class Writer:
    """Writes tasks to a stack's log, on a loop of its own."""

    def __init__(self, stack: Stack) -> None:
        """Connect."""
        self._clock = SystemClock()
        self._ids = SystemIds(self._clock)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.log = self.await_(KafkaLog.open(connection_to(stack)))

    def await_(self, work: Any) -> Any:
        """Run something on the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def write(self, dues: Sequence[datetime], action: Action) -> list[tuple[str, int]]:
        """Write one task for each due time; give ids and partitions."""
        made = [self._record(due, action) for due in dues]
        left = [record for _, record in made]
        while left:
            outcomes = self.await_(self.log.append(left))
            pairs = zip(left, outcomes, strict=True)
            left = [record for record, outcome in pairs if not isinstance(outcome, Accepted)]
        return [(task_id, record.partition) for task_id, record in made]

    def close(self) -> None:
        """Disconnect."""
        self.await_(self.log.close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _record(self, due: datetime, action: Action) -> tuple[str, Record]:
        task_id = self._ids.fresh()
        event = TaskCreated(
            task_id=task_id,
            tenant="default",
            revision=1,
            actor="figures",
            definition=Definition(description="Water the plants", time=due, action=action),
        )
        key, value, headers = encode(
            Envelope(event=event, event_id=self._ids.fresh(), source="/f", time=self._clock.now())
        )
        partition = partition_of(key, self.log.partitions)
        record = Record(
            topic=Topic.TASKS, partition=partition, key=key, value=value, headers=headers
        )
        return task_id, record


def fill(writer: Writer, count: int) -> float:
    """Write so many tasks that are due in a day to a month; give the seconds that it took."""
    began = time.monotonic()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for first in range(0, count, BATCH):
        dues = [
            tomorrow + timedelta(seconds=(number * 7919) % (30 * 86_400))
            for number in range(first, min(count, first + BATCH))
        ]
        writer.write(dues, LogAction())
    took = time.monotonic() - began
    said(f"{count} tasks written in {took:.1f} s")
    return took


def finish(stack: Stack, writer: Writer, count: int) -> None:
    """Let so many tasks come due now, and wait until all have run and left their tombstones."""
    began = time.monotonic()
    before = sum(writer.await_(writer.log.end_offsets(Topic.EXECUTIONS)))
    for first in range(0, count, BATCH):
        writer.write([datetime.now(UTC)] * min(BATCH, count - first), LogAction())
    until = began + FINISH_SECONDS_MAX
    while sum(writer.await_(writer.log.end_offsets(Topic.EXECUTIONS))) < before + count:
        if time.monotonic() > until:
            said("not all have run in time")
            break
        stack.check_alive()
        time.sleep(1.0)
    await_folded(stack, writer)
    said(f"{count} tasks have run within {time.monotonic() - began:.1f} s")


def await_folded(stack: Stack, writer: Writer) -> None:
    """Wait until the timers' positions have reached the ends of `tasks`."""
    began = time.monotonic()
    until = began + 3_600.0
    while time.monotonic() < until:
        ends = writer.await_(writer.log.end_offsets(Topic.TASKS))
        folded = writer.await_(_folded(writer.log))
        if all(folded[partition] >= end for partition, end in enumerate(ends)):
            break
        stack.check_alive()
        time.sleep(1.0)
    said(f"folded by the timers {time.monotonic() - began:.1f} s later")


async def _folded(log: KafkaLog) -> dict[int, int]:
    folded = dict.fromkeys(range(log.partitions), 0)
    for partition, end in enumerate(await log.end_offsets(Topic.SCHEDULE)):
        offset = max(0, end - 5_000)
        while offset < end:
            records, offset = await log.read(Topic.SCHEDULE, partition, offset, records_max=5_000)
            for record in records:
                if record.key == POSITION_KEY and record.value is not None:
                    folded[partition] = decode_position(record.value).tasks
    return folded


async def read_on(log: KafkaLog, topic: Topic, starts: Sequence[int]) -> AsyncIterator[Stored]:
    """Read a topic from an offset of each partition to its end, keeping nothing."""
    for partition, end in enumerate(await log.end_offsets(topic)):
        offset = starts[partition]
        while offset < end:
            records, offset = await log.read(topic, partition, offset, records_max=BATCH)
            for record in records:
                yield record


def said(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)
