"""`duetime rebuild` and `duetime mongo shard` as a user meets them."""

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pymongo import MongoClient

from duetime.store.mongo import MongoStore
from tests.support.embedded import EmbeddedProcess
from tests.support.mongo import mongo_server

DUETIME = str(Path(sys.executable).with_name("duetime"))
RUN_SECONDS_MAX = 10.0


def run_it(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    ours = {name: text for name, text in os.environ.items() if not name.startswith("DUETIME_")}
    return subprocess.run(
        [DUETIME, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**ours, **variables},
    )


def logs_of(duetime: EmbeddedProcess, *, count: int) -> list[str]:
    """Read the logs once there are so many; bounded."""
    deadline = time.monotonic() + RUN_SECONDS_MAX
    while True:
        logs: list[str] = httpx.get(f"http://127.0.0.1:{duetime.port}/tasks/logs").json()
        if len(logs) >= count:
            return logs
        assert time.monotonic() < deadline, logs
        time.sleep(0.1)


@pytest.mark.promise("P6")
def test_a_rebuild_leaves_the_read_models_as_they_were_and_can_prove_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    duetime = EmbeddedProcess(folder)
    with duetime:
        time_soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()
        time_far = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        for time_, recurring in ((time_soon, False), (time_soon, True), (time_far, True)):
            body = {"description": "$water the.plants", "time": time_, "recurring": recurring}
            httpx.post(f"http://127.0.0.1:{duetime.port}/tasks", json=body).raise_for_status()
        logs = logs_of(duetime, count=2)
        tasks = httpx.get(f"http://127.0.0.1:{duetime.port}/tasks").json()
        running = run_it("rebuild", "--data-dir", str(folder))
        duetime.stop()
    done = run_it("rebuild", "--data-dir", str(folder), "--compare")
    with EmbeddedProcess(folder) as again:
        assert logs == logs_of(again, count=2)
        assert tasks == httpx.get(f"http://127.0.0.1:{again.port}/tasks").json()

    assert 2 == running.returncode
    assert "Another Duetime" in running.stderr
    assert 0 == done.returncode
    assert "5 documents compared, 0 not equal." in done.stdout
    assert not list(folder.glob("views.db*rebuild*"))


@pytest.mark.mongo
def test_the_shard_keys_of_the_live_read_models_are_printed_and_not_sent() -> None:
    server = mongo_server()
    name = server.database_name()
    variables = {"DUETIME_MONGO_URI": server.uri, "DUETIME_MONGO_DATABASE": name}
    asyncio.run(made_by_a_service(server.uri, name))
    printed = run_it("mongo", "shard", **variables)
    again = run_it("mongo", "shard", **variables)
    refused = run_it("mongo", "shard", "--apply", **variables)
    server.drop(name)

    assert 0 == printed.returncode
    assert "'key': {'task_id': 1, 'nominal_at': 1}" in printed.stdout
    assert printed.stdout == again.stdout
    assert 2 == refused.returncode
    assert "no sharded cluster" in refused.stderr


@pytest.mark.mongo
def test_to_ask_for_shard_keys_leaves_a_new_database_new() -> None:
    server = mongo_server()
    name = server.database_name()
    variables = {"DUETIME_MONGO_URI": server.uri, "DUETIME_MONGO_DATABASE": name}
    printed = run_it("mongo", "shard", **variables)
    refused = run_it("mongo", "shard", "--apply", **variables)
    with MongoClient[dict[str, object]](server.uri) as client:
        collections = client[name].list_collection_names()
    server.drop(name)

    assert 2 == printed.returncode
    assert f"there are no read models in {name} yet" in printed.stderr
    assert 2 == refused.returncode
    assert "no sharded cluster" in refused.stderr
    assert [] == collections


async def made_by_a_service(uri: str, database: str) -> None:
    store = MongoStore.open(uri, database=database, log_id="a log")
    await store.prepare()
    await store.close()
