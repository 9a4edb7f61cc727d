"""The Kafka adapter where things go wrong: fences, refusals, lost members, brokers that go away.

Against a real broker: what aiokafka and Kafka do here is the reason for most of the adapter.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from duetime import limits
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.transactor import KafkaTransactor
from duetime.log.port import (
    Accepted,
    FencedError,
    LogAwayError,
    LogError,
    Refused,
    Subscription,
    Unknown,
    UnknownOutcomeError,
)
from duetime.log.topics import Topic
from tests.support.kafka import KafkaCluster, created, kafka_cluster, opened, own_cluster
from tests.support.machine import machine
from tests.support.records import (
    WAIT_SECONDS,
    a_record,
    appended,
    arrived,
    joined,
    polled_until,
    read_from,
    values,
)

pytestmark = pytest.mark.kafka

LARGE = "x" * 5_000


@pytest.fixture
def connection() -> Connection:
    return kafka_cluster().connection()


@pytest.fixture
async def log(connection: Connection) -> AsyncIterator[KafkaLog]:
    async with opened(connection) as log:
        yield log


@pytest.fixture
def own() -> Iterator[KafkaCluster]:
    with own_cluster() as cluster:
        yield cluster


@pytest.fixture
async def own_log(own: KafkaCluster) -> AsyncIterator[KafkaLog]:
    async with _opened(own.connection()) as log:
        yield log


# --- transactions -------------------------------------------------------------------------------


async def test_a_late_transaction_of_an_older_transactor_is_refused_by_the_broker(
    log: KafkaLog,
) -> None:
    older = await _transactor(log)
    await older._producer.driver.begin_transaction()
    await older._send({(Topic.DUE, 0): [(0, a_record("zombie", topic=Topic.DUE))]})
    await older._producer.driver.flush()
    newer = await _transactor(log)
    with pytest.raises(FencedError, match=r"^there is a newer transactor"):
        await older._end()
    await newer.commit([a_record("heir", topic=Topic.DUE)])

    assert ["heir"] == values(await read_from(log, Topic.DUE, 0, 0))


async def test_what_kafka_left_open_of_a_committed_transaction_is_whole_for_the_next_one() -> None:
    # As a coordinator does it that leaves a mark out: it only knows of a part of the transaction.
    with own_cluster(transaction_partition_verification_enable="false") as cluster:
        connection = cluster.connection()
        async with _opened(connection) as log:
            older = await _transactor(log)
            unknown = TopicPartition(connection.names.of(Topic.SCHEDULE), 0)
            older._producer.driver._txn_manager._txn_partitions.add(unknown)
            with pytest.raises(UnknownOutcomeError, match="nobody sees it yet"):
                await older.commit(
                    [a_record("said", topic=Topic.DUE), a_record("state", topic=Topic.SCHEDULE)]
                )
            said, state = [await read_from(log, each, 0, 0) for each in (Topic.DUE, Topic.SCHEDULE)]
            newer = await _transactor(log)
            whole = values(await read_from(log, Topic.SCHEDULE, 0, 0))
            await newer.commit([a_record("next", topic=Topic.SCHEDULE)])

            assert ["said"] == values(said)
            assert [] == state, "torn"
            assert ["state"] == whole
            assert ["state", "next"] == values(await read_from(log, Topic.SCHEDULE, 0, 0))


async def test_a_record_that_the_broker_refuses_takes_its_whole_transaction_with_it(
    log: KafkaLog, connection: Connection
) -> None:
    await _take_small_ones_only(log, connection)
    transactor = await log.transactor("timer", 0)
    with pytest.raises(LogAwayError, match="nothing was written"):
        await transactor.commit(
            [a_record("good", topic=Topic.DUE), a_record(LARGE, topic=Topic.DEAD_LETTERS)]
        )
    successor = await log.transactor("timer", 0)
    await successor.commit([a_record("next", topic=Topic.DUE)])

    assert ["next"] == values(await read_from(log, Topic.DUE, 0, 0))


async def test_an_append_that_the_broker_refuses_does_not_spoil_the_ones_after_it(
    log: KafkaLog, connection: Connection
) -> None:
    await _take_small_ones_only(log, connection)
    refused, good = await log.append(
        [a_record(LARGE, topic=Topic.DEAD_LETTERS), a_record("good", topic=Topic.DUE)]
    )
    (after,) = await appended(log, a_record("after", topic=Topic.DEAD_LETTERS))

    assert isinstance(refused, Refused)
    assert isinstance(good, Accepted | Unknown)
    found = await read_from(log, Topic.DEAD_LETTERS, 0, 0)
    assert [(after.offset, b"after")] == [(record.offset, record.value) for record in found]


async def test_a_transactor_that_had_a_request_without_an_answer_is_good_for_that_commit_only(
    log: KafkaLog,
) -> None:
    transactor = await _transactor(log)
    transactor._producer.disturbed = True
    (accepted,) = await transactor.commit([a_record("last", topic=Topic.DUE)])
    with pytest.raises(FencedError, match=r"has ended \(a request of it got no answer"):
        await transactor.commit([a_record("never", topic=Topic.DUE)])
    found = await read_from(log, Topic.DUE, 0, 0)

    assert [(accepted.offset, b"last")] == [(record.offset, record.value) for record in found]


async def test_a_transaction_that_is_cancelled_on_its_way_leaves_nothing(log: KafkaLog) -> None:
    transactor = await _transactor(log)
    writing = asyncio.create_task(transactor._write([a_record("cancelled", topic=Topic.DUE)]))
    await asyncio.wait([writing])
    ending = asyncio.create_task(transactor.commit([a_record("second", topic=Topic.DUE)]))
    await asyncio.sleep(0)
    ending.cancel()
    await asyncio.gather(ending, return_exceptions=True)
    successor = await log.transactor("timer", 0)
    await successor.commit([a_record("new", topic=Topic.DUE)])

    assert ["new"] == values(await read_from(log, Topic.DUE, 0, 0))


@pytest.mark.timeout(120)
@pytest.mark.promise("P1")
async def test_a_broker_restart_in_mid_transaction_leaves_it_whole_or_not_at_all(
    own: KafkaCluster, own_log: KafkaLog
) -> None:
    log = own_log
    assert own.brokers is not None
    (broker,) = own.brokers.brokers
    transactor = await _transactor(log)
    records = [a_record("one", topic=Topic.DUE), a_record("two", topic=Topic.SCHEDULE)]
    await transactor._write(records)
    broker.kill()
    broker.start()
    broker.wait()
    try:
        await transactor._end()
        expected: list[list[str]] = [["one"]]
    except UnknownOutcomeError:
        expected = [["one"], []]
    successor = await _patient_transactor(log)
    due = values(await read_from(log, Topic.DUE, 0, 0))
    schedule = values(await read_from(log, Topic.SCHEDULE, 0, 0))
    await successor.commit([a_record("after", topic=Topic.DUE)])

    assert due in expected
    assert bool(due) == bool(schedule)


@pytest.mark.timeout(120)
@pytest.mark.promise("P1")
async def test_appends_to_a_broker_that_is_away_have_honest_outcomes_and_go_on_after_it(
    own: KafkaCluster, own_log: KafkaLog
) -> None:
    log = own_log
    assert own.brokers is not None
    (broker,) = own.brokers.brokers
    member = await log.subscribe("through it all", [Topic.TASKS])
    outcomes: dict[str, object] = {}

    async def append(value: str) -> None:
        (outcomes[value],) = await log.append([a_record(value)])

    await append("before")
    broker.kill()
    began = asyncio.get_running_loop().time()
    await asyncio.gather(append("away"), append("away too"))
    took = asyncio.get_running_loop().time() - began
    broker.start()
    broker.wait()
    while not isinstance(outcomes.get("after"), Accepted):
        outcomes.pop("after", None)
        await append("after")
    found = values(await read_from(log, Topic.TASKS, 0, 0))
    delivered = await _delivered_from_the_beginning(member, found)

    assert took < limits.APPEND_WAIT_SECONDS_MAX + 1
    assert {Refused, Unknown, Accepted}.issuperset(map(type, outcomes.values()))
    for value, outcome in outcomes.items():
        assert not isinstance(outcome, Accepted) or value in found
        assert not isinstance(outcome, Refused) or value not in found
    assert found == delivered


@pytest.mark.timeout(180)
@pytest.mark.promise("P2")
async def test_the_log_goes_on_when_one_of_three_brokers_is_killed() -> None:
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(own_cluster(brokers=3))
        assert cluster.brokers is not None
        log = await stack.enter_async_context(
            _opened(cluster.connection(replication=3, partitions=6))
        )
        member = await log.subscribe("bereaved", [Topic.TASKS])
        transactors = [await log.transactor("timer", p) for p in range(log.partitions)]
        await appended(log, *(a_record(f"before {p}", partition=p) for p in range(6)))
        cluster.brokers.brokers[0].kill()
        began = machine().clock()
        await asyncio.gather(*(_append_at_last(log, p) for p in range(6)))
        appended_after = machine().clock() - began
        for transactor in transactors:
            await transactor.close()
        for partition in range(6):
            successor = await _patient_transactor(log, partition)
            await successor.commit([a_record(topic=Topic.DUE, partition=partition)])
        transacted_after = machine().clock() - began
        wanted = {f"{when} {p}" for when in ("before", "after") for p in range(6)}
        found = await _delivered_from_the_beginning(member, wanted)
        delivered_after = machine().clock() - began

    assert wanted == set(found)
    assert delivered_after < 3 * limits.LATENESS_SECONDS_MAX
    assert appended_after < limits.LATENESS_SECONDS_MAX
    assert transacted_after < 2 * limits.LATENESS_SECONDS_MAX


# --- places that the log does not have ----------------------------------------------------------


async def test_readers_go_on_at_the_first_record_that_retention_has_left(
    log: KafkaLog, connection: Connection
) -> None:
    outcomes = await appended(log, *map(a_record, ("gone", "gone too", "left")))
    await _delete_before(connection, Topic.TASKS, outcomes[2].offset)
    member, _ = await joined(log, "late", [Topic.TASKS])
    member.deliver(0, {Topic.TASKS: 0})

    assert ["left"] == values(await read_from(log, Topic.TASKS, 0, 0))
    assert ["left"] == values(await arrived(member, 1))


async def test_a_place_behind_the_end_is_of_another_log_and_refused(log: KafkaLog) -> None:
    await appended(log, a_record())
    member, _ = await joined(log, "lost", [Topic.TASKS])
    member.deliver(0, {Topic.TASKS: 1_000})

    with pytest.raises(LogError, match="ends before offset 1000"):
        await log.read(Topic.TASKS, 0, 1_000, records_max=1)
    with pytest.raises(LogError, match="ends before offset 1000"):
        await polled_until(member, lambda _: False)


# --- what the log says --------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
async def test_compressed_batches_are_read_as_they_were_written(compression: str) -> None:
    async with opened(kafka_cluster().connection(compression=compression)) as log:
        written = [f"{number} {'x' * 200}" for number in range(500)]
        await appended(log, *map(a_record, written))

        assert written == values(await read_from(log, Topic.TASKS, 0, 0))


@pytest.mark.parametrize("topic", [Topic.TASKS, Topic.DUE])
async def test_the_time_that_was_told_is_the_time_that_is_read(log: KafkaLog, topic: Topic) -> None:
    outcomes = await appended(log, *[a_record(topic=topic)] * 5)
    found = await read_from(log, topic, 0, 0)

    assert [outcome.appended_at for outcome in outcomes] == [r.appended_at for r in found]


# --- what the tests need ------------------------------------------------------------------------


@asynccontextmanager
async def _opened(connection: Connection) -> AsyncIterator[KafkaLog]:
    await created(connection)
    log = await KafkaLog.open(connection)
    try:
        yield log
    finally:
        await log.close()


async def _append_at_last(log: KafkaLog, partition: int) -> None:
    while not isinstance(
        (await log.append([a_record(f"after {partition}", partition=partition)]))[0], Accepted
    ):
        pass


async def _transactor(log: KafkaLog, partition: int = 0) -> KafkaTransactor:
    transactor = await log.transactor("timer", partition)
    assert isinstance(transactor, KafkaTransactor)
    return transactor


async def _patient_transactor(log: KafkaLog, partition: int = 0) -> KafkaTransactor:
    async with asyncio.timeout(4 * limits.KAFKA_START_SECONDS_MAX):
        while True:
            try:
                return await _transactor(log, partition)
            except LogAwayError:
                await asyncio.sleep(limits.KAFKA_RETRY_SECONDS)


async def _polled(member: Subscription) -> Any:
    return await member.poll(records_max=100, wait_seconds=0.1)


async def _delivered_from_the_beginning(member: Subscription, wanted: Collection[str]) -> list[str]:
    """Give what a member reads, which may lose its partitions meanwhile and be given them again."""
    found: list[str] = []
    told: Any = {}
    async with asyncio.timeout(WAIT_SECONDS):
        while not set(wanted) <= set(found):
            polled = await _polled(member)
            if polled.assigned != told:
                found, told = [], polled.assigned
                for partition in told:
                    member.deliver(partition, {Topic.TASKS: 0})
            else:
                found += values(polled.records)
    return found


async def _take_small_ones_only(log: KafkaLog, connection: Connection) -> None:
    """Have the broker refuse large dead letters, and wait until it does."""
    admin: Any = AIOKafkaAdminClient(**connection.arguments)
    await admin.start()
    resource = ConfigResource(
        ConfigResourceType.TOPIC,
        connection.names.of(Topic.DEAD_LETTERS),
        configs={"max.message.bytes": "1000"},
    )
    await admin.alter_configs([resource])
    await admin.close()
    probe = a_record(LARGE, topic=Topic.DEAD_LETTERS, partition=1)
    async with asyncio.timeout(WAIT_SECONDS):
        while not isinstance((await log.append([probe]))[0], Refused):
            pass


async def _delete_before(connection: Connection, topic: Topic, offset: int) -> None:
    admin: Any = AIOKafkaAdminClient(**connection.arguments)
    await admin.start()
    slot = TopicPartition(connection.names.of(topic), 0)
    await admin.delete_records({slot: RecordsToDelete(before_offset=offset)})
    await admin.close()
