"""Power loss at every sync: what was acknowledged is there, and nothing is half there.

A script of writes runs on a disk that remembers what was not synced. For every moment at which the
power may go, the disk is laid out as it may be then, and opened again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw
import pytest

from duetime.log.port import Commit
from duetime.log.sqlite import SqliteLog
from duetime.log.sqlite import schema as log_schema
from duetime.log.topics import Topic
from duetime.store.port import TopicPartition, ViewChanges
from duetime.store.sqlite import SqliteStore
from duetime.store.sqlite import schema as store_schema
from tests.support.documents import EXECUTIONS_0, TASKS_0, a_run, scheduled
from tests.support.power_loss import CHECKPOINT_PAGES, Image, Moment, PowerLoss
from tests.support.records import a_record, appended, joined, read_from

NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
SEEDS: Final = (1, 2)

Row = tuple[Any, ...]
Rows = frozenset[Row]


class Step(NamedTuple):
    """What one step of the script left: the rows of all tables, and how they may come about."""

    rows: Rows
    grows: bool  # row by row; False: all at once
    shrinks: bool = False


def laid_out(image: Image, folder: Path) -> Path:
    """Put the files of an image into a folder; give the database's path."""
    folder.mkdir()
    for name, content in image.items():
        (folder / Path(name).name).write_bytes(content)
    return folder / "it.db"


def rows_of(path: Path) -> Rows:
    """Read every row of every table. Raises AssertionError where the file is not sound."""
    connection = apsw.Connection(str(path), vfs="unix")
    try:
        assert "ok" == connection.pragma("integrity_check")
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        return frozenset(
            (table, *row)
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own tables
        )
    finally:
        connection.close()


def fits(found: Rows, before: Step, after: Step) -> bool:
    """Whether these rows can be there when the power goes between two steps."""
    if found in (before.rows, after.rows):
        return True
    if after.grows:
        return before.rows <= found <= after.rows
    if after.shrinks:
        return after.rows <= found <= before.rows
    return False


# --- the log ------------------------------------------------------------------------------------


class LogScript:
    """Everything that is done to a log, with what had been acknowledged by each moment."""

    def __init__(self, disk: PowerLoss, folder: Path) -> None:
        self.disk = disk
        self.path = folder / "it.db"
        self.steps: list[Step] = []
        self.acknowledged: list[str] = []
        self._clock = [NOON]
        self._folder = folder
        self._number = 0

    async def run(self) -> None:
        """Run it."""
        async with SqliteLog.open(self.path, now=lambda: self._clock[0], partitions=2) as log:
            await self._step(grows=True)
            member, _ = await joined(log, "group", [Topic.TASKS])
            transactor = await log.transactor("timer", 0)
            for turn in range(4):
                self._clock[0] += timedelta(hours=2)
                await self._append(log, 1)
                await self._step(grows=True)
                async with asyncio.TaskGroup() as together:
                    for count in (1, 3, 40):
                        together.create_task(self._append(log, count))
                await self._step(grows=True)
                await transactor.commit(
                    [
                        a_record(f"due {turn}", topic=Topic.DUE),
                        a_record(f"state {turn}", topic=Topic.SCHEDULE, key="task"),
                        a_record(None, topic=Topic.SCHEDULE, key=f"gone {turn}"),
                        a_record(f"position {turn}", topic=Topic.SCHEDULE, key="_position"),
                        *[a_record("x" * 3_000, topic=Topic.EXECUTIONS) for _ in range(turn)],
                    ]
                )
                await self._step(grows=False)
                await member.commit(0, {Topic.TASKS: Commit(turn + 1, "note")})
                await self._step(grows=False)
                if turn >= 2:
                    await log.prune(self._clock[0] - timedelta(hours=1))
                    await self._step(grows=False, shrinks=True)

    async def _append(self, log: SqliteLog, count: int) -> None:
        values = [f"event {self._number + number} {'x' * 100}" for number in range(count)]
        self._number += count
        await appended(log, *[a_record(value, partition=1) for value in values])
        self.acknowledged += values
        self.disk.known = len(self.acknowledged)
        self.disk.moment()

    async def _step(self, *, grows: bool, shrinks: bool = False) -> None:
        folder = self._folder / f"step-{len(self.steps)}"
        rows = rows_of(laid_out(self.disk.whole(), folder))
        self.steps.append(Step(rows, grows, shrinks))
        self.disk.moment()


async def log_violations(script: LogScript, folder: Path) -> list[str]:
    """Lay out every image and say what is wrong with it."""
    found = []
    pairs = list(zip([Step(frozenset(), grows=True), *script.steps], script.steps, strict=False))
    for number, image, moment in images(script.disk.moments):
        path = laid_out(image, folder / str(number))
        if not path.exists() or not path.stat().st_size:
            rows: Rows = frozenset()
        else:
            rows = rows_of(path)
        if not any(fits(rows, before, after) for before, after in pairs):
            found.append(f"moment {number}: torn")
        if image is moment.dropped:
            found += await lost(path, script.acknowledged[: moment.known], number)
    return found


async def lost(path: Path, acknowledged: Sequence[str], number: str) -> list[str]:
    """Say what of the acknowledged is not where it was, and whether the log goes on."""
    async with SqliteLog.open(path, now=lambda: NOON, partitions=2) as log:
        there = [
            (record.value or b"").decode() for record in await read_from(log, Topic.TASKS, 1, 0)
        ]
        (after,) = await appended(log, a_record("after", partition=1))
        kept = there[: len(acknowledged)] == list(acknowledged)
        goes_on = after.offset == len(there)
    return [] if kept and goes_on else [f"moment {number}: {len(acknowledged)} were acknowledged"]


def images(moments: Sequence[Moment]) -> Iterator[tuple[str, Image, Moment]]:
    for place, moment in enumerate(moments):
        for number, image in enumerate(moment.images):
            yield f"{place}.{number}", image, moment


async def run_log(folder: Path, seed: int) -> LogScript:
    with PowerLoss(seed=seed) as disk:
        script = LogScript(disk, folder)
        await script.run()
    return script


@pytest.mark.promise("P1")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_loss_of_power_takes_nothing_that_was_acknowledged_and_tears_nothing(
    tmp_path: Path, seed: int
) -> None:
    script = await run_log(tmp_path, seed)
    (tmp_path / "images").mkdir()

    assert [] == await log_violations(script, tmp_path / "images")
    assert len(script.disk.moments) > 50, "a sync for each commit, and those of checkpoints"
    assert 4 * 45 == len(script.acknowledged)


@pytest.mark.timeout(180)
async def test_this_proof_can_fail_because_a_sync_less_would_lose_what_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = log_schema.connect

    def connect_carelessly(path: Path, vfs: str | None) -> apsw.Connection:
        connection = connect(path, vfs)
        connection.pragma("synchronous", "normal")
        return connection

    with monkeypatch.context() as careless:
        careless.setattr(log_schema, "connect", connect_carelessly)
        script = await run_log(tmp_path, 1)
    (tmp_path / "images").mkdir()
    found = await log_violations(script, tmp_path / "images")

    assert any("were acknowledged" in violation for violation in found)
    assert not any("torn" in violation for violation in found), "older, but whole"


# --- the read models ----------------------------------------------------------------------------


def changes(number: int) -> ViewChanges:
    """Give the flush that has read so many events."""
    at: dict[TopicPartition, int] = {TASKS_0: number + 1, EXECUTIONS_0: 2 * number + 2}
    return ViewChanges(
        tasks=[scheduled(f"task {number % 5}", NOON + timedelta(hours=number), offset=number)],
        runs=[a_run(f"run {number} {half}", position=2 * number + half) for half in range(2)],
        positions=at,
    )


async def write_all(path: Path, first: int, last: int, after: Callable[[], Awaitable[None]]) -> int:
    """Write the flushes from one on; give how many events of `tasks` the file had read before."""
    store = await SqliteStore.open(path)
    try:
        assert store.set_aside is None
        read = (await store.positions()).get(TASKS_0, 0)
        await after()
        for number in range(max(first, read), last):
            await store.write(changes(number))
            await after()
        return read
    finally:
        await store.close()


@pytest.mark.promise("P6")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", SEEDS)
async def test_after_a_loss_of_power_the_read_models_are_older_at_most_and_go_on_from_there(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_schema, "_CHECKPOINT_PAGES", CHECKPOINT_PAGES)
    many = 16
    steps: list[Rows] = []
    with PowerLoss(seed=seed) as disk:

        async def note() -> None:
            disk.known = len(steps)
            disk.moment()
            steps.append(rows_of(laid_out(disk.whole(), tmp_path / f"step-{len(steps)}")))

        await write_all(tmp_path / "it.db", 0, many, note)
    (tmp_path / "images").mkdir()
    read = set()
    for number, image, moment in images(disk.moments):
        path = laid_out(image, tmp_path / "images" / number)
        if path.exists() and path.stat().st_size:
            rows = rows_of(path)
            assert rows in {frozenset(), *steps[: moment.known + 2]}, "a whole flush or none of it"
        if image is moment.dropped:
            read.add(await write_all(path, 0, many, nothing))
            assert steps[-1] == rows_of(path), "the same as if the power had never gone"
    assert len(read) > 2, "some had lost more than others"


async def nothing() -> None:
    """Nothing."""
