"""The Kafka adapter keeps the promises of the log port."""

from collections.abc import AsyncIterator

import pytest

from duetime.log.port import Log
from tests.contract.log_contract import LogContract
from tests.support.kafka import kafka_cluster, opened

pytestmark = pytest.mark.kafka


class TestKafkaLog(LogContract):
    @pytest.fixture
    async def log(self) -> AsyncIterator[Log]:
        async with opened(kafka_cluster().connection()) as log:
            yield log


async def test_a_log_behind_another_prefix_of_the_same_cluster_is_another_log() -> None:
    cluster = kafka_cluster()
    async with opened(cluster.connection()) as one, opened(cluster.connection()) as other:
        assert one.cluster_id != other.cluster_id
