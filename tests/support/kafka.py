"""A real Kafka for tests: the first that answers, or a reason to skip that says how to get one.

Tried in this order: addresses in DUETIME_TEST_KAFKA, Docker through testcontainers where an engine
answers, local processes (`deploy.local.kafka`). One cluster serves a whole run of pytest; what is
started here ends with it, also when the run is killed. Tests have topics of their own in it, behind
a prefix.
"""

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final, assert_never

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local import kafka as local
from deploy.local.ports import HOST
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.topics_plan import apply
from duetime.log.port import LogAwayError
from duetime.log.topics import Topic
from duetime.settings.kafka import KafkaSettings
from tests.support.backends import Source, choose, container, docker_lacks

VARIABLE: Final = "DUETIME_TEST_KAFKA"
IMAGE: Final = f"apache/kafka:{local.VERSION}"
BUILD: Final = Path(__file__).parents[2] / ".build"
PARTITIONS: Final = 4
_ANSWER_SECONDS_MAX: Final = 30.0
_PORT: Final = 9092

_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaCluster:
    """A cluster that answered. `brokers` are there where they are our own processes."""

    bootstrap: str
    brokers: local.Brokers | None = None

    def connection(self, *, partitions: int = PARTITIONS, **settings: Any) -> Connection:
        """Give a way to it, to topics that no other test uses."""
        prefix = f"test-{os.getpid()}-{next(_numbers)}-"
        return Connection.of(
            KafkaSettings.for_tests(
                bootstrap_servers=self.bootstrap,
                partitions=partitions,
                **({"replication": 1, "prefix": prefix} | settings),
            )
        )


def kafka_cluster() -> KafkaCluster:
    """Give the cluster of this run; skips the test where there is none."""
    cluster, reason = _cluster()
    if cluster is None:
        pytest.skip(reason)
    return cluster


@contextmanager
def own_cluster(*, brokers: int = 1, **settings: object) -> Iterator[KafkaCluster]:
    """Start brokers for one test, which may ill-treat them; skips where it cannot.

    `settings` are in Kafka's words, with underscores for the dots.
    """
    reason = local.missing()
    if reason is not None:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="duetime-kafka-") as folder:
        words = {name.replace("_", "."): value for name, value in settings.items()}
        processes = local.start(Path(folder), BUILD, brokers=brokers, settings=words)
        try:
            yield KafkaCluster(bootstrap=processes.bootstrap, brokers=processes)
        finally:
            processes.stop()


@asynccontextmanager
async def opened(connection: Connection) -> AsyncIterator[KafkaLog]:
    """Give a log on new topics, and remove both afterwards."""
    await created(connection)
    log = await KafkaLog.open(connection)
    try:
        yield log
    finally:
        await log.close()
        await removed(connection)


async def created(connection: Connection) -> None:
    """Create the topics; a cluster that has just started may need a moment."""
    async with asyncio.timeout(_ANSWER_SECONDS_MAX):
        while True:
            with suppress(LogAwayError):
                await apply(connection)
                return
            await asyncio.sleep(0.1)


async def removed(connection: Connection) -> None:
    """Delete the topics: a cluster that others use too is left as it was."""
    admin: Any = AIOKafkaAdminClient(**connection.arguments)
    await admin.start()
    try:
        await admin.delete_topics([connection.names.of(topic) for topic in Topic])
    finally:
        await admin.close()


@cache
def _cluster() -> tuple[KafkaCluster | None, str]:
    bootstrap = os.environ.get(VARIABLE)
    source, reason = choose(bootstrap, container=docker_lacks, local=local.missing)
    match source:
        case None:
            return None, f"{reason}; or set {VARIABLE}"
        case Source.URL:
            assert bootstrap is not None
            return KafkaCluster(bootstrap=bootstrap), ""
        case Source.CONTAINER:
            # The broker tells clients its own address, so the port outside is the one inside.
            container(IMAGE).with_bind_ports(_PORT, _PORT).start()
            return KafkaCluster(bootstrap=f"{HOST}:{_PORT}"), ""
        case Source.LOCAL:
            return _started(), ""
        case _:
            assert_never(source)


def _started() -> KafkaCluster:
    folder = Path(tempfile.mkdtemp(prefix="duetime-kafka-"))
    brokers = local.start(folder, BUILD)

    def end() -> None:
        brokers.stop()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return KafkaCluster(bootstrap=brokers.bootstrap, brokers=brokers)
