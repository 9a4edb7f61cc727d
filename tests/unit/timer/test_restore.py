"""Taking a partition up: with a head start where the local index can be trusted, anew where not."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from duetime.events.ids import microseconds
from duetime.limits import INDEX_AGE_SECONDS_MAX, INDEX_REFRESH_SECONDS, POLL_RECORDS_MAX
from duetime.log.port import FencedError, Record
from duetime.log.sqlite import SqliteLog
from duetime.log.topics import TOPICS, Topic
from duetime.runtime.clock import ManualClock
from duetime.timer import restore
from duetime.timer.due_index import DueIndex, Mark, MemoryDueIndex
from duetime.timer.due_index.rocks import RocksDueIndexes
from duetime.timer.indexes import Indexes
from duetime.timer.restore import ChangelogFormatError, doubt
from tests.support.builders import DAILY, MINUTE, NOON, A, B, after_noon, created, deleted
from tests.support.timers import ReadingLog, Timer, changelog_states, register, replay, states

HOUR = timedelta(hours=1)
MANY = 1_200


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON - HOUR)


@pytest.fixture
def log(clock: ManualClock) -> ReadingLog:
    return ReadingLog(clock.now)


@pytest.fixture(params=["memory", "rocks"])
def indexes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Indexes]:
    if request.param == "memory":
        yield Indexes(lambda _partition: MemoryDueIndex())
        return
    database = RocksDueIndexes.open(tmp_path / "index")
    yield Indexes(database.of)
    database.close()


def sqlite(folder: Path, clock: ManualClock) -> AbstractAsyncContextManager[SqliteLog]:
    return SqliteLog.open(folder / "log.db", now=clock.now, partitions=1)


def task(number: int) -> str:
    return f"0197280a-0000-7000-8000-{number:012x}"


async def with_tasks(
    log: ReadingLog, clock: ManualClock, indexes: Indexes, *, count: int = MANY
) -> Timer:
    """Give a timer of many tasks, some of which have run and gone, and close it."""
    for first in range(0, count, 400):
        await register(
            log,
            clock,
            *[
                created(after_noon(number), task_id=task(number))
                for number in range(first, first + 400)
            ],
        )
    await register(log, clock, created(NOON, task_id=A, recurrence=DAILY))
    timer = await Timer(log, clock, indexes=indexes).open()
    await timer.at(NOON + 5 * MINUTE)
    await timer.close()
    log.replayed()
    return timer


async def test_a_long_way_through_the_changelog_waits_for_its_turn_and_a_short_one_does_not(
    log: ReadingLog, clock: ManualClock
) -> None:
    await with_tasks(log, clock, Indexes(lambda _: MemoryDueIndex()), count=2 * POLL_RECORDS_MAX)
    known, new = MemoryDueIndex(), MemoryDueIndex()
    turns = asyncio.Semaphore(1)
    await replay(log, known, turns=turns)
    await turns.acquire()
    log.replayed()
    await replay(log, known, turns=turns)
    long_way = asyncio.create_task(replay(log, new, turns=turns))
    await asyncio.sleep(0)
    read_out_of_turn = log.replayed()
    turns.release()
    await long_way

    assert 0 == read_out_of_turn
    assert 2 * POLL_RECORDS_MAX < log.replayed()
    assert await states(log, known) == await states(log, new)


# --- the head start -----------------------------------------------------------------------------


@pytest.mark.promise("P6")
async def test_a_lane_that_comes_back_replays_nothing_and_holds_the_same(
    log: ReadingLog, clock: ManualClock, indexes: Indexes
) -> None:
    await with_tasks(log, clock, indexes)
    again = await Timer(log, clock, indexes=indexes).open()

    assert 0 == log.replayed()
    assert await changelog_states(log) == await states(log, again.index)


@pytest.mark.promise("P6")
async def test_only_what_others_wrote_meanwhile_is_replayed(
    log: ReadingLog, clock: ManualClock, indexes: Indexes
) -> None:
    await with_tasks(log, clock, indexes)
    other = await Timer(log, clock, name="timer-2").open()
    await register(log, clock, deleted(task(1_100)), created(NOON + HOUR, task_id=B))
    await other.run()
    await other.close()
    log.replayed()
    again = await Timer(log, clock, indexes=indexes).open()

    assert 0 < log.replayed() < 200
    assert await changelog_states(log) == await states(log, again.index)


@pytest.mark.promise("P1", "P6")
async def test_a_crash_between_the_log_and_the_index_costs_the_last_records_and_nothing_else(
    log: ReadingLog, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = RocksDueIndexes.open(tmp_path)
    timer = await with_tasks(log, clock, Indexes(database.of))
    timer = await Timer(log, clock, indexes=timer.indexes).open()

    class CrashedError(Exception):
        pass

    def crash(*_: object) -> None:
        raise CrashedError

    monkeypatch.setattr(timer.index, "commit", crash)
    await register(log, clock, created(NOON + 2 * HOUR, task_id=B))
    clock.advance(1.0)
    with pytest.raises(CrashedError):
        await timer.run()
    database.close()
    log.replayed()
    database = RocksDueIndexes.open(tmp_path)
    again = await Timer(log, clock, name="timer-2", indexes=Indexes(database.of)).open()

    assert 0 < log.replayed() < 200
    assert await changelog_states(log) == await states(log, again.index)
    assert again.index.get(B) is not None
    database.close()


@pytest.mark.promise("P6")
async def test_an_index_never_holds_what_the_log_has_not_taken(
    log: ReadingLog, clock: ManualClock, indexes: Indexes
) -> None:
    timer = await Timer(log, clock, indexes=indexes).open()
    await Timer(log, clock, name="timer-2").open()  # fences the first
    await register(log, clock, created(NOON, task_id=A))
    with pytest.raises(FencedError):
        await timer.run()
    await timer.close()

    assert timer.index.get(A) is None
    assert {} == await changelog_states(log)


async def test_runs_out_ahead_are_counted_with_a_head_start_too(
    log: ReadingLog, clock: ManualClock, indexes: Indexes
) -> None:
    index = indexes.of(0)
    index.put(A, microseconds(NOON), b"{}", tally=2)
    index.commit([A], Mark(cluster_id=log.cluster_id, offset=0, as_of=clock.now()))
    indexes.take(0)

    assert 2 == index.tally


# --- what is not to be trusted ------------------------------------------------------------------


@pytest.mark.promise("P4")
@pytest.mark.parametrize("trusted_anyway", [False, True])
async def test_an_index_older_than_the_tombstones_is_built_anew_so_that_nothing_comes_back(
    clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted_anyway: bool
) -> None:
    """DESIGN section 15: a local index older than the tombstones."""
    mine, theirs = RocksDueIndexes.open(tmp_path / "1"), RocksDueIndexes.open(tmp_path / "2")
    async with sqlite(tmp_path, clock) as log:
        await register(log, clock, created(NOON + 8 * HOUR, task_id=A))
        first = await Timer(log, clock, indexes=Indexes(mine.of)).open()
        await first.close()
        second = await Timer(log, clock, name="timer-2", indexes=Indexes(theirs.of)).open()
        await register(log, clock, deleted(A), created(NOON + 8 * HOUR, task_id=B))
        await second.run()
        await second.at(clock.now() + 11 * MINUTE)  # the marker ends: the tombstone is written
        clock.advance((TOPICS[Topic.SCHEDULE].retention_seconds or 0) + 1)
        await log.prune(clock.now())
        await second.close()
    if trusted_anyway:
        monkeypatch.setattr(restore, "_AGE_MAX", timedelta(days=365))
    async with sqlite(tmp_path, clock) as log:
        again = await Timer(log, clock, indexes=Indexes(mine.of)).open()
        expected = await changelog_states(log)
        found = await states(log, again.index)

    # The rule is what keeps the deleted task from coming back: without it, it does.
    assert [B] == list(expected)
    assert ([A, B] if trusted_anyway else [B]) == list(found)
    mine.close()
    theirs.close()


MARK = Mark(cluster_id="log", offset=10, as_of=NOON, rule="lookahead=5")


@pytest.mark.parametrize(
    ("mark", "end", "now", "reason"),
    [
        (MARK, 10, NOON, None),
        (MARK, 20, NOON + 29 * MINUTE, None),
        (None, 10, NOON, "empty"),
        (replace(MARK, cluster_id="another"), 10, NOON, "another log"),
        (replace(MARK, rule="lookahead=0"), 10, NOON, "another rule"),
        (MARK, 9, NOON, "the log ends at 9"),
        (MARK, 10, NOON + 30 * MINUTE, "1800 s old"),
        (MARK, 10, NOON - MINUTE, "-60 s old"),  # a clock was set: nobody knows how old it is
    ],
)
def test_an_index_is_trusted_only_where_all_holds(
    mark: Mark | None, end: int, now: datetime, reason: str | None
) -> None:
    found = doubt(mark, cluster_id="log", end=end, now=now, rule="lookahead=5")

    assert (reason is None) == (found is None)
    assert (reason or "") in (found or "")


def test_an_index_is_trusted_for_half_of_the_time_that_tombstones_are_kept() -> None:
    assert TOPICS[Topic.SCHEDULE].retention_seconds == 2 * INDEX_AGE_SECONDS_MAX
    assert INDEX_AGE_SECONDS_MAX >= 4 * INDEX_REFRESH_SECONDS


def foreign(index: DueIndex) -> None:
    assert index.mark is not None
    index.put("no task of this log", microseconds(NOON), b"{}")
    index.commit(["no task of this log"], replace(index.mark, cluster_id="another"))


def beyond(index: DueIndex) -> None:
    assert index.mark is not None
    index.put("never written", microseconds(NOON), b"{}")
    index.commit(["never written"], replace(index.mark, offset=1_000_000))


@pytest.mark.promise("P6")
@pytest.mark.parametrize("spoil", [foreign, beyond, MemoryDueIndex.clear])
async def test_an_index_that_is_foreign_or_beyond_or_empty_is_built_anew(
    log: ReadingLog, clock: ManualClock, indexes: Indexes, spoil: Callable[[DueIndex], None]
) -> None:
    timer = await with_tasks(log, clock, indexes)
    if spoil is MemoryDueIndex.clear:
        timer.index.clear()
    else:
        spoil(timer.index)
    again = await Timer(log, clock, indexes=indexes).open()
    expected = await changelog_states(log)

    assert expected == await states(log, again.index)
    assert None is again.index.get("no task of this log")
    assert None is again.index.get("never written")


@pytest.mark.promise("P6")
async def test_a_damaged_index_is_built_anew(
    log: ReadingLog, clock: ManualClock, tmp_path: Path
) -> None:
    database = RocksDueIndexes.open(tmp_path)
    await with_tasks(log, clock, Indexes(database.of))
    database.close()
    for file in (tmp_path / "database").glob("[M0-9]*"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] + b"\xff" * 64)
    database = RocksDueIndexes.open(tmp_path)
    again = await Timer(log, clock, indexes=Indexes(database.of)).open()

    assert await changelog_states(log) == await states(log, again.index)
    database.close()


# --- formats ------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", [b"2", b"17", b"x"])
async def test_a_changelog_of_a_newer_format_is_refused_with_a_sentence(
    log: ReadingLog, clock: ManualClock, found: bytes
) -> None:
    await log.append(
        [
            Record(
                topic=Topic.SCHEDULE,
                partition=0,
                key=A.encode(),
                value=b'{"of": "tomorrow"}',
                headers={"duetime_format": found},
            )
        ]
    )

    with pytest.raises(ChangelogFormatError, match="run the release that wrote them, or a newer"):
        await Timer(log, clock).open()


async def test_every_record_of_the_changelog_carries_its_format(
    log: ReadingLog, clock: ManualClock, indexes: Indexes
) -> None:
    await with_tasks(log, clock, indexes)
    records, _ = await log.read(Topic.SCHEDULE, 0, 0, records_max=1_000_000)

    assert {b"1"} == {record.headers["duetime_format"] for record in records}


async def test_records_from_before_there_were_formats_are_read_as_the_first(
    log: ReadingLog, clock: ManualClock, indexes: Indexes
) -> None:
    await with_tasks(log, clock, indexes)
    records, _ = await log.read(Topic.SCHEDULE, 0, 0, records_max=1_000_000)
    older = ReadingLog(clock.now)
    for first in range(0, len(records), 1_000):
        await older.append(
            [
                Record(topic=Topic.SCHEDULE, partition=0, key=record.key, value=record.value)
                for record in records[first : first + 1_000]
            ]
        )
    timer = await Timer(older, clock).open()

    assert await changelog_states(log) == await states(log, timer.index)
