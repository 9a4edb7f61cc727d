"""An aiokafka producer whose every step is bounded, and which can be thrown away.

Knows the driver's producer inside out, for it must: with idempotence its sends never time out and
its `stop` can hang. Once in doubt a producer is never used again, and what it still holds must not
be sent by it later: `discard` takes its batches away before it closes its connections.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidRequiredAcksError,
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    PolicyViolationError,
    ProducerClosed,
    RecordListTooLargeError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnsupportedForMessageFormatError,
)

from duetime import limits
from duetime.log.kafka.connection import Connection
from duetime.log.port import LogAwayError

# Answers that a broker gives only instead of writing.
REFUSALS: Final = (
    InvalidRequiredAcksError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedForMessageFormatError,
)
_DISTURBANCES: Final = (RequestTimedOutError, KafkaConnectionError, NodeNotReadyError)


class Producer:
    """One producer id. `disturbed`: a request got no answer, so a copy may still be under way."""

    def __init__(self, connection: Connection, transactional_id: str | None = None) -> None:
        """Make it; `start` connects."""
        loop = asyncio.get_running_loop()
        self.disturbed = False
        self._discarding: asyncio.Task[None] | None = None
        arguments: dict[str, Any] = dict(connection.arguments)
        if transactional_id is not None:
            arguments |= {
                "transactional_id": transactional_id,
                "transaction_timeout_ms": int(limits.KAFKA_TRANSACTION_SECONDS_MAX * 1_000),
            }
        self.driver: Any = AIOKafkaProducer(
            **arguments,
            acks="all",
            enable_idempotence=True,
            compression_type=connection.compression,
            max_batch_size=limits.KAFKA_BATCH_BYTES_MAX,
            request_timeout_ms=int(limits.KAFKA_REQUEST_SECONDS_MAX * 1_000),
            retry_backoff_ms=int(limits.KAFKA_RETRY_SECONDS * 1_000),
        )
        if transactional_id is None:
            # Without one the driver stumbles over its absence when its sender ends in an error.
            self.driver._txn_manager._transaction_waiter = loop.create_future()  # noqa: SLF001 # as above
        self._send = self.driver.client.send
        self.driver.client.send = self._watched

    async def start(self, topics: list[str]) -> None:
        """Connect; with a transactional id, fence the one before. Raises LogAwayError."""
        try:
            async with asyncio.timeout(limits.KAFKA_START_SECONDS_MAX):
                await self.driver.start()
                for topic in topics:  # so that a send never has to wait for metadata
                    await self.driver.partitions_for(topic)
        except (KafkaError, OSError, TimeoutError) as fault:
            self.discard()
            reason = str(fault) or "it took too long"
            raise LogAwayError(f"Kafka cannot be reached: {reason}") from fault
        except BaseException:
            self.discard()
            raise
        self.disturbed = False

    def discard(self) -> None:
        """Let go at once; nothing that is not on its way now will be sent. Does not wait."""
        if self._discarding is None:
            self._discarding = asyncio.get_running_loop().create_task(
                self._discard(), name="discard a Kafka producer"
            )

    @property
    def closed(self) -> bool:
        """Whether it has let go."""
        return self._discarding is not None and self._discarding.done()

    async def close(self) -> None:
        """Let go, and wait for it; bounded. Harmless when repeated."""
        self.discard()
        assert self._discarding is not None
        await asyncio.wait([self._discarding])

    async def _discard(self) -> None:
        driver = self.driver
        accumulator, sender = driver._message_accumulator, driver._sender  # noqa: SLF001 # no other way to stop it from sending
        unsent = [batch for queue in accumulator._batches.values() for batch in queue]  # noqa: SLF001 # as above
        accumulator._pending_batches.update(unsent)  # noqa: SLF001 # their end takes them out of it
        accumulator.reenqueue = _never_again
        accumulator.fail_all(ProducerClosed())
        accumulator._batches.clear()  # noqa: SLF001 # what was never sent shall never be
        for batch in unsent:
            retrieve(batch._drain_waiter)  # noqa: SLF001 # nobody else will look at it
        task = sender.sender_task
        if task is not None:
            # The first time it waits for its requests, the second time it leaves them.
            await end(task, limits.KAFKA_RETRY_SECONDS)
        # Closing the connections also ends requests that wait for an answer.
        await bounded(driver.client.close(), limits.KAFKA_STOP_SECONDS_MAX)
        waiter = driver._txn_manager._transaction_waiter  # noqa: SLF001 # as above
        if waiter is not None:
            retrieve(waiter)
        driver._closed = True  # noqa: SLF001 # it is: `stop` would try to send what is left

    async def _watched(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self._send(*args, **kwargs)
        except _DISTURBANCES:
            self.disturbed = True
            raise


def _never_again(_batch: object) -> None:
    """Take back what could not be sent: a discarded producer does not try again."""


async def end(task: "asyncio.Task[Any]", grace_seconds: float) -> None:
    """Cancel a task until it has ended; bounded. Its outcome is of no interest."""
    until = asyncio.get_running_loop().time() + limits.KAFKA_STOP_SECONDS_MAX
    while not task.done() and asyncio.get_running_loop().time() < until:
        task.cancel()
        await asyncio.wait([task], timeout=grace_seconds)
    retrieve(task)


def retrieve(future: "asyncio.Future[Any]") -> None:
    """Take note of how something ended that nobody waits for: it was told already."""
    if future.done() and not future.cancelled():
        future.exception()


async def bounded(work: Awaitable[object], seconds: float) -> None:
    """Wait for something of the driver's that may hang or fail, so long at most.

    It runs in a task of its own: the driver lets its own cancellations out as if they were ours.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
        task.add_done_callback(retrieve)
