"""The SQLite log when its disk does not serve, and when it is pruned."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from duetime import limits
from duetime.log.port import (
    Accepted,
    AppendOutcome,
    Commit,
    LogAwayError,
    LogError,
    Refused,
    Unknown,
    UnknownOutcomeError,
)
from duetime.log.sqlite import SqliteLog
from duetime.log.topics import Topic
from tests.support.records import (
    a_record,
    appended,
    ends_of,
    joined,
    read_from,
    values,
)
from tests.support.sqlite_watch import FailingSyncs, Watched

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def watched() -> Iterator[Watched]:
    with Watched() as watched:
        yield watched


def opened(
    path: Path, *, partitions: int = 4, now: Callable[[], datetime] = lambda: NOON
) -> AbstractAsyncContextManager[SqliteLog]:
    return SqliteLog.open(path, partitions=partitions, now=now)


# --- when the disk does not serve ---------------------------------------------------------------


async def test_a_full_queue_refuses_and_takes_again_when_there_is_room(
    path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOG_QUEUE_REQUESTS_MAX", 3)
    async with opened(path) as log:
        watched.hold()
        appends = [asyncio.create_task(log.append([a_record()])) for _ in range(5)]
        done: set[asyncio.Task[Sequence[AppendOutcome]]] = set()
        while len(done) < 2:
            done, _ = await asyncio.wait(appends, timeout=0.01)
        watched.let_go()
        outcomes = [outcome for answer in await asyncio.gather(*appends) for outcome in answer]
        (later,) = await log.append([a_record()])

        assert all("queue full" in _reason(*append.result()) for append in done)
        assert [Accepted] * 3 + [Refused] * 2 == [type(outcome) for outcome in outcomes]
        assert isinstance(later, Accepted)


async def test_the_queue_is_bounded_in_bytes_too(
    path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOG_QUEUE_BYTES_MAX", 1_000)
    async with opened(path) as log:
        watched.hold()
        first = asyncio.create_task(log.append([a_record("x" * 900)]))
        await asyncio.sleep(0)
        refused = await log.append([a_record("x" * 900)])
        transactor = asyncio.create_task(log.transactor("timer", 0))
        watched.let_go()
        await first
        with pytest.raises(LogAwayError, match="queue full"):
            await (await transactor).commit([a_record("x" * 1_001)])

    assert "queue full" in _reason(*refused)


@pytest.mark.promise("P1")
async def test_a_full_disk_refuses_what_was_not_written_and_recovers(
    path: Path, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    large = "x" * 100_000
    async with opened(path) as log:
        await appended(log, a_record("before"))
        transactor = await log.transactor("timer", 0)
        watched.writer.pragma("max_page_count", watched.writer.pragma("page_count"))
        with caplog.at_level(logging.WARNING, "duetime.log"):
            refused = [await log.append([a_record(large)]) for _ in range(3)]
            await log.transactor("another", 0)  # writes nothing: the disk is as full as before
            refused.append(await log.append([a_record(large)]))
            with pytest.raises(LogAwayError, match="full"):
                await transactor.commit([a_record(large, topic=topic) for topic in Topic])
            watched.writer.pragma("max_page_count", 1_000_000)
            (after,) = await log.append([a_record("after")])
        kept = values(await read_from(log, Topic.TASKS, 0, 0))
    async with opened(path) as log:
        ends = await ends_of(log, list(Topic))
        kept_on_disk = values(await read_from(log, Topic.TASKS, 0, 0))

    assert all("full" in _reason(*outcomes) for outcomes in refused)
    assert isinstance(after, Accepted)
    assert 1 == after.offset
    assert ["before", "after"] == kept == kept_on_disk
    assert 2 == sum(sum(offsets.values()) for offsets in ends.values())
    assert ["ERROR", "WARNING"] == [record.levelname for record in caplog.records]


@pytest.mark.promise("P1")
async def test_a_sync_that_fails_leaves_the_outcome_unknown_and_the_log_goes_on(
    path: Path,
) -> None:
    vfs = FailingSyncs("failing-syncs")
    async with SqliteLog.open(path, now=lambda: NOON, vfs="failing-syncs") as log:
        await appended(log, a_record("before"))
        transactor = await log.transactor("timer", 0)
        vfs.failing = True
        (outcome,) = await log.append([a_record("doubtful")])
        with pytest.raises(UnknownOutcomeError):
            await transactor.commit([a_record(topic=Topic.DUE), a_record(topic=Topic.SCHEDULE)])
        vfs.failing = False
        await appended(log, a_record("after"))
        kept = values(await read_from(log, Topic.TASKS, 0, 0))
    vfs.unregister()

    assert isinstance(outcome, Unknown)
    assert ["before", "after"] == kept


async def test_an_append_that_the_disk_does_not_answer_in_time_is_unknown(
    path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(path) as log:
        member, _ = await joined(log, "group", [Topic.TASKS])
        monkeypatch.setattr(limits, "APPEND_WAIT_SECONDS_MAX", 0.02)
        watched.hold()
        (outcome,) = await log.append([a_record("late")])
        with pytest.raises(UnknownOutcomeError):
            await member.commit(0, {Topic.TASKS: Commit(1)})
        monkeypatch.undo()
        watched.let_go()
        (later,) = await appended(log, a_record("later"))

        assert isinstance(outcome, Unknown)
        assert 1 == later.offset
        assert ["late", "later"] == values(await read_from(log, Topic.TASKS, 0, 0))


async def test_a_writer_that_ends_leaves_nobody_waiting(
    path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenClockError(Exception):
        pass

    def broken() -> datetime:
        raise BrokenClockError

    seen: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    async with opened(path, now=broken) as log:
        tail = await log.tail([Topic.TASKS])
        waiting = asyncio.create_task(tail.poll(records_max=1, wait_seconds=3_600.0))
        (first,) = await log.append([a_record()])
        (second,) = await log.append([a_record()])

        assert isinstance(first, Unknown)
        assert "stopped" in _reason(second)
        assert [] == list(await waiting)
        with pytest.raises(LogError):
            await log.end_offsets(Topic.TASKS)
    assert [BrokenClockError] == [arguments.exc_type for arguments in seen]
    assert watched.connections


async def test_a_closed_log_finishes_what_it_took_and_refuses_the_rest(path: Path) -> None:
    async with opened(path) as log:
        appends = [asyncio.create_task(log.append([a_record()])) for _ in range(10)]
        await asyncio.sleep(0)
        await log.close()
        answers = [append.result() for append in appends]
        (late,) = await log.append([a_record()])

    assert {Accepted} == {type(outcome) for answer in answers for outcome in answer}
    assert "closed" in _reason(late)
    assert not path.with_name("log.db-wal").exists()


# --- pruning ------------------------------------------------------------------------------------


async def test_pruning_removes_old_records_and_keeps_offsets_and_tasks(path: Path) -> None:
    clock = [NOON]
    async with opened(path, now=lambda: clock[0]) as log:
        for number in range(5):
            clock[0] = NOON + timedelta(days=number)
            for topic in (Topic.TASKS, Topic.DUE, Topic.EXECUTIONS, Topic.DEAD_LETTERS):
                await appended(log, a_record(str(number), topic=topic))
        removed = await log.prune(NOON + timedelta(days=3))
    async with opened(path, now=lambda: clock[0]) as log:
        kept = {topic: values(await read_from(log, topic, 0, 0)) for topic in Topic}
        await log.prune(NOON + timedelta(days=365))
        last = values(await read_from(log, Topic.DUE, 0, 0))
        ends = (await ends_of(log, list(Topic)))[0]

    everything = ["0", "1", "2", "3", "4"]
    assert 6 == removed
    assert everything == kept[Topic.TASKS] == kept[Topic.DEAD_LETTERS]
    assert ["3", "4"] == kept[Topic.DUE] == kept[Topic.EXECUTIONS]
    assert ["4"] == last  # the newest stays: it keeps the end offset
    assert 5 == ends[Topic.DUE]


async def test_pruning_spares_what_a_group_has_not_passed(path: Path) -> None:
    async with opened(path) as log:
        for number in range(5):
            await appended(log, a_record(str(number), topic=Topic.DUE))
        member, _ = await joined(log, "executor", [Topic.DUE])
        await member.commit(0, {Topic.DUE: Commit(2)})
        await log.prune(NOON + timedelta(days=365))
    async with opened(path) as log:
        assert ["2", "3", "4"] == values(await read_from(log, Topic.DUE, 0, 0))


async def test_pruning_goes_on_in_small_steps_until_all_is_gone(
    path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOG_PRUNE_ROWS_MAX", 2)
    async with opened(path, partitions=1) as log:
        for _ in range(6):
            await appended(log, a_record(topic=Topic.DUE))
        watched.commits = 0

        assert 5 == await log.prune(NOON + timedelta(days=365))
    assert watched.commits >= 3


async def test_tombstones_go_after_their_retention_and_states_stay(path: Path) -> None:
    clock = [NOON]
    async with opened(path, now=lambda: clock[0]) as log:
        await appended(log, a_record("state", topic=Topic.SCHEDULE, key="kept"))
        await appended(log, a_record(None, topic=Topic.SCHEDULE, key="gone"))
        clock[0] = NOON + timedelta(minutes=50)
        await appended(log, a_record(None, topic=Topic.SCHEDULE, key="young"))
        await appended(log, a_record("last", topic=Topic.SCHEDULE, key="last"))
        clock[0] = NOON + timedelta(minutes=70)
        await log.prune(NOON)
    async with opened(path) as log:
        found = await read_from(log, Topic.SCHEDULE, 0, 0)

    assert [b"kept", b"young", b"last"] == [record.key for record in found]


def _reason(outcome: Accepted | Refused | Unknown) -> str:
    assert isinstance(outcome, Refused)
    return outcome.reason
