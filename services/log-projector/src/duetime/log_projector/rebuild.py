"""Building the read models anew from the log, beside the live ones, whose place they then take.

Knows the log, the projection and when the new ones have caught up; not how a store keeps two sets.
The live ones are read and written all the while. What fails leaves them as they were.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

from duetime.limits import FLUSH_RECORDS_MAX, PAGE_ITEMS_DEFAULT, REBUILD_PAUSE_SECONDS
from duetime.log.port import Log
from duetime.log.reading import read_event
from duetime.log_projector.core import project, touched
from duetime.log_projector.lane import PROJECTOR_TOPICS
from duetime.store.port import Rebuildable, Store, TaskReads, TopicPartition
from duetime.store.views import RunDocument, TaskDocument

DIFFERENT_SHOWN_MAX: Final = 100

_Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild did, and how it compared with what was live, where that was asked.

    `different`: ids of documents that were not equal; `missing`: that only the live ones have.
    """

    record_count: int
    compared_count: int
    different: Sequence[str]
    missing: Sequence[str]


async def rebuild(
    *,
    log: Log,
    store: Rebuildable,
    compare: bool = False,
    watch: Callable[[int], None] = lambda _record_count: None,
) -> Rebuilt:
    """Replay the log from its beginning and let the outcome take over; `watch` hears of progress.

    With `compare`, what was built is held against what was live, as far as both have read the same.
    Raises StoreError and LogError: then nothing has changed, and it may be begun again.
    """
    building = await store.rebuild()
    try:
        replays = [
            _Replay(partition=partition, log=log, views=building.views)
            for partition in range(log.partitions)
        ]
        record_count = 0
        caught_up = False
        while not caught_up:
            counts = [await replay.step() for replay in replays]
            record_count += sum(counts)
            watch(record_count)
            caught_up = max(counts) < FLUSH_RECORDS_MAX
        comparison = await _compared(store, building.views) if compare else _Comparison({}, {})
        # The live ones go on, so this is a race that either side may win by a little, many times.
        while not await building.activate():
            record_count += sum([await replay.step() for replay in replays])
            await asyncio.sleep(REBUILD_PAUSE_SECONDS)
        return Rebuilt(
            record_count=record_count,
            compared_count=comparison.count,
            different=comparison.different(),
            missing=comparison.missing(),
        )
    finally:
        await building.close()


class _Replay:
    """One partition, from its beginning."""

    def __init__(self, *, partition: int, log: Log, views: Store) -> None:
        self._partition = partition
        self._log = log
        self._views = views
        self._positions = dict.fromkeys(PROJECTOR_TOPICS, 0)
        self._begun = False

    async def step(self) -> int:
        """Project the next stretch, if there is one; give how many records it had."""
        before = dict(self._positions)
        records = []
        for topic, start in before.items():
            read, self._positions[topic] = await self._log.read(
                topic, self._partition, start, records_max=FLUSH_RECORDS_MAX
            )
            records += [read_event(record) for record in read]
        # The first one is written whatever it has: a partition without a position is not built.
        if self._begun and self._positions == before:
            return 0
        documents = await self._views.load(touched(records))
        positions = {
            TopicPartition(topic, self._partition): offset
            for topic, offset in self._positions.items()
        }
        await self._views.write(project(documents, records, positions))
        self._begun = True
        return len(records)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Digests of documents by id, with the offsets up to which they are built."""

    live: Mapping[str, tuple[_Version, bytes]]
    built: Mapping[str, tuple[_Version, bytes]]

    @property
    def count(self) -> int:
        return len(self.live.keys() & self.built.keys())

    def missing(self) -> list[str]:
        """Name those that are not built, the first of them by id."""
        return sorted(self.live.keys() - self.built.keys())[:DIFFERENT_SHOWN_MAX]

    def different(self) -> list[str]:
        """Name those that differ though both have read the same, the first of them by id."""
        both = self.live.keys() & self.built.keys()
        unequal = [
            of
            for of in both
            if self.live[of][0] == self.built[of][0] and self.live[of][1] != self.built[of][1]
        ]
        return sorted(unequal)[:DIFFERENT_SHOWN_MAX]


async def _compared(live: TaskReads, built: TaskReads) -> _Comparison:
    return _Comparison(
        {of: mark async for of, mark in _digests(live)},
        {of: mark async for of, mark in _digests(built)},
    )


async def _digests(views: TaskReads) -> AsyncIterator[tuple[str, tuple[_Version, bytes]]]:
    cursor: str | None = None
    while True:
        tasks = await views.tasks(items_max=PAGE_ITEMS_DEFAULT, cursor=cursor)
        for task in tasks.items:
            yield task.task_id, ((task.task_offset, task.run_offset), _digest(task))
        if (cursor := tasks.next_cursor) is None:
            break
    while True:
        runs = await views.runs(items_max=PAGE_ITEMS_DEFAULT, cursor=cursor)
        for run in runs.items:
            yield run.id, ((run.position,), _digest(run))
        if (cursor := runs.next_cursor) is None:
            break


def _digest(document: TaskDocument | RunDocument) -> bytes:
    return blake2b(msgspec.json.encode(document, order="sorted"), digest_size=16).digest()
