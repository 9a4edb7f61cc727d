"""What the topics of a cluster ought to be, and how they differ: `duetime topics plan|apply|check`.

Knows the one table of topics and Kafka's words for it. What exists is never altered: its partitions
cannot be, and its settings belong to whoever runs the cluster (the driver's only call to change
them would reset the others). So a difference is told, what is missing is created, and what would
break a promise is refused at start.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from duetime import limits
from duetime.log.kafka.connection import Connection, KafkaSetupError
from duetime.log.kafka.producer import bounded
from duetime.log.port import LogAwayError
from duetime.log.topics import TOPICS, Cleanup, Topic, TopicSpec

_BATCH_BYTES: Final = 1_048_588  # Kafka's own default, above KAFKA_BATCH_BYTES_MAX
_FOR_EVER: Final = "-1"
_UNKNOWN_TOPIC: Final = 3
_LOOK_AGAIN_SECONDS: Final = 0.2
# What an answered write rests on. All else follows from it, and what of that a power failure takes
# is done again (an open run without an end), at a tenth of the price: a flush is four syncs.
_ACCEPTED: Final = frozenset({Topic.TASKS})
# Each of these, when wrong, breaks a promise: records vanish, are refused, or carry another clock.
_VITAL: Final = ("cleanup.policy", "max.message.bytes", "message.timestamp.type")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as it ought to be."""

    topic: Topic
    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as it is."""

    partitions: int
    replication: int
    settings: Mapping[str, str]


class Kind(StrEnum):
    """What a finding is about."""

    MISSING = "missing"  # `apply` creates it
    DIFFERENT = "different"  # works, but not as planned
    UNUSABLE = "unusable"  # refused at start


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between what is and what ought to be, as a sentence."""

    kind: Kind
    topic: Topic
    sentence: str


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What an `apply` created, and how what is there now still differs from the plan."""

    created: Sequence[Wanted]
    findings: Sequence[Finding]


def wanted(connection: Connection) -> Sequence[Wanted]:
    """Give every topic as it ought to be on this cluster."""
    return [
        Wanted(
            topic=spec.topic,
            name=connection.names.of(spec.topic),
            partitions=connection.partitions,
            replication=connection.replication,
            settings=_settings(spec, connection.replication),
        )
        for spec in TOPICS.values()
    ]


def compare(plan: Sequence[Wanted], found: Mapping[str, Found]) -> Sequence[Finding]:
    """Give every difference. Settings that the plan does not name are the cluster's business."""
    findings: list[Finding] = []
    for topic in plan:
        there = found.get(topic.name)
        if there is None:
            findings.append(_finding(Kind.MISSING, topic, f"{topic.name} does not exist"))
        else:
            findings += _differences(topic, there)
    return findings


async def plan(connection: Connection) -> Sequence[Finding]:
    """Look at the cluster and give every difference. Raises LogAwayError."""
    async with _admin(connection) as admin:
        ought = wanted(connection)
        return compare(ought, await _look(admin, ought))


async def apply(connection: Connection) -> Applied:
    """Create what is missing; alter nothing. Raises LogAwayError, KafkaSetupError."""
    async with _admin(connection) as admin:
        ought = wanted(connection)
        found = await _look(admin, ought)
        missing = [topic for topic in ought if topic.name not in found]
        created: Collection[str] = ()
        if missing:
            answer = await admin.create_topics(
                [
                    NewTopic(
                        topic.name,
                        topic.partitions,
                        topic.replication,
                        topic_configs=dict(topic.settings),
                    )
                    for topic in missing
                ]
            )
            created = _created(answer)
            # Someone else may have been faster, with other ideas: what counts is what is there.
            found = await _until_known(admin, ought)
        return Applied(
            created=[topic for topic in missing if topic.name in created],
            findings=compare(ought, found),
        )


async def check(connection: Connection) -> Sequence[Finding]:
    """Give what is not as planned, but would do.

    Raises KafkaSetupError, a sentence for each reason, where Duetime could not keep its word.
    """
    findings = await plan(connection)
    until = asyncio.get_running_loop().time() + limits.KAFKA_REQUEST_SECONDS_MAX
    while _missing(findings) and asyncio.get_running_loop().time() < until:
        # A topic that was created a moment ago is not known to every broker yet.
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        findings = await plan(connection)
    reasons = [finding.sentence for finding in findings if finding.kind is not Kind.DIFFERENT]
    if _missing(findings):
        reasons.append("`duetime topics apply` creates what is missing")
    if reasons:
        raise KafkaSetupError("; ".join(reasons))
    return findings


def _settings(spec: TopicSpec, replication: int) -> dict[str, str]:
    settings = {
        "cleanup.policy": str(spec.cleanup),
        "max.message.bytes": str(_BATCH_BYTES),
        "message.timestamp.type": "LogAppendTime" if spec.log_append_time else "CreateTime",
        "min.insync.replicas": str(max(1, replication - 1)),
    }
    if spec.cleanup is Cleanup.DELETE:
        seconds = spec.retention_seconds
        settings["retention.ms"] = _FOR_EVER if seconds is None else str(seconds * 1_000)
        settings["retention.bytes"] = _FOR_EVER
    if replication == 1 and spec.topic in _ACCEPTED:
        # With nobody to have a copy, "durable" means on the disk before it is answered.
        settings["flush.messages"] = "1"
    return settings | spec.settings


def _differences(topic: Wanted, there: Found) -> list[Finding]:
    findings = []
    if there.partitions != topic.partitions:
        findings.append(
            _finding(
                Kind.UNUSABLE,
                topic,
                f"{topic.name} has {there.partitions} partitions, and {topic.partitions} are asked "
                "for (DUETIME_KAFKA_PARTITIONS): tasks would be looked for where they are not",
            )
        )
    if there.replication != topic.replication:
        findings.append(
            _finding(
                Kind.DIFFERENT,
                topic,
                f"{topic.name} has {there.replication} copies of each partition, "
                f"and {topic.replication} are asked for (DUETIME_KAFKA_REPLICATION)",
            )
        )
    for name, value in topic.settings.items():
        is_now = there.settings.get(name)
        if is_now == value or (name == "max.message.bytes" and _enough(is_now)):
            continue
        findings.append(
            _finding(
                Kind.UNUSABLE if name in _VITAL else Kind.DIFFERENT,
                topic,
                f"{topic.name} has {name}={is_now}, and ought to have {value}",
            )
        )
    return findings


def _missing(findings: Sequence[Finding]) -> bool:
    return any(finding.kind is Kind.MISSING for finding in findings)


def _enough(size: str | None) -> bool:
    return size is not None and int(size) >= limits.KAFKA_BATCH_BYTES_MAX


def _finding(kind: Kind, topic: Wanted, sentence: str) -> Finding:
    return Finding(kind=kind, topic=topic.topic, sentence=sentence)


# --- the cluster ----------------------------------------------------------------------------------


@asynccontextmanager
async def _admin(connection: Connection) -> AsyncIterator[Any]:
    admin: Any = AIOKafkaAdminClient(
        **connection.arguments,
        request_timeout_ms=int(limits.KAFKA_START_SECONDS_MAX * 1_000),
    )
    try:
        async with asyncio.timeout(2 * limits.KAFKA_START_SECONDS_MAX):
            await admin.start()
            yield admin
    except (KafkaError, OSError, TimeoutError) as fault:
        raise LogAwayError(f"Kafka's topics cannot be looked at: {fault}") from fault
    finally:
        await bounded(admin.close(), limits.KAFKA_STOP_SECONDS_MAX)


async def _look(admin: Any, topics: Sequence[Wanted]) -> dict[str, Found]:
    described = await admin.describe_topics([topic.name for topic in topics])
    there = [topic for topic in described if for_code(topic["error_code"]) is NoError]
    strange = [topic for topic in described if topic["error_code"] not in {0, _UNKNOWN_TOPIC}]
    for topic in strange:
        raise KafkaSetupError(f"{topic['topic']}: {for_code(topic['error_code']).__name__}")
    if not there:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic["topic"]) for topic in there]
    settings: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(resources):
        for error, message, _, name, entries in answer.resources:
            if error == _UNKNOWN_TOPIC:
                continue  # it is so new that the broker asked does not know of it yet
            if for_code(error) is not NoError:
                raise KafkaSetupError(f"the settings of {name} cannot be read: {message}")
            settings[name] = {entry[0]: entry[1] for entry in entries}
    return {
        topic["topic"]: Found(
            partitions=len(topic["partitions"]),
            replication=min(len(part["replicas"]) for part in topic["partitions"]),
            settings=settings[topic["topic"]],
        )
        for topic in there
        if topic["topic"] in settings
    }


async def _until_known(admin: Any, topics: Sequence[Wanted]) -> dict[str, Found]:
    """Look, bounded, until a broker knows of new topics: the controller alone does at first."""
    until = asyncio.get_running_loop().time() + limits.KAFKA_START_SECONDS_MAX
    while len(found := await _look(admin, topics)) < len(topics):
        if asyncio.get_running_loop().time() > until:
            raise LogAwayError("the brokers do not know of the topics that were created")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return found


def _created(answer: Any) -> Collection[str]:
    """Name what was created; what was there already is not. Raises KafkaSetupError."""
    created = set()
    for name, error, *message in answer.topic_errors:
        kind = for_code(error)
        if kind is NoError:
            created.add(name)
        elif kind is not TopicAlreadyExistsError:
            said = message[0] if message else kind.__name__
            raise KafkaSetupError(f"{name} cannot be created: {said}")
    return created
