"""The SQLite adapter can build its read models anew, in a file beside the live one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duetime.store.port import Rebuildable
from duetime.store.sqlite import SqliteStore
from tests.contract.rebuild_contract import RebuildContract
from tests.contract.store_contract import listed
from tests.support.documents import TASKS_0, changes, scheduled


class TestSqliteRebuild(RebuildContract):
    @pytest.fixture
    async def store(self, path: Path) -> AsyncIterator[Rebuildable]:
        store = await SqliteStore.open(path)
        yield store
        await store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.db"


async def test_whoever_asks_while_it_takes_over_is_answered(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.write(changes(scheduled("t"), positions={TASKS_0: 1}))
    building = await store.rebuild()
    await building.views.write(changes(scheduled("t"), positions={TASKS_0: 1}))
    asked = [asyncio.create_task(store.task("t")) for _ in range(50)]
    activated = asyncio.create_task(building.activate())
    for n in range(50):
        asked.append(asyncio.create_task(store.task("t")))
        await store.write(changes(scheduled(f"{n:02}"), positions={TASKS_0: 1}))

    assert await activated
    assert [scheduled("t")] * 100 == await asyncio.gather(*asked)
    await building.close()
    await store.close()


@pytest.mark.promise("P6")
async def test_what_took_over_is_there_after_a_restart_and_nothing_else(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.write(changes(scheduled("old"), positions={TASKS_0: 1}))
    building = await store.rebuild()
    await building.views.write(changes(scheduled("new"), positions={TASKS_0: 2}))
    await building.activate()
    await building.close()
    await store.close()
    files = {file.name for file in path.parent.iterdir()}
    again = await SqliteStore.open(path)

    assert {"views.db"} == files
    assert None is again.set_aside
    assert {TASKS_0: 2} == await again.positions()
    assert ["new"] == await listed(again)
    await again.close()


async def test_what_an_earlier_process_left_half_built_is_begun_anew(path: Path) -> None:
    store = await SqliteStore.open(path)
    left = await SqliteStore.open(path.with_name("views.db.rebuild"))
    await left.write(changes(scheduled("left"), positions={TASKS_0: 9}))
    await left.close()
    building = await store.rebuild()

    assert {} == await building.views.positions()
    await building.close()
    await store.close()
    assert {"views.db"} == {file.name for file in path.parent.iterdir()}
