"""What an append says of records that the driver has, but has not sent: never that there are none.

The driver is real, its metadata is what the test says; no broker is asked.
"""

import asyncio
from typing import Any

from duetime import limits
from duetime.log.kafka.appender import Appender
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.producer import Producer
from duetime.log.port import AppendOutcome, Unknown
from duetime.settings.kafka import KafkaSettings
from tests.support.records import a_record
from tests.support.virtual_loop import run_virtual


def test_what_the_driver_still_holds_is_never_said_not_to_be_written() -> None:
    async def main() -> tuple[AppendOutcome, int]:
        producer, appender, metadata = _without_metadata()
        (outcome,) = await appender.append([a_record("late")])
        metadata.set()  # as when a topic's leaders are known again
        await asyncio.sleep(limits.KAFKA_RETRY_SECONDS)
        held = _held_by(producer)
        await producer.close()
        await appender.close()
        return outcome, held

    outcome, held = run_virtual(main())

    assert 1 == held
    assert isinstance(outcome, Unknown)


def _without_metadata() -> tuple[Producer, Appender, asyncio.Event]:
    """Give an appender whose producer has lost the metadata of its topics, until the event."""
    connection = Connection.of(KafkaSettings.for_tests(partitions=1, replication=1))
    producer, appender = Producer(connection), Appender(connection)
    metadata = asyncio.Event()

    async def wait_on_metadata(_topic: str) -> None:
        await metadata.wait()

    producer.driver.client._wait_on_metadata = wait_on_metadata
    producer.driver._partition = _given
    appender._producer = producer
    return producer, appender, metadata


def _given(_topic: str, partition: int, *_: object) -> int:
    return partition


def _held_by(producer: Producer) -> int:
    batches: dict[Any, Any] = producer.driver._message_accumulator._batches
    return sum(len(queue) for queue in batches.values())
