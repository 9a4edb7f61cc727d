"""The due index over RocksDB where it cannot write, or must not."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from duetime import limits
from duetime.events.ids import microseconds
from duetime.timer.due_index import DueIndex, DueIndexError, Mark
from duetime.timer.due_index.rocks import RocksDueIndexes
from tests.support.builders import NOON, after_noon
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.stack import wait_for

DISK_BYTES: Final = 48 * 1024 * 1024
STATE: Final = b"s" * 6_000
AT_ONCE: Final = 500
TRIES_MAX: Final = 3_000
ROOM_SECONDS_MAX: Final = 30.0  # RocksDB looks for room every 5 s


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", size_bytes=DISK_BYTES) as made:
        yield made


def put(index: DueIndex, start: int, *, second: int | None = None) -> None:
    """Put and commit some tasks, at some second of the log's clock: by itself, a later one."""
    names = [f"task-{number}" for number in range(start, start + AT_ONCE)]
    for name in names:
        index.put(name, microseconds(after_noon(start)), STATE)
    as_of = NOON + timedelta(seconds=start / AT_ONCE if second is None else second)
    index.commit(names, Mark(cluster_id="a log", offset=start + AT_ONCE, as_of=as_of))


def put_on_and_on(index: DueIndex) -> None:
    for number in range(1, TRIES_MAX):
        put(index, number * AT_ONCE)


def is_waiting(index: DueIndex) -> bool:
    return index._blocked_as_of is not None  # type: ignore[attr-defined]


def test_a_full_disk_makes_it_wait_and_with_room_again_nothing_is_missing(disk: SmallDisk) -> None:
    folder = disk.seen(disk.path / "due")
    database = RocksDueIndexes.open(folder)
    index = database.of(0)
    put(index, 0)
    disk.fill()
    count = AT_ONCE
    while not is_waiting(index):
        assert count < TRIES_MAX * AT_ONCE, "the disk was never full"
        put(index, count)
        count += AT_ONCE
    known_while_full = [index.get(f"task-{number}") for number in (0, count // 2, count - 1)]
    disk.empty()
    seconds = itertools.count(count)

    def flushed() -> bool:
        put(index, 0, second=next(seconds))
        return not is_waiting(index)

    wait_for(flushed, "a flush with room again", ROOM_SECONDS_MAX)
    database.close()
    database = RocksDueIndexes.open(folder)
    index = database.of(0)
    mark = index.mark

    assert [STATE] * 3 == known_while_full
    # What the disk refused once is doubted: with the next start all of it is read from the log.
    assert None is mark
    database.close()


def test_a_disk_that_stays_full_ends_it_before_the_memory_does(disk: SmallDisk) -> None:
    database = RocksDueIndexes.open(disk.seen(disk.path / "due"))
    index = database.of(0)
    put(index, 0)
    disk.fill()
    with pytest.raises(DueIndexError, match="No space left"):
        put_on_and_on(index)

    assert limits.DUE_FRESH_TASKS_BLOCKED_MAX + AT_ONCE >= len(index._fresh)
    database.close()


def test_a_folder_belongs_to_one_process(tmp_path: Path) -> None:
    database = RocksDueIndexes.open(tmp_path)
    with pytest.raises(DueIndexError, match="another process"):
        RocksDueIndexes.open(tmp_path)
    database.close()
