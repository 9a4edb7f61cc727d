"""A process that is set up so that it cannot work says so in one sentence, and ends with 2."""

import asyncio
import fcntl
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from duetime.log.kafka.connection import Connection
from duetime.settings.kafka import KafkaSettings
from duetime.store.mongo import MongoStore
from tests.support.alone import Alone, started
from tests.support.kafka import PARTITIONS, created, kafka_cluster, removed
from tests.support.mongo import MongoServer, mongo_server


@pytest.fixture
async def topics() -> AsyncIterator[dict[str, str]]:
    """What a process is told of a cluster with topics of four partitions, of this test alone."""
    cluster = kafka_cluster()
    prefix = "refused-"
    connection = Connection.of(
        KafkaSettings.for_tests(
            bootstrap_servers=cluster.bootstrap, partitions=PARTITIONS, replication=1, prefix=prefix
        )
    )
    await created(connection)
    yield {
        "DUETIME_KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap,
        "DUETIME_KAFKA_PARTITIONS": str(PARTITIONS),
        "DUETIME_KAFKA_REPLICATION": "1",
        "DUETIME_KAFKA_PREFIX": prefix,
    }
    await removed(connection)


@pytest.mark.kafka
@pytest.mark.parametrize("role", ["timer", "executor"])
def test_topics_of_another_make_are_refused_with_a_sentence(
    role: str, topics: dict[str, str], tmp_path: Path
) -> None:
    with started(role, tmp_path, {**topics, "DUETIME_KAFKA_PARTITIONS": "2"}) as process:
        status, last = end_of(process)

    assert 2 == status
    assert "refused-duetime.tasks has 4 partitions, and 2 are asked for" in last


@pytest.mark.kafka
def test_a_cluster_without_topics_is_refused_with_the_way_out(
    topics: dict[str, str], tmp_path: Path
) -> None:
    with started("executor", tmp_path, {**topics, "DUETIME_KAFKA_PREFIX": "none-"}) as process:
        status, last = end_of(process)

    assert 2 == status
    assert "`duetime topics apply` creates what is missing" in last


@pytest.mark.kafka
@pytest.mark.mongo
@pytest.mark.parametrize("role", ["api", "log-projector"])
def test_read_models_of_another_log_are_refused_with_a_sentence(
    role: str, topics: dict[str, str], tmp_path: Path
) -> None:
    server = mongo_server()
    database = server.database_name()
    asyncio.run(built_from_another_log(server, database))
    told = {**topics, "DUETIME_MONGO_URI": server.uri, "DUETIME_MONGO_DATABASE": database}
    with started(role, tmp_path, told) as process:
        status, last = end_of(process)
    server.drop(database)

    assert 2 == status
    assert "the read models were built from another log (another, not" in last


def test_an_index_of_another_process_is_refused_with_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    with (
        locked(folder),
        started("timer", tmp_path, {"DUETIME_TIMER_INDEX_DIR": str(folder)}) as process,
    ):
        status, last = end_of(process)

    assert 2 == status
    assert f"{folder} is in use by another process: give each timer a folder of its own" == last


@pytest.mark.parametrize("variable", ["DUETIME_API_PORT", "DUETIME_HEALTH_PORT"])
def test_a_port_in_use_is_refused_with_a_sentence(variable: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = {"DUETIME_MONGO_URI": "mongodb://127.0.0.1:1/", variable: str(port)}
        with started("api", tmp_path, told) as process:
            status, last = end_of(process)

    assert 2 == status
    assert f"Duetime cannot listen on 127.0.0.1:{port}: Address already in use" == last


def end_of(process: Alone) -> tuple[int, str]:
    """Wait until it has ended by itself; give its status and the last line that it printed."""
    status = process.end()
    printed = process.said()

    assert "Traceback" not in printed
    assert "died" not in printed
    return status, printed.splitlines()[-1]


async def built_from_another_log(server: MongoServer, database: str) -> None:
    store = MongoStore.open(server.uri, database=database, log_id="another")
    await store.prepare()
    await store.close()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder as a timer does."""
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
