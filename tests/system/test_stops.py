"""A process that is asked to stop while its broker is away ends within its grace."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from duetime.events.types import PythonAction
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.partitioner import partition_of
from duetime.log.reading import event_record
from duetime.log.topics import Topic
from duetime.settings.kafka import KafkaSettings
from tests.support import builders
from tests.support.alone import Alone, started
from tests.support.builders import definition, envelope
from tests.support.deployed import composed
from tests.support.kafka import KafkaCluster, created, own_cluster
from tests.support.machine import machine
from tests.support.records import accepted
from tests.support.stack import STAMPING, metric, stamped, wait_for

PARTITIONS = 12  # of the composition: each has a producer to be closed
RUNS = 24

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]


@pytest.fixture
async def cluster() -> AsyncIterator[KafkaCluster]:
    """A broker of this test alone, with its topics laid out."""
    with own_cluster() as own:
        await created(connection(own))
        yield own


@pytest.mark.parametrize("away", [signal.SIGSTOP, signal.SIGKILL])
def test_a_timer_and_an_executor_whose_broker_is_away_end_within_their_grace(
    away: signal.Signals, cluster: KafkaCluster, tmp_path: Path
) -> None:
    assert cluster.brokers is not None
    (broker,) = cluster.brokers.brokers
    assert broker.pid is not None
    told = {
        "DUETIME_KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap,
        "DUETIME_KAFKA_PARTITIONS": str(PARTITIONS),
        "DUETIME_KAFKA_REPLICATION": "1",
    }
    index = {"DUETIME_TIMER_INDEX_DIR": str(tmp_path / "index")}
    actions = {"PYTHONPATH": str(STAMPING.parent), "DUETIME_EXECUTOR_ACTIONS": STAMPING.stem}
    with (
        started("timer", tmp_path, {**told, **index}) as timer,
        started("executor", tmp_path, {**told, **actions}) as executor,
    ):
        wait_for(lambda: owns_all(timer) and owns_all(executor), "partitions with owners")
        stamps = tmp_path / "stamps.txt"
        asyncio.run(registered(cluster, stamps))
        wait_for(lambda: RUNS == len(stamped(stamps)), "runs that go on for long")
        os.kill(broker.pid, away)
        try:
            took = seconds_to_stop(timer, executor)
        finally:
            os.kill(broker.pid, signal.SIGCONT)

        assert {"timer": 0, "executor": 0} == {
            process.name: process.end() for process in (timer, executor)
        }
        for role, seconds in took.items():
            assert composed()[role].grace_seconds > seconds


async def registered(cluster: KafkaCluster, stamps: Path) -> None:
    """Register tasks that are due at once and run for longer than any grace."""
    now = datetime.now(UTC)
    action = PythonAction(name="stamp slowly", args={"file": str(stamps), "seconds": 120.0})
    records = []
    for number in range(RUNS):
        task_id = f"0197280a-0000-7000-8000-{number:012x}"
        event = replace(
            builders.created(task_id=task_id), definition=definition(now, action=action)
        )
        made = envelope(event, made_at=now, appended_at=now)
        partition = partition_of(task_id.encode(), PARTITIONS)
        records.append(event_record(Topic.TASKS, partition, made))
    log = await KafkaLog.open(connection(cluster))
    accepted(await log.append(records))
    await log.close()


def connection(cluster: KafkaCluster) -> Connection:
    return Connection.of(
        KafkaSettings.for_tests(
            bootstrap_servers=cluster.bootstrap, partitions=PARTITIONS, replication=1
        )
    )


def owns_all(process: Alone) -> bool:
    return process.ready() and metric(process, "duetime_owned_partitions") == PARTITIONS


def seconds_to_stop(*processes: Alone) -> dict[str, float]:
    """Ask all to stop, and see how long each takes."""
    clock = machine().clock
    began = clock()
    took: dict[str, float] = {}
    for process in processes:
        process.ask_to_stop()

    def all_ended() -> bool:
        for process in processes:
            if not process.alive:
                took.setdefault(process.name, clock() - began)
        return len(took) == len(processes)

    wait_for(all_ended, "processes that have ended", 60.0)
    return took
