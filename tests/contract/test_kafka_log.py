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
