"""The topics: names, what cleans them, how long they keep. One table, used wherever topics are.

Knows DESIGN section 3's table; not how a log stores it.
"""

from enum import StrEnum
from typing import Final

import msgspec

_DAY_SECONDS: Final = 86_400


class Topic(StrEnum):
    """A topic's name in the log."""

    TASKS = "duetime.tasks"
    SCHEDULE = "duetime.schedule"
    DUE = "duetime.due"
    EXECUTIONS = "duetime.executions"
    DEAD_LETTERS = "duetime.dead-letters"


class Cleanup(StrEnum):
    """What a topic forgets: what is old, or what a later record of the same key replaced."""

    DELETE = "delete"
    COMPACT = "compact"


class TopicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a topic is kept. `retention_seconds` None: for ever; compacted: of tombstones."""

    topic: Topic
    cleanup: Cleanup = Cleanup.DELETE
    retention_seconds: int | None = None
    log_append_time: bool = False
    settings: dict[str, str] = {}


TOPICS: Final = {
    spec.topic: spec
    for spec in (
        TopicSpec(topic=Topic.TASKS, log_append_time=True),
        TopicSpec(
            topic=Topic.SCHEDULE,
            cleanup=Cleanup.COMPACT,
            retention_seconds=3_600,
            settings={
                "segment.bytes": str(64 * 1024 * 1024),
                "segment.ms": "600000",
                "min.cleanable.dirty.ratio": "0.1",
                "delete.retention.ms": "3600000",
            },
        ),
        TopicSpec(topic=Topic.DUE, retention_seconds=7 * _DAY_SECONDS),
        TopicSpec(topic=Topic.EXECUTIONS, retention_seconds=30 * _DAY_SECONDS),
        TopicSpec(topic=Topic.DEAD_LETTERS, retention_seconds=30 * _DAY_SECONDS),
    )
}
