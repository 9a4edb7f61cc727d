"""How the topics of a Kafka cluster are judged: what is told, and what is refused."""

import pytest

from duetime.log.kafka.connection import Connection
from duetime.log.kafka.topics_plan import Finding, Found, Kind, compare, wanted
from duetime.log.topics import Topic
from duetime.settings.kafka import KafkaSettings


def connection(*, replication: int = 3) -> Connection:
    return Connection.of(
        KafkaSettings.for_tests(prefix="prod-", partitions=12, replication=replication)
    )


def as_wanted(**changes: Found) -> dict[str, Found]:
    """Give topics exactly as they ought to be, but for some, by the end of their name."""
    found = {
        topic.name: Found(
            partitions=topic.partitions, replication=topic.replication, settings=topic.settings
        )
        for topic in wanted(connection())
    }
    return found | {f"prod-duetime.{name}": there for name, there in changes.items()}


def altered(name: str, *, partitions: int = 12, replication: int = 3, **settings: str) -> Found:
    there = as_wanted()[f"prod-duetime.{name}"]
    words = {setting.replace("_", "."): value for setting, value in settings.items()}
    return Found(
        partitions=partitions, replication=replication, settings=dict(there.settings) | words
    )


def judged(found: dict[str, Found]) -> list[Finding]:
    return list(compare(wanted(connection()), found))


def test_topics_as_they_ought_to_be_give_nothing_to_say() -> None:
    assert [] == judged(as_wanted())


def test_the_plan_says_what_the_design_says() -> None:
    plan = {topic.topic: topic for topic in wanted(connection())}
    week, month = str(7 * 86_400_000), str(30 * 86_400_000)

    assert set(Topic) == set(plan)
    assert {(12, 3)} == {(topic.partitions, topic.replication) for topic in plan.values()}
    assert "prod-duetime.tasks" == plan[Topic.TASKS].name
    assert "LogAppendTime" == plan[Topic.TASKS].settings["message.timestamp.type"]
    assert {"CreateTime"} == {
        topic.settings["message.timestamp.type"]
        for name, topic in plan.items()
        if name is not Topic.TASKS
    }
    assert "compact" == plan[Topic.SCHEDULE].settings["cleanup.policy"]
    assert "retention.ms" not in plan[Topic.SCHEDULE].settings
    assert ["-1", week, month, month] == [
        plan[topic].settings["retention.ms"]
        for topic in (Topic.TASKS, Topic.DUE, Topic.EXECUTIONS, Topic.DEAD_LETTERS)
    ]
    assert {"2"} == {topic.settings["min.insync.replicas"] for topic in plan.values()}


@pytest.mark.promise("P1")
def test_the_only_copy_of_a_write_is_on_the_disk_before_it_is_answered() -> None:
    alone = wanted(connection(replication=1))
    copied = wanted(connection(replication=3))

    assert {Topic.TASKS: "1"} == {
        topic.topic: topic.settings["flush.messages"]
        for topic in alone
        if "flush.messages" in topic.settings
    }
    assert {"1"} == {topic.settings["min.insync.replicas"] for topic in alone}
    assert all("flush.messages" not in topic.settings for topic in copied)


def test_a_topic_that_is_not_there_is_missing() -> None:
    found = as_wanted()
    del found["prod-duetime.due"]

    assert [
        Finding(kind=Kind.MISSING, topic=Topic.DUE, sentence="prod-duetime.due does not exist")
    ] == judged(found)


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (altered("tasks", partitions=6), "has 6 partitions, and 12 are asked for"),
        (altered("tasks", cleanup_policy="compact"), "cleanup.policy=compact"),
        (altered("tasks", cleanup_policy="compact,delete"), "cleanup.policy=compact,delete"),
        (altered("tasks", max_message_bytes="65536"), "max.message.bytes=65536"),
        (altered("tasks", message_timestamp_type="CreateTime"), "timestamp.type=CreateTime"),
    ],
    ids=["partitions", "cleanup", "cleanup too", "size", "time"],
)
def test_what_would_break_a_promise_is_unusable(there: Found, words: str) -> None:
    (finding,) = judged(as_wanted(tasks=there))

    assert Kind.UNUSABLE == finding.kind
    assert finding.sentence.startswith("prod-duetime.tasks has ")
    assert words in finding.sentence


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (altered("tasks", replication=1), "has 1 copies of each partition, and 3"),
        (altered("tasks", retention_ms="1000"), "retention.ms=1000, and ought to have -1"),
        (altered("tasks", min_insync_replicas="1"), "min.insync.replicas=1"),
    ],
    ids=["replication", "retention", "replicas"],
)
def test_what_is_only_unlike_the_plan_is_told(there: Found, words: str) -> None:
    (finding,) = judged(as_wanted(tasks=there))

    assert Kind.DIFFERENT == finding.kind
    assert words in finding.sentence


def test_larger_messages_and_settings_of_others_are_nobody_elses_business() -> None:
    there = altered("tasks", max_message_bytes="9000000", compression_type="zstd")

    assert [] == judged(as_wanted(tasks=there))
