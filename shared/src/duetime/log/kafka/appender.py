"""Appending: many callers' records as few batches, each with an outcome that can be trusted.

Knows queues, batches and doubt. One batch of a partition is under way at a time; what comes
meanwhile shares the next. After any doubt, and after any refusal (it leaves a hole in the driver's
count, which Kafka never forgives), the producer is replaced, and nothing of the old one is sent
again: its other batches are waited for, then it is discarded.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from duetime import limits
from duetime.log.kafka.batches import Batch, build, is_exact
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.producer import REFUSALS, Producer, retrieve
from duetime.log.local.admission import refusals, size_bytes
from duetime.log.port import AppendOutcome, LogAwayError, Record, Refused, Unknown
from duetime.log.topics import Topic

_FULL = "the log's queue is full"
_NOT_TAKEN = "Kafka did not take it in time; nothing was written"
_NO_ANSWER = "Kafka has not answered in time"


class _Call:
    """One `append`. `records` are those that wait; what was handed on cannot be taken back."""

    __slots__ = ("done", "expired", "handed_on", "outcomes", "remaining")

    def __init__(self, count: int) -> None:
        self.outcomes: list[AppendOutcome | None] = [None] * count
        self.remaining = count
        self.handed_on: set[int] = set()
        self.expired = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, place: int, outcome: AppendOutcome) -> None:
        if self.outcomes[place] is None:
            self.outcomes[place] = outcome
            self.remaining -= 1
            if self.remaining == 0 and not self.done.done():
                self.done.set_result(None)


_Entry = tuple[_Call, int, Record]
_Slot = tuple[Topic, int]


class Appender:
    """The one way for records without a transaction into the log."""

    def __init__(self, connection: Connection) -> None:
        """Connect on first use."""
        self._connection = connection
        self._waiting: defaultdict[_Slot, list[_Entry]] = defaultdict(list)
        self._waiting_bytes = 0
        self._waiting_bytes_of: defaultdict[_Slot, int] = defaultdict(int)
        self._pumps: dict[_Slot, asyncio.Task[None]] = {}
        self._producer: Producer | None = None
        self._in_use: dict[Producer, int] = {}
        self._starting = asyncio.Lock()
        self._closed = False
        self._fault: BaseException | None = None

    async def append(self, records: Sequence[Record]) -> Sequence[AppendOutcome]:
        """Append as the port says."""
        if self._closed:
            return [Refused("the log is closed")] * len(records)
        if self._fault is not None:
            raise self._fault  # of ours, not of Kafka: whoever appends next hears of it
        refused = refusals(records, self._connection.partitions)
        call = _Call(len(records))
        for place, record in enumerate(records):
            if place in refused:
                call.settle(place, Refused(refused[place]))
            elif self._waiting_bytes > limits.LOG_QUEUE_BYTES_MAX:
                call.settle(place, Refused(_FULL))
            else:
                self._enqueue(call, place, record)
        if call.remaining:
            await asyncio.wait([call.done], timeout=limits.APPEND_WAIT_SECONDS_MAX)
        call.expired = True
        return [
            outcome
            if outcome is not None
            else Unknown(_NO_ANSWER)
            if place in call.handed_on
            else Refused(_NOT_TAKEN)
            for place, outcome in enumerate(call.outcomes)
        ]

    async def close(self) -> None:
        """Finish what is under way; bounded. Harmless when repeated."""
        self._closed = True
        if self._pumps:
            await asyncio.wait(self._pumps.values(), timeout=limits.APPEND_WAIT_SECONDS_MAX)
        self._retire(self._producer)
        for producer in list(self._in_use):
            await producer.close()

    def _enqueue(self, call: _Call, place: int, record: Record) -> None:
        slot = (record.topic, record.partition)
        self._waiting[slot].append((call, place, record))
        size = size_bytes(record)
        self._waiting_bytes += size
        self._waiting_bytes_of[slot] += size
        if slot not in self._pumps:
            # It begins after this turn of the loop, and so takes all that this turn brings.
            pump = asyncio.get_running_loop().create_task(
                self._pump(slot), name=f"append to {slot[0]} partition {slot[1]}"
            )
            self._pumps[slot] = pump
            pump.add_done_callback(lambda _: self._pumped(slot))

    def _pumped(self, slot: _Slot) -> None:
        pump = self._pumps.pop(slot)
        if not pump.cancelled() and pump.exception() is not None:
            self._fault = pump.exception()

    async def _pump(self, slot: _Slot) -> None:
        """Write what waits for a partition, batch after batch, until nothing does."""
        while self._waiting[slot]:
            entries, self._waiting[slot] = self._waiting[slot], []
            self._waiting_bytes -= self._waiting_bytes_of.pop(slot, 0)
            entries = [entry for entry in entries if not entry[0].expired]
            while entries:
                entries = await self._write_some(slot, entries)

    async def _write_some(self, slot: _Slot, entries: list[_Entry]) -> list[_Entry]:
        """Write one batch of the entries; give those that are left."""
        try:
            producer = await self._ready()
        except LogAwayError as away:
            _settle(entries, Refused(f"{away}; nothing was written"))
            return []
        entries = [entry for entry in entries if not entry[0].expired]
        if not entries:
            return []
        records = [(place, record) for place, (_, _, record) in enumerate(entries)]
        batch = next(build(producer.driver, records))
        written = entries[: len(batch.places)]
        self._in_use[producer] = self._in_use.get(producer, 0) + 1
        try:
            outcomes = await self._send(producer, slot, batch, written)
        finally:
            self._in_use[producer] -= 1
            if producer is not self._producer:
                self._retire(producer)
        for (call, place, _), outcome in zip(written, outcomes, strict=True):
            call.settle(place, outcome)
        return entries[len(written) :]

    async def _send(
        self, producer: Producer, slot: _Slot, batch: Batch, written: Sequence[_Entry]
    ) -> Sequence[AppendOutcome]:
        count = len(written)
        name = self._connection.names.of(slot[0])
        try:
            answer = await producer.driver.send_batch(batch.builder, name, partition=slot[1])
        except KafkaError as fault:
            self._doubt(producer)
            return [Refused(f"Kafka's client did not take it: {fault}")] * count
        for call, place, _ in written:
            call.handed_on.add(place)
        await asyncio.wait([answer], timeout=limits.APPEND_WAIT_SECONDS_MAX)
        if not answer.done():
            answer.add_done_callback(retrieve)  # too late: it was called unknown
            self._doubt(producer)
            return [Unknown(_NO_ANSWER)] * count
        reason = answer.exception()
        if reason is not None:
            self._doubt(producer)
            said = Refused(str(reason)) if isinstance(reason, REFUSALS) else Unknown(str(reason))
            return [said] * count
        if not is_exact(answer.result()):
            return [Unknown("it is written, but Kafka no longer knows where")] * count
        return [accepted for _, accepted in batch.accepted(answer.result())]

    async def _ready(self) -> Producer:
        """Give the producer, a new one where the last was in doubt. Raises LogAwayError."""
        async with self._starting:
            if self._producer is None:
                producer = Producer(self._connection)
                names = self._connection.names
                await producer.start([names.of(topic) for topic in Topic])
                self._producer = producer
                self._in_use[producer] = 0
            return self._producer

    def _doubt(self, producer: Producer) -> None:
        if self._producer is producer:
            self._producer = None

    def _retire(self, producer: Producer | None) -> None:
        """Discard a producer that is in doubt, once nothing of it is waited for."""
        if producer is not None and (self._in_use.get(producer, 0) == 0 or self._closed):
            if self._closed:
                producer.discard()
                return
            self._in_use.pop(producer, None)
            producer.discard()


def _settle(entries: Sequence[_Entry], outcome: AppendOutcome) -> None:
    for call, place, _ in entries:
        call.settle(place, outcome)
