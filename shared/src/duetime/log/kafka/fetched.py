"""What a fetch brought of one partition, as records of the port.

Knows record batches, marks and aborted transactions (KIP-98: a reader of committed records passes
over a producer's batches from the first offset of a transaction that was aborted up to its mark).
The driver's own reader makes three objects of a record; this makes one, in a third of the time.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.consumer.fetcher import READ_COMMITTED
from aiokafka.errors import CorruptRecordException
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.memory_records import MemoryRecords

from duetime import limits
from duetime.log.kafka.batches import instant
from duetime.log.port import Stored
from duetime.log.topics import Topic


class Part(NamedTuple):
    """A partition's part of an answer."""

    topic: str
    partition: int
    error: int
    end: int  # of what is committed
    aborted: Sequence[tuple[int, int]]  # producers, and where their transactions began
    records: bytes


def request(starts: Mapping[tuple[str, int], int], *, wait_seconds: float, bytes_max: int) -> Any:
    """Give the request that fetches partitions (topic's name, number), each from an offset on."""
    topics: dict[str, list[tuple[int, int, int]]] = {}
    for (topic, partition), start in starts.items():
        wanted = (partition, start, limits.KAFKA_PARTITION_FETCH_BYTES_MAX)
        topics.setdefault(topic, []).append(wanted)
    return FetchRequest(
        int(wait_seconds * 1_000),
        1 if wait_seconds else 0,
        bytes_max,
        READ_COMMITTED,
        list(topics.items()),
    )


def parts(answer: Any) -> Sequence[Part]:
    """Cut an answer into its partitions' parts.

    From the fifth version of the protocol on: number, error, end, end of what is committed, first
    offset, aborted transactions, [preferred replica,] records.
    """
    return [
        Part(topic, part[0], part[1], part[3], part[5] or (), part[-1])
        for topic, found in answer.topics
        for part in found
    ]


class Fetched:
    """The records of a part from an offset on, as far as they have not been given away."""

    __slots__ = (
        *("_aborted", "_aborting", "_after", "_batches", "_partition", "_ready", "_ready_at"),
        *("_topic", "end", "position"),
    )

    def __init__(self, topic: Topic, start: int, part: Part) -> None:
        """Take the part that a fetch from `start` on brought."""
        self._topic = topic
        self._partition = part.partition
        self._batches = MemoryRecords(part.records)
        self._aborted = sorted(part.aborted, key=lambda each: each[1], reverse=True)
        self._aborting: set[int] = set()  # producers whose transaction ends with an abort
        self._ready: Sequence[Stored] = ()  # of the batch that is being given away
        self._ready_at = 0
        self._after = start  # that batch
        self.end = part.end
        self.position = start
        """The offset to go on from; past marks, where they are all that is left."""

    def take(self, records_max: int) -> list[Stored]:
        """Give the next records. Raises CorruptRecordException."""
        found: list[Stored] = []
        while len(found) < records_max and self.more():
            until = self._ready_at + records_max - len(found)
            found += self._ready[self._ready_at : until]
            self._ready_at = min(until, len(self._ready))
            self.position = found[-1].offset + 1
        self.more()  # past the marks that follow
        return found

    def more(self) -> bool:
        """Whether a record is left. Raises CorruptRecordException."""
        while self._ready_at == len(self._ready):
            # Its last records may be gone from a compacted topic, and the batch reaches further.
            self.position = max(self.position, self._after)
            if not self._batches.has_next():
                return False
            batch = self._batches.next_batch()
            if not batch.validate_crc():
                raise CorruptRecordException(f"{self._topic} partition {self._partition}")
            self._after = batch.next_offset
            self._ready = () if self._is_passed_over(batch) else self._unpacked(batch)
            self._ready_at = 0
        return True

    def _unpacked(self, batch: Any) -> Sequence[Stored]:
        topic, partition, start = self._topic, self._partition, self.position
        found: list[Stored] = []
        time, appended_at = 0, instant(0)
        for record in batch:
            offset = record.offset
            if offset < start:
                continue  # a batch is fetched whole, also from its middle on
            if record.timestamp != time:
                time = record.timestamp
                appended_at = instant(time)
            found.append(
                Stored(
                    topic=topic,
                    partition=partition,
                    offset=offset,
                    appended_at=appended_at,
                    key=record.key,
                    value=record.value,
                    headers=dict(record.headers),
                )
            )
        return found

    def _is_passed_over(self, batch: Any) -> bool:
        """Whether a batch is a mark, or of a transaction that was aborted."""
        producer = batch.producer_id
        while self._aborted and self._aborted[-1][1] <= batch.base_offset:
            self._aborting.add(self._aborted.pop()[0])
        if batch.is_control_batch:
            if ControlRecord.parse(next(batch).key) == ABORT_MARKER:
                self._aborting.discard(producer)
            return True
        return bool(batch.is_transactional and producer in self._aborting)
