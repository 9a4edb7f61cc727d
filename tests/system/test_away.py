"""A log or a database that is away when a process starts is waited for, and said meanwhile."""

import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.ports import free_port
from duetime.log.kafka.connection import Connection
from duetime.settings.kafka import KafkaSettings
from tests.support.alone import Alone, started
from tests.support.kafka import KafkaCluster, created, own_cluster
from tests.support.mongo import own_mongod
from tests.support.stack import api_url, listening, readiness, wait_for

PARTITIONS = 2
PAGE = "http://localhost:3000"


def a_task() -> dict[str, Any]:
    soon = datetime.now(UTC) + timedelta(hours=1)
    return {"description": "Water the plants", "time": soon.isoformat(), "recurring": False}


def nowhere() -> str:
    return f"127.0.0.1:{free_port()}"


def settings(bootstrap: str, mongo_uri: str) -> dict[str, str]:
    return {
        "DUETIME_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "DUETIME_KAFKA_PARTITIONS": str(PARTITIONS),
        "DUETIME_KAFKA_REPLICATION": "1",
        "DUETIME_MONGO_URI": mongo_uri,
    }


def wait_until_it_listens(api: Alone) -> None:
    port = int(api.environment["DUETIME_API_PORT"])
    wait_for(lambda: listening(port) or not api.alive, "a port that listens")
    assert api.alive, api.said()


@pytest.fixture
async def cluster() -> AsyncIterator[KafkaCluster]:
    """A broker of this test alone, with its topics laid out."""
    with own_cluster() as own:
        kafka = KafkaSettings.for_tests(
            bootstrap_servers=own.bootstrap, partitions=PARTITIONS, replication=1
        )
        await created(Connection.of(kafka))
        yield own


@pytest.mark.promise("P1")
def test_an_api_whose_log_is_away_at_its_start_answers_503_and_says_when_to_come_back(
    tmp_path: Path,
) -> None:
    told = settings(nowhere(), f"mongodb://{nowhere()}/?replicaSet=rs0")
    with started("api", tmp_path, told) as api:
        wait_until_it_listens(api)
        wait_for(lambda: "Kafka" in str(readiness(api)[1]), "word of what is away")
        with httpx.Client(base_url=api_url(api), timeout=5.0) as client:
            written = client.post("/tasks", json=a_task(), headers={"origin": PAGE})
            others = [
                client.get("/tasks"),
                client.get("/tasks/one"),
                client.get("/tasks/logs"),
                client.get("/events"),
                client.put("/tasks/one", json=a_task()),
                client.delete("/tasks/one"),
            ]
            ready = client.get("/readyz")
            alive = client.get("/livez")
            foreign = client.get("/tasks", headers={"host": "elsewhere.example"})

    assert "/problems/log-unavailable" == written.json()["type"]
    assert "Kafka" in written.json()["detail"]
    assert PAGE == written.headers["access-control-allow-origin"]
    for answer in (written, *others):
        assert 503 == answer.status_code
        assert "application/problem+json" == answer.headers["content-type"]
        assert answer.headers["retry-after"].isdigit()
    assert {
        "/problems/read-models-unavailable",
        "/problems/events-unavailable",
        "/problems/log-unavailable",
    } == {answer.json()["type"] for answer in others}
    assert 503 == ready.status_code
    assert "waiting for Kafka" in str(ready.json()["failing"])
    assert 200 == alive.status_code
    assert 421 == foreign.status_code


@pytest.mark.promise("P1")
@pytest.mark.kafka
@pytest.mark.mongo
@pytest.mark.timeout(180)
def test_an_api_that_waited_for_its_log_and_its_database_serves_over_the_connections_it_had(
    tmp_path: Path, cluster: KafkaCluster
) -> None:
    assert cluster.brokers is not None
    (broker,) = cluster.brokers.brokers
    broker.kill()
    database, end = own_mongod()
    assert database.pid is not None
    os.kill(database.pid, signal.SIGSTOP)
    try:
        with (
            started("api", tmp_path, settings(cluster.bootstrap, database.uri)) as api,
            httpx.Client(base_url=api_url(api), timeout=10.0) as client,
        ):
            wait_until_it_listens(api)
            without_both = client.post("/tasks", json=a_task())
            connection = local_port(without_both)
            # Asked all the while over the one connection, which is thus never idle.
            broker.start()
            wait_for(lambda: "MongoDB" in client.get("/readyz").text, "word of the database")
            without_database = client.post("/tasks", json=a_task())
            os.kill(database.pid, signal.SIGCONT)
            wait_for(lambda: client.get("/readyz").status_code == 200, "an api that is ready")
            taken = client.post("/tasks", json=a_task(), headers={"prefer": "respond-async"})
            kept = local_port(taken)
            status = api.stop()
    finally:
        os.kill(database.pid, signal.SIGCONT)
        end()

    assert [503, 503, 201] == [
        answer.status_code for answer in (without_both, without_database, taken)
    ]
    assert connection == kept
    assert "MongoDB" in without_database.json()["detail"]
    assert 0 == status


def local_port(answer: httpx.Response) -> int:
    """Tell connections of ours apart."""
    address: tuple[str, int] = answer.extensions["network_stream"].get_extra_info("client_addr")
    return address[1]


def test_an_api_that_is_asked_to_stop_while_it_waits_ends_without_a_fault(tmp_path: Path) -> None:
    told = settings(nowhere(), f"mongodb://{nowhere()}/?replicaSet=rs0")
    with started("api", tmp_path, told) as api:
        wait_until_it_listens(api)
        status = api.stop()

        assert 0 == status
        assert "stopped" in api.said()
        assert "Traceback" not in api.said()
