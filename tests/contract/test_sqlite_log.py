"""The SQLite adapter keeps the promises of the log port, and those of its file."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from duetime import limits
from duetime.log.port import (
    Commit,
    Log,
    LogError,
)
from duetime.log.sqlite import SqliteLog
from duetime.log.topics import Topic
from tests.contract.log_contract import LogContract
from tests.support import appending
from tests.support.records import (
    a_record,
    appended,
    arrived,
    ends_of,
    joined,
    read_from,
    values,
)
from tests.support.sqlite_watch import Watched

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


def opened(
    path: Path, *, partitions: int = 4, now: Callable[[], datetime] = lambda: NOON
) -> AbstractAsyncContextManager[SqliteLog]:
    return SqliteLog.open(path, partitions=partitions, now=now)


class TestSqliteLog(LogContract):
    @pytest.fixture
    async def log(self, path: Path) -> AsyncIterator[Log]:
        async with opened(path) as log:
            yield log


@pytest.fixture
def watched() -> Iterator[Watched]:
    with Watched() as watched:
        yield watched


# --- what the file keeps ------------------------------------------------------------------------


@pytest.mark.promise("P1")
async def test_everything_is_there_after_the_log_was_closed_and_opened_again(path: Path) -> None:
    async with opened(path) as log:
        cluster_id = log.cluster_id
        await appended(log, *map(a_record, ("1", "2")), a_record("3", partition=1))
        await appended(log, a_record("state", topic=Topic.SCHEDULE, headers={"h": b"1"}))
        transactor = await log.transactor("timer", 0)
        await transactor.commit([a_record("due", topic=Topic.DUE)])
        member, _ = await joined(log, "group", [Topic.TASKS])
        await member.commit(0, {Topic.TASKS: Commit(2, "note")})
        ends = await ends_of(log, list(Topic))
    async with opened(path) as log:
        member, _ = await joined(log, "group", [Topic.TASKS])
        (state,) = await read_from(log, Topic.SCHEDULE, 0, 0)

        assert cluster_id == log.cluster_id
        assert ends == await ends_of(log, list(Topic))
        assert ["1", "2"] == values(await read_from(log, Topic.TASKS, 0, 0))
        assert ["3"] == values(await read_from(log, Topic.TASKS, 1, 0))
        assert ["due"] == values(await read_from(log, Topic.DUE, 0, 0))
        assert (b"k", b"state", {"h": b"1"}) == (state.key, state.value, state.headers)
        assert {Topic.TASKS: Commit(2, "note")} == await member.committed(0)


async def test_offsets_go_on_where_they_ended_after_the_log_was_opened_again(path: Path) -> None:
    for number in range(3):
        async with opened(path) as log:
            outcomes = await appended(log, a_record(), a_record(topic=Topic.SCHEDULE))

            assert [number, number] == [outcome.offset for outcome in outcomes]


async def test_a_clock_that_steps_back_between_two_runs_does_not_turn_the_order_of_times(
    path: Path,
) -> None:
    async with opened(path) as log:
        await appended(log, a_record())
    async with opened(path, now=lambda: NOON - timedelta(hours=1)) as log:
        (later,) = await appended(log, a_record())
        (elsewhere,) = await appended(log, a_record(partition=1))

    assert NOON == later.appended_at
    assert NOON - timedelta(hours=1) == elsewhere.appended_at


async def test_the_last_of_two_records_of_a_key_in_one_commit_is_the_one_that_stays(
    path: Path,
) -> None:
    async with opened(path) as log:
        records = [a_record(value, topic=Topic.SCHEDULE) for value in ("older", "newer")]
        await appended(log, *records)
    async with opened(path) as log:
        found = await read_from(log, Topic.SCHEDULE, 0, 0)

    assert [(1, b"newer")] == [(record.offset, record.value) for record in found]


async def test_two_logs_have_two_names(tmp_path: Path) -> None:
    async with opened(tmp_path / "one.db") as one, opened(tmp_path / "two.db") as two:
        assert one.cluster_id != two.cluster_id


@pytest.mark.promise("P1")
def test_what_was_acknowledged_survives_a_kill_at_any_point(path: Path) -> None:
    acknowledged: dict[tuple[int, int], bytes] = {}
    for lines in (1, 40, 400):
        acknowledged |= _killed_after(lines, path)
        found = asyncio.run(_all_tasks(path))

        assert acknowledged.items() <= found.items()
        assert len(acknowledged) >= lines


async def test_a_newer_format_is_refused_with_a_sentence(path: Path) -> None:
    async with opened(path):
        pass
    _edit(path, "UPDATE meta SET value = '2' WHERE name = 'format_version'")

    with pytest.raises(LogError, match=r"log\.db was written by a newer Duetime \(format 2; .*\)"):
        async with opened(path):
            pass


async def test_another_count_of_partitions_is_refused_with_a_sentence(path: Path) -> None:
    async with opened(path, partitions=4):
        pass

    with pytest.raises(LogError, match="has 4 partitions and 12 were asked for"):
        async with opened(path, partitions=12):
            pass


async def test_a_file_that_is_no_database_is_refused_with_a_sentence(path: Path) -> None:
    _spoil(path)
    with pytest.raises(LogError, match=r"log\.db cannot be opened"):
        async with opened(path):
            pass


async def test_a_database_of_others_is_refused_with_a_sentence(path: Path) -> None:
    _edit(path, "CREATE TABLE foreign_one (id)")
    with pytest.raises(LogError, match=r"log\.db is a database, but not a log of Duetime"):
        async with opened(path):
            pass


async def test_a_folder_that_is_not_there_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be opened"):
        async with opened(tmp_path / "missing" / "log.db"):
            pass


@pytest.mark.promise("P1")
async def test_each_commit_is_synced_before_it_is_acknowledged(
    path: Path, watched: Watched
) -> None:
    async with opened(path):
        assert 2 == watched.writer.pragma("synchronous")  # FULL
        assert "wal" == watched.writer.pragma("journal_mode")
        assert 1 == watched.writer.pragma("fullfsync")


# --- threads and commits ------------------------------------------------------------------------


async def test_sqlite_is_never_called_on_the_thread_of_the_loop(
    path: Path, watched: Watched
) -> None:
    async with opened(path) as log:
        await appended(log, *[a_record()] * 10, a_record(topic=Topic.SCHEDULE))
        member, _ = await joined(log, "group", [Topic.TASKS])
        await member.commit(0, {Topic.TASKS: Commit(1)})
        transactor = await log.transactor("timer", 0)
        await transactor.commit([a_record()])
        await log.prune(NOON)
    async with opened(path) as log:
        assert 11 == len(await read_from(log, Topic.TASKS, 0, 0))

    assert {"duetime-log-writer", "duetime-log-reader"} == watched.threads


async def test_requests_that_wait_together_share_one_commit(path: Path, watched: Watched) -> None:
    async with opened(path) as log:
        watched.hold()
        appends = [asyncio.create_task(appended(log, a_record(str(n)))) for n in range(100)]
        await watched.first_commit()
        watched.let_go()
        await asyncio.gather(*appends)

        assert 100 == len(await read_from(log, Topic.TASKS, 0, 0))
        assert watched.commits <= 2


async def test_a_commit_takes_no_more_than_its_bound(path: Path, watched: Watched) -> None:
    async with opened(path) as log:
        watched.hold()
        batch = [a_record()] * (limits.GROUP_COMMIT_RECORDS_MAX // 2)
        appends = [asyncio.create_task(appended(log, *batch)) for _ in range(9)]
        await watched.first_commit()
        watched.let_go()
        await asyncio.gather(*appends)

        assert 5 <= watched.commits <= 6


async def test_a_reader_is_told_of_a_record_before_its_writer_is(path: Path) -> None:
    async with opened(path) as log:
        tail = await log.tail([Topic.TASKS])
        await appended(log, a_record("seen"))
        found = await tail.poll(records_max=1, wait_seconds=0.0)

    assert ["seen"] == values(found)


async def test_readers_behind_the_recent_records_read_from_disk_in_order(path: Path) -> None:
    count = 2 * limits.LOG_RECENT_RECORDS_MAX + 1_000
    numbers = list(map(str, range(count)))
    async with opened(path) as log:
        member, _ = await joined(log, "late", [Topic.TASKS])
        for first in range(0, count, 500):
            await appended(log, *map(a_record, numbers[first : first + 500]))
        member.deliver(0, {Topic.TASKS: 0})
        found = values(await arrived(member, count, records_max=999))

    assert numbers == found


async def test_one_read_from_disk_is_bounded_in_bytes(path: Path) -> None:
    large = "x" * (limits.RECORD_BYTES_MAX // 2)
    async with opened(path) as log:
        for _ in range(10):
            await appended(log, *[a_record(large)] * 4)
    async with opened(path) as log:
        page, following = await log.read(Topic.TASKS, 0, 0, records_max=1_000)

        assert len(page) == following < 40
        assert 40 == len(await read_from(log, Topic.TASKS, 0, 0))


# --- what the tests need ------------------------------------------------------------------------


def _edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def _spoil(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1_000)


def _killed_after(lines: int, path: Path) -> dict[tuple[int, int], bytes]:
    """Give what a process says was acknowledged that is killed after so many lines."""
    with subprocess.Popen(
        [sys.executable, appending.__file__, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout  # acknowledged before the kill, and read after it
    acknowledged = {}
    for line in said:
        partition, offset, value = line.rstrip("\n").split(" ", 2)
        acknowledged[int(partition), int(offset)] = value.encode() * appending.TIMES
    return acknowledged


async def _all_tasks(path: Path) -> dict[tuple[int, int], bytes | None]:
    async with opened(path) as log:
        return {
            (partition, record.offset): record.value
            for partition in range(4)
            for record in await read_from(log, Topic.TASKS, partition, 0)
        }
