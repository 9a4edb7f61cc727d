"""`duetime topics` on a real cluster: creates what is missing, alters nothing, refuses the rest."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from msgspec import structs
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from duetime.embedded.distributed import topics
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection, KafkaSetupError
from duetime.log.kafka.topics_plan import Kind, apply, check, plan
from duetime.log.port import LogAwayError
from duetime.log.topics import Topic
from duetime.settings.kafka import KafkaSettings
from tests.support.kafka import VARIABLE, created, kafka_cluster, own_cluster, removed
from tests.support.records import a_record, appended

pytestmark = pytest.mark.kafka


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    connection = kafka_cluster().connection()
    yield connection
    await removed(connection)


async def test_a_new_cluster_lacks_every_topic_and_is_refused_with_the_way_out(
    connection: Connection,
) -> None:
    findings = await plan(connection)

    assert [(Kind.MISSING, topic) for topic in Topic] == [(f.kind, f.topic) for f in findings]
    with pytest.raises(KafkaSetupError, match=r"duetime\.tasks does not exist.*topics apply"):
        await KafkaLog.open(connection)


async def test_what_was_applied_is_as_planned_and_applying_again_does_nothing(
    connection: Connection,
) -> None:
    await created(connection)
    again = await apply(connection)

    assert [] == list(again.created)
    assert [] == list(again.findings)
    assert [] == list(await plan(connection))
    assert [] == list(await check(connection))


async def test_who_applies_second_is_told_what_is_there_not_what_was_wished_for(
    connection: Connection,
) -> None:
    other = structs.replace(connection, partitions=2)
    applied = await asyncio.gather(apply(connection), apply(other))
    first, second = sorted(applied, key=lambda each: len(each.created), reverse=True)

    assert list(Topic) == [topic.topic for topic in first.created]
    assert [] == list(first.findings)
    assert [] == list(second.created)
    assert [(Kind.UNUSABLE, topic) for topic in Topic] == [
        (finding.kind, finding.topic) for finding in second.findings
    ]


async def test_a_topic_of_another_make_is_told_and_left_as_it_is(connection: Connection) -> None:
    await _create(connection, Topic.TASKS, partitions=2, settings={"cleanup.policy": "compact"})
    await created(connection)
    findings = await plan(connection)

    assert {Topic.TASKS} == {finding.topic for finding in findings}
    sentences = " ".join(finding.sentence for finding in findings)
    assert "has 2 partitions, and 4 are asked for" in sentences
    assert "has cleanup.policy=compact, and ought to have delete" in sentences
    with pytest.raises(KafkaSetupError, match="has 2 partitions"):
        await KafkaLog.open(connection)


async def test_messages_that_would_not_fit_are_refused_at_start(connection: Connection) -> None:
    await _create(connection, Topic.DUE, partitions=4, settings={"max.message.bytes": "100000"})
    await created(connection)

    with pytest.raises(KafkaSetupError, match=r"duetime\.due has max\.message\.bytes=100000"):
        await check(connection)


async def test_differences_that_break_nothing_are_told_and_let_in(connection: Connection) -> None:
    await _create(
        connection,
        Topic.EXECUTIONS,
        partitions=4,
        settings={"retention.ms": "86400000", "message.timestamp.type": "CreateTime"},
    )
    await created(connection)
    findings = await plan(connection)

    assert {Kind.DIFFERENT} == {finding.kind for finding in findings}
    assert any("retention.ms=86400000" in finding.sentence for finding in findings)
    assert list(findings) == list(await check(connection))


async def test_the_command_says_what_differs_where_duetime_would_start_and_where_not(
    connection: Connection,
) -> None:
    name = connection.names.of(Topic.DUE)
    await _create(connection, Topic.DUE, partitions=4, settings={"retention.ms": "1000"})
    applied = await _command(connection, "apply")
    checked = await _command(connection, "check")
    more_copies = await _command(connection, "check", DUETIME_KAFKA_REPLICATION="3")
    unfit = await _command(connection, "apply", DUETIME_KAFKA_PARTITIONS="8")

    difference = f"different: {name} has retention.ms=1000, and ought to have 604800000"
    assert 0 == applied.exit_code
    assert f"created {connection.names.of(Topic.TASKS)} with 4 partitions" in applied.output
    assert f"created {name}" not in applied.output
    assert difference in applied.output.splitlines()
    assert 0 == checked.exit_code
    assert ["Duetime would start on this cluster.", difference] == checked.output.splitlines()
    assert 0 == more_copies.exit_code
    assert "has 1 copies of each partition, and 3 are asked for" in more_copies.output
    assert "has min.insync.replicas=1, and ought to have 2" in more_copies.output
    assert 2 == unfit.exit_code
    assert f"unusable: {name} has 4 partitions, and 8 are asked for" in unfit.output


async def test_what_differs_is_a_warning_each_when_a_process_starts(
    connection: Connection,
) -> None:
    await _create(connection, Topic.DUE, partitions=4, settings={"retention.ms": "1000"})
    await created(connection)
    differences = [finding.sentence for finding in await check(connection)]
    with capture_logs() as said:
        log = await KafkaLog.open(connection)
        await log.close()

    assert differences
    assert differences == [
        line["reason"]
        for line in said
        if line["log_level"] == "warning" and line["event"] == "topic is not as planned"
    ]


async def test_asking_for_topics_creates_none_where_the_brokers_would_let_it() -> None:
    with own_cluster(auto_create_topics_enable="true") as cluster:
        connection = cluster.connection()
        findings = await plan(connection)
        with pytest.raises(KafkaSetupError, match="topics apply"):
            await check(connection)
        with pytest.raises(KafkaSetupError, match="topics apply"):
            await KafkaLog.open(connection)
        before = await _topics(connection)
        await created(connection)
        log = await KafkaLog.open(connection)
        await appended(log, a_record("v", topic=Topic.DUE))
        await _delete(connection, Topic.DUE)
        await log.append([a_record("v", topic=Topic.DUE)])  # its client looks for the topic
        await log.close()

        assert [Kind.MISSING] * len(Topic) == [finding.kind for finding in findings]
        assert set() == before
        assert Kind.MISSING in {finding.kind for finding in await plan(connection)}


async def test_a_cluster_that_is_away_is_away() -> None:
    nowhere = Connection.of(KafkaSettings.for_tests(bootstrap_servers="127.0.0.1:1"))

    with pytest.raises(LogAwayError):
        await plan(nowhere)
    with pytest.raises(LogAwayError):
        await KafkaLog.open(nowhere)


async def _create(
    connection: Connection, topic: Topic, *, partitions: int, settings: dict[str, str]
) -> None:
    admin: Any = AIOKafkaAdminClient(**connection.arguments)
    await admin.start()
    await admin.create_topics(
        [NewTopic(connection.names.of(topic), partitions, 1, topic_configs=settings)]
    )
    await admin.close()


async def _command(connection: Connection, verb: str, **environment: str) -> Result:
    """Run `duetime topics`, as people do."""
    settings = {
        "DUETIME_KAFKA_BOOTSTRAP_SERVERS": ",".join(connection.arguments["bootstrap_servers"]),
        "DUETIME_KAFKA_PREFIX": connection.names.group(""),
        "DUETIME_KAFKA_PARTITIONS": str(connection.partitions),
        "DUETIME_KAFKA_REPLICATION": str(connection.replication),
        VARIABLE: None,
    } | environment
    return await asyncio.to_thread(lambda: CliRunner().invoke(topics, [verb], env=settings))


async def _delete(connection: Connection, topic: Topic) -> None:
    admin: Any = AIOKafkaAdminClient(**connection.arguments)
    await admin.start()
    await admin.delete_topics([connection.names.of(topic)])
    await admin.close()


async def _topics(connection: Connection) -> set[str]:
    admin: Any = AIOKafkaAdminClient(**connection.arguments)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()
