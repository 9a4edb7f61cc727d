"""The meeting point of writers and readers inside one process.

Knows which records are committed (its adapter publishes them), who waits for them and which groups
there are; not how records are stored.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from duetime import limits
from duetime.log.local.group import Group, Member
from duetime.log.local.recent import Recent
from duetime.log.port import Commit, Stored
from duetime.log.topics import Topic

Slot = tuple[Topic, int]
"""A partition of a topic."""

CommitsOf = Mapping[tuple[str, int], Mapping[Topic, Commit]]
"""The committed positions of each group and partition."""


class Storage(Protocol):
    """What the hub asks of the adapter behind it."""

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        """Read older records: as `Log.read`."""
        ...

    async def save(self, group: str, partition: int, commits: Mapping[Topic, Commit], /) -> None:
        """Keep a group's positions. Raises LogError where it cannot."""
        ...


class Reader(Protocol):
    """Someone who waits for records of some topics."""

    @property
    def topics(self) -> frozenset[Topic]:
        """The topics it reads."""
        ...

    def news(self) -> None:
        """Look again: there are new records."""
        ...

    def stop(self) -> None:
        """Read no more: the log is closed."""
        ...


class Cursor:
    """A reader's place in one partition of a topic. `idle`: not to be read from now."""

    __slots__ = ("idle", "offset", "partition", "topic")

    def __init__(self, topic: Topic, partition: int, offset: int) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.idle = False


class Fetched(msgspec.Struct, frozen=True):
    """Records found at a cursor that stood at `start`, and where it stands after them."""

    cursor: Cursor
    start: int
    records: Sequence[Stored]
    following: int


class Hub:
    """Readers, recent records and groups of one log."""

    def __init__(
        self,
        *,
        partitions: int,
        storage: Storage,
        ends: Mapping[Slot, int],
        committed: CommitsOf,
    ) -> None:
        """Start at the ends and group positions that the storage holds."""
        self.partitions = partitions
        self._storage = storage
        self._recent = {
            (topic, partition): Recent(ends.get((topic, partition), 0))
            for topic in Topic
            for partition in range(partitions)
        }
        self._committed = {key: dict(commits) for key, commits in committed.items()}
        self._groups: dict[str, Group] = {}
        self._readers: dict[Reader, None] = {}  # ordered: the same run wakes in the same order

    def publish(self, stored: Iterable[Stored]) -> None:
        """Show committed records, in order, to everyone at once."""
        topics = set()
        for record in stored:
            self._recent[record.topic, record.partition].add(record)
            topics.add(record.topic)
        for reader in self._readers:
            if not reader.topics.isdisjoint(topics):
                reader.news()

    def end(self, topic: Topic, partition: int) -> int:
        """Give the offset after the last committed record."""
        return self._recent[topic, partition].end

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        """Read as `Log.read`: from memory where it reaches back far enough, else from storage."""
        recent = self._recent[topic, partition]
        if start >= recent.base:
            records = recent.since(start, records_max)
            return records, records[-1].offset + 1 if records else max(start, recent.end)
        return await self._storage.read(topic, partition, start, records_max=records_max)

    async def fetch(self, cursors: Sequence[Cursor], records_max: int) -> list[Fetched]:
        """Read what cursors have not seen. Moves none: a cancelled reader has missed nothing."""
        found: list[Fetched] = []
        room = records_max
        for cursor in cursors:
            start = cursor.offset
            if cursor.idle or start >= self.end(cursor.topic, cursor.partition):
                continue
            records, following = await self.read(
                cursor.topic, cursor.partition, start, records_max=room
            )
            found.append(Fetched(cursor, start, records, following))
            room -= len(records)
            if room <= 0:
                break
        return found

    def add(self, reader: Reader) -> None:
        """Tell a reader of news from now on."""
        self._readers[reader] = None

    def remove(self, reader: Reader) -> None:
        """Stop telling it. Harmless when repeated."""
        self._readers.pop(reader, None)

    def join(self, group: str, member: Member) -> None:
        """Take a member into a group."""
        self._bound(group, self._group(group).join(member))

    def leave(self, group: str, member: Member) -> None:
        """Let a member go. Harmless when repeated."""
        self._bound(group, self._group(group).leave(member))

    def release(self, group: str, member: Member, partition: int, generation: int) -> None:
        """Take note that a member has let a partition go."""
        self._group(group).release(member, partition, generation)

    def has(self, group: str, member: Member) -> bool:
        """Whether the member is in the group."""
        return self._group(group).has(member)

    def committed(self, group: str, partition: int) -> Mapping[Topic, Commit]:
        """Give a group's committed positions of a partition."""
        return dict(self._committed.get((group, partition), {}))

    async def commit(self, group: str, partition: int, commits: Mapping[Topic, Commit]) -> None:
        """Keep a group's positions. Raises LogError where that fails."""
        await self._storage.save(group, partition, commits)
        self._committed.setdefault((group, partition), {}).update(commits)

    def close(self) -> None:
        """Stop every reader; their next poll raises. Harmless when repeated."""
        for reader in list(self._readers):
            reader.stop()

    def _group(self, name: str) -> Group:
        if name not in self._groups:
            self._groups[name] = Group(self.partitions)
        return self._groups[name]

    def _bound(self, group: str, let_go: Sequence[tuple[Member, int, int]]) -> None:
        # An owner that never polls again, because it hangs or is gone, must not hold a partition.
        for member, partition, generation in let_go:
            asyncio.get_running_loop().call_later(
                limits.LOG_HANDOVER_SECONDS_MAX,
                self.release,
                group,
                member,
                partition,
                generation,
            )


def accept(found: Sequence[Fetched]) -> tuple[list[Stored], bool]:
    """Move the cursors past what was found, where they still want it; say whether any moved."""
    records: list[Stored] = []
    moved = False
    for fetched in found:
        cursor = fetched.cursor
        if cursor.idle or cursor.offset != fetched.start:
            continue
        cursor.offset = fetched.following
        records.extend(fetched.records)
        moved = True
    return records, moved
