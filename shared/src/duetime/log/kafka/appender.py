"""Appending: many callers' records as few batches, each with an outcome that can be trusted.

Knows queues, batches and doubt. One batch of a partition is under way at a time; what comes
meanwhile shares the next. After any doubt, and after any refusal (it leaves a hole in the driver's
count, which Kafka never forgives), the producer is replaced, and nothing of the old one is sent
again: its other batches are waited for, then it is discarded.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from aiokafka.errors import KafkaError

from duetime import limits
from duetime.log.kafka.batches import Batch, build, is_exact
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.producer import REFUSALS, Producer, retrieve
from duetime.log.local.admission import refusal, size_bytes, too_many
from duetime.log.port import AppendOutcome, LogAwayError, Record, Refused, Unknown
from duetime.log.topics import Topic

_FULL = "the log's queue is full"
_NOT_TAKEN = "Kafka did not take it in time; nothing was written"
_NO_ANSWER = "Kafka has not answered in time"


class _Call:
    """One `append`. `remaining` of its records wait; what was handed on cannot be taken back."""

    __slots__ = ("done", "expired", "handed_on", "outcomes", "remaining")

    def __init__(self, count: int) -> None:
        self.outcomes: list[AppendOutcome | None] = [None] * count
        self.remaining = count
        self.handed_on: set[int] = set()
        self.expired = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(self, places: Iterable[int], outcomes: Iterable[AppendOutcome]) -> None:
        for place, outcome in zip(places, outcomes, strict=True):
            if self.outcomes[place] is None:
                self.outcomes[place] = outcome
                self.remaining -= 1
        if self.remaining == 0 and not self.done.done():
            self.done.set_result(None)


class _Share:
    """What one call has for one partition: records, with their places in the call."""

    __slots__ = ("call", "places", "records", "size")

    def __init__(self, call: _Call, places: list[int], records: list[Record]) -> None:
        self.call = call
        self.places = places
        self.records = records
        self.size = 0  # of all, in bytes, while they wait

    def cut(self, count: int) -> "tuple[_Share, _Share]":
        """Give the first so many, and the rest."""
        return (
            _Share(self.call, self.places[:count], self.records[:count]),
            _Share(self.call, self.places[count:], self.records[count:]),
        )

    def settle(self, outcomes: Iterable[AppendOutcome]) -> None:
        self.call.settle(self.places, outcomes)


_Slot = tuple[Topic, int]


class Appender:
    """The one way for records without a transaction into the log."""

    def __init__(self, connection: Connection) -> None:
        """Connect on first use."""
        self._connection = connection
        self._waiting: defaultdict[_Slot, list[_Share]] = defaultdict(list)
        self._waiting_bytes = 0
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
        call = _Call(len(records))
        shares: dict[_Slot, _Share] = {}
        partitions, size_all = self._connection.partitions, 0
        reason = too_many(records)
        for place, record in enumerate(records):
            size = size_bytes(record)
            refused = reason or refusal(record, partitions, size)
            if refused is None and self._waiting_bytes + size_all > limits.LOG_QUEUE_BYTES_MAX:
                refused = _FULL
            if refused is not None:
                call.settle([place], [Refused(refused)])
                continue
            slot = (record.topic, record.partition)
            share = shares.get(slot)
            if share is None:
                share = shares[slot] = _Share(call, [], [])
            share.places.append(place)
            share.records.append(record)
            share.size += size
            size_all += size
        self._waiting_bytes += size_all
        for slot, share in shares.items():
            self._enqueue(slot, share)
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

    def _enqueue(self, slot: _Slot, share: _Share) -> None:
        self._waiting[slot].append(share)
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
            shares, self._waiting[slot] = self._waiting[slot], []
            self._waiting_bytes -= sum(share.size for share in shares)
            while shares:
                shares = await self._write_some(slot, shares)

    async def _write_some(self, slot: _Slot, shares: list[_Share]) -> list[_Share]:
        """Write one batch of what the shares hold; give what is left."""
        try:
            producer = await self._ready()
        except LogAwayError as away:
            outcome = Refused(f"{away}; nothing was written")
            for share in shares:
                share.settle([outcome] * len(share.places))
            return []
        shares = [share for share in shares if not share.call.expired]
        if not shares:
            return []
        batch = next(build(producer.driver, enumerate(_records(shares))))
        written, left = _cut(shares, len(batch.places))
        self._in_use[producer] = self._in_use.get(producer, 0) + 1
        try:
            outcomes = await self._send(producer, slot, batch, written)
        finally:
            self._in_use[producer] -= 1
            if producer is not self._producer:
                self._retire(producer)
        start = 0
        for share in written:
            until = start + len(share.places)
            share.settle(outcomes[start:until])
            start = until
        return left

    async def _send(
        self, producer: Producer, slot: _Slot, batch: Batch, written: Sequence[_Share]
    ) -> Sequence[AppendOutcome]:
        count = len(batch.places)
        name = self._connection.names.of(slot[0])
        # Before it is handed over: the driver may wait for a leader first, longer than the call.
        for share in written:
            share.call.handed_on.update(share.places)
        try:
            answer = await producer.driver.send_batch(batch.builder, name, partition=slot[1])
        except KafkaError as fault:
            self._doubt(producer)
            return [Refused(f"Kafka's client did not take it: {fault}")] * count
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


def _records(shares: Iterable[_Share]) -> Iterator[Record]:
    return (record for share in shares for record in share.records)


def _cut(shares: Sequence[_Share], count: int) -> tuple[list[_Share], list[_Share]]:
    """Give shares with the first so many records, and those with the rest."""
    first: list[_Share] = []
    for number, share in enumerate(shares):
        if count < len(share.places):
            head, rest = share.cut(count)
            return [*first, *([head] if count else [])], [rest, *shares[number + 1 :]]
        first.append(share)
        count -= len(share.places)
    return first, []
