"""The log port: what Duetime asks of an event log, in its own words.

Knows records, positions, groups and transactions; not events (`duetime.events`), not drivers.
Every adapter passes `tests/contract/log_contract.py`; a change here starts there.

Promises of every adapter:
- An append answered with `Accepted` is durable; `Refused` changed nothing; `Unknown` may have
  landed or not, and may yet land. It is never sent again by the log itself.
- The records of one partition of a topic have one order. Offsets rise, with gaps where a log keeps
  marks of its own, so "caught up" is judged by positions, never by the last record's offset.
- A transaction is visible whole or not at all, and only the newest `Transactor` of a name commits.
- Readers see committed records only, in order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from duetime.log.topics import Topic


class LogError(Exception):
    """The log could not do what was asked. The tree: LogError > Fenced, UnknownOutcome, Away."""


class FencedError(LogError):
    """A newer transactor of the same name exists; this one, and all it knew, is to be dropped."""


class UnknownOutcomeError(LogError):
    """The transaction may have been committed or not; drop the transactor and read the log."""


class LogAwayError(LogError):
    """The log cannot be reached now; nothing was written."""


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A record to append. `value` None is a tombstone (compacted topics only)."""

    topic: Topic
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = {}


class Stored(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A record as the log holds it; `appended_at` is the log's clock."""

    topic: Topic
    partition: int
    offset: int
    appended_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The record is durable at this offset."""

    offset: int
    appended_at: datetime


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The record was not written, for a reason that will not go away by itself, or a full queue."""

    reason: str


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """Nobody can say whether the record was written."""

    reason: str


AppendOutcome = Accepted | Refused | Unknown

TopicOffsets = Mapping[Topic, int]
"""For each topic, an offset in one partition (of the next record to read)."""


class Commit(msgspec.Struct, frozen=True, gc=False):
    """A group's committed position in a partition of a topic, with its own small note."""

    offset: int
    note: str = ""


class Polled(msgspec.Struct, frozen=True, kw_only=True):
    """What a poll brought.

    `assigned`: all partitions this member owns now; one that was lost and regained counts as new
    (`generation` of the partition rises). `positions`: for each partition that delivers, the offset
    of the next record to read by topic; it moves past marks that are no records.
    """

    assigned: Mapping[int, int]  # partition -> generation
    records: Sequence[Stored]
    positions: Mapping[int, TopicOffsets]


class Subscription(Protocol):
    """A member of a consumer group over co-partitioned topics. One owner per partition.

    An assigned partition delivers nothing until `deliver` has said from where.
    """

    async def poll(self, *, records_max: int, wait_seconds: float) -> Polled:
        """Wait, bounded, for records, a new assignment or `wake`; give what there is."""
        ...

    def wake(self) -> None:
        """End a waiting poll now."""
        ...

    def deliver(self, partition: int, offsets: TopicOffsets) -> None:
        """Start (or restart) delivery of an assigned partition's topics from these offsets."""
        ...

    def pause(self, partition: int) -> None:
        """Hold delivery of a partition; positions stay."""
        ...

    def resume(self, partition: int) -> None:
        """Go on with a paused partition."""
        ...

    async def committed(self, partition: int) -> Mapping[Topic, Commit]:
        """Give the group's committed positions of a partition, of topics that have one."""
        ...

    async def commit(self, partition: int, commits: Mapping[Topic, Commit]) -> None:
        """Record the group's positions of an owned partition. Raises LogError where it cannot."""
        ...

    async def close(self) -> None:
        """Leave the group. Harmless when repeated."""
        ...


class Tail(Protocol):
    """A reader of whole topics outside any group, from the end or from given offsets."""

    async def poll(self, *, records_max: int, wait_seconds: float) -> Sequence[Stored]:
        """Wait, bounded, for records; give them in order per partition."""
        ...

    async def close(self) -> None:
        """Stop. Harmless when repeated."""
        ...


class Transactor(Protocol):
    """The one writer of a name. Opening a newer one fences this one for good."""

    async def commit(self, records: Sequence[Record]) -> Sequence[Accepted]:
        """Write all records or none.

        Raises FencedError, UnknownOutcomeError or LogAwayError; after any of them the transactor is
        dead and must be dropped together with whatever was decided on its behalf.
        """
        ...

    async def close(self) -> None:
        """Let go. Harmless when repeated."""
        ...


class Log(Protocol):
    """An event log with the topics of `duetime.log.topics`, all with `partitions` partitions."""

    @property
    def partitions(self) -> int:
        """How many partitions every topic has."""
        ...

    @property
    def cluster_id(self) -> str:
        """Names this very log: a cache of one log is worthless for another."""
        ...

    async def append(self, records: Sequence[Record]) -> Sequence[AppendOutcome]:
        """Append durably; one outcome per record, in their order. Bounded; never raises for I/O."""
        ...

    async def subscribe(
        self, group: str, topics: Sequence[Topic], *, gather_seconds: float = 0.0
    ) -> Subscription:
        """Join a consumer group on co-partitioned topics.

        Records that follow others may come up to `gather_seconds` later than they could, so that
        many come together.
        """
        ...

    async def tail(
        self,
        topics: Sequence[Topic],
        start: Mapping[tuple[Topic, int], int] | None = None,
        *,
        gather_seconds: float = 0.0,
    ) -> Tail:
        """Follow topics without a group, from `start` or, where it says nothing, from the end.

        `gather_seconds` as for `subscribe`.
        """
        ...

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        """Read up to `records_max` records from offset `start`; give them and the next offset.

        The next offset equals the end offset when nothing is left. Compacted topics give at least
        the latest record of each key.
        """
        ...

    async def end_offsets(self, topic: Topic) -> Sequence[int]:
        """Give, per partition, the offset after the last committed record."""
        ...

    async def transactor(self, name: str, partition: int) -> Transactor:
        """Open the one transactor of a name for a partition, fencing any older one first."""
        ...

    async def close(self) -> None:
        """Let go of everything. Harmless when repeated."""
        ...
