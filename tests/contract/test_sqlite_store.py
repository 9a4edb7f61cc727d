"""The SQLite adapter keeps the promises of the read-model port, and those of its file."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duetime.store.port import Store, StoreError
from duetime.store.sqlite import SqliteStore
from tests.contract.store_contract import StoreContract, listed
from tests.support.documents import TASKS_0, a_run, changes, scheduled


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = await SqliteStore.open(tmp_path / "views.db")
        yield store
        await store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.db"


async def filled(path: Path, *, log_id: str = "") -> None:
    store = await SqliteStore.open(path, log_id=log_id)
    await store.write(changes(scheduled("t"), a_run(), positions={TASKS_0: 1}))
    await store.close()


def edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def copied_as_it_lies(path: Path, folder: Path) -> Path:
    """Copy the file with its log while it is open: what a killed process leaves behind."""
    folder.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, folder)
    return folder / path.name


def spoil(path: Path, content: bytes = b"no database at all" * 100) -> None:
    path.write_bytes(content)


async def assert_built_anew(path: Path, why: str, *, log_id: str = "") -> None:
    store = await SqliteStore.open(path, log_id=log_id)

    assert store.set_aside is not None
    assert why in store.set_aside
    assert {} == await store.positions()
    assert [] == await listed(store)

    await store.write(changes(scheduled("t")))

    assert ["t"] == await listed(store)
    await store.close()


async def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    await filled(path)
    store = await SqliteStore.open(path)

    assert None is store.set_aside
    assert {TASKS_0: 1} == await store.positions()
    assert await store.passed(TASKS_0, 0, wait_seconds=0)
    assert scheduled("t") == await store.task("t")
    await store.close()


@pytest.mark.promise("P6")
async def test_what_was_written_survives_the_end_of_the_process(path: Path, tmp_path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.write(changes(scheduled("t"), positions={TASKS_0: 1}))
    survivor = await SqliteStore.open(copied_as_it_lies(path, tmp_path / "survivor"))

    assert {TASKS_0: 1} == await survivor.positions()
    assert ["t"] == await listed(survivor)
    await survivor.close()
    await store.close()


async def test_a_newer_format_is_refused_with_a_sentence(path: Path) -> None:
    await filled(path)
    edit(path, "UPDATE meta SET value = '2' WHERE key = 'format'")

    with pytest.raises(StoreError, match="has format 2, and this Duetime knows formats up to 1"):
        await SqliteStore.open(path)


async def test_a_refused_file_is_left_as_it_was(path: Path) -> None:
    await filled(path)
    edit(path, "UPDATE meta SET value = '2' WHERE key = 'format'")
    with pytest.raises(StoreError):
        await SqliteStore.open(path)
    edit(path, "UPDATE meta SET value = '1' WHERE key = 'format'")
    store = await SqliteStore.open(path)

    assert ["t"] == await listed(store)
    await store.close()


@pytest.mark.promise("P6")
async def test_an_older_format_is_set_aside_and_built_anew(path: Path) -> None:
    await filled(path)
    edit(path, "UPDATE meta SET value = '0' WHERE key = 'format'")

    await assert_built_anew(path, "older format 0; it was moved to views.db.set-aside")
    assert path.with_name("views.db.set-aside").exists()


@pytest.mark.promise("P6")
async def test_a_file_of_another_log_is_set_aside_and_built_anew(path: Path) -> None:
    await filled(path, log_id="one")

    await assert_built_anew(path, "built from another log", log_id="two")


@pytest.mark.promise("P6")
@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" * 100])
async def test_a_corrupt_file_is_set_aside_and_built_anew(path: Path, content: bytes) -> None:
    spoil(path, content)

    await assert_built_anew(path, "it was moved to views.db.set-aside")


@pytest.mark.promise("P6")
async def test_a_foreign_database_is_set_aside_and_built_anew(path: Path) -> None:
    edit(path, "CREATE TABLE songs (title TEXT)")

    await assert_built_anew(path, "not a file of read models")


async def test_a_second_file_may_be_set_aside(path: Path) -> None:
    for _ in range(2):
        spoil(path)
        await assert_built_anew(path, "it was moved")


async def test_a_place_that_cannot_be_written_is_a_store_error(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        await SqliteStore.open(path.parent / "missing" / path.name)


async def test_a_closed_store_says_so(path: Path) -> None:
    store = await SqliteStore.open(path)
    waiting = asyncio.create_task(store.passed(TASKS_0, 0, wait_seconds=60))
    await asyncio.sleep(0)
    await store.close()

    assert not await waiting
    for asked in (
        store.task("t"),
        store.tasks(items_max=1),
        store.positions(),
        store.passed(TASKS_0, 0, wait_seconds=0),
        store.write(changes()),
    ):
        with pytest.raises(StoreError, match="closed"):
            await asked


async def test_no_thread_is_left_behind(path: Path) -> None:
    # Only the threads of this store: clients of other tests start and end theirs when they like.
    before = set(threading.enumerate())
    store = await SqliteStore.open(path)
    await store.write(changes(scheduled("t")))
    await store.tasks(items_max=1)
    await store.task("t")
    started = set(threading.enumerate()) - before
    lanes = [thread for thread in started if thread.name.startswith("views-")]
    await store.close()
    for lane in lanes:
        lane.join(timeout=5)

    assert {"views-write", "views-look-up", "views-list"} == {lane.name for lane in lanes}
    assert not [lane.name for lane in lanes if lane.is_alive()]


async def test_writes_that_wait_together_all_arrive(path: Path) -> None:
    store = await SqliteStore.open(path)
    await asyncio.gather(
        *(
            store.write(changes(scheduled(f"{n:03}"), positions={TASKS_0: n + 1}))
            for n in range(200)
        )
    )

    assert [f"{n:03}" for n in range(200)] == await listed(store)
    assert {TASKS_0: 200} == await store.positions()
    await store.close()
