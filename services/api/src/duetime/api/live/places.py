"""Ids of the stream's events: a place in the whole log as one opaque text, and back.

Knows offsets of partitions and how they are written; nothing of streams. An id holds the next
offset of every partition of both topics, so whoever has it can be told exactly what came after.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final, NamedTuple

from duetime.log.port import Log
from duetime.log.topics import Topic

TOPICS: Final = (Topic.TASKS, Topic.EXECUTIONS)
"""What is followed."""

Slot = tuple[Topic, int]
"""A partition of a topic."""

_ID: Final = re.compile(r"([0-9a-f]{8})\.([0-9]{1,12})((?:[.-][0-9]{1,19})+)", re.ASCII)
_ID_CHARS_MAX: Final = 20_000  # a thousand partitions
_CHECK_BYTES: Final = 4


class Place(NamedTuple):
    """How far something has come, and when."""

    offsets: Mapping[Slot, int]
    at: datetime


class Ids:
    """Writes and reads the ids of one log."""

    def __init__(self, log: Log) -> None:
        """Take the log's name: an id of another log is none of ours."""
        self._partitions: Final = log.partitions
        named = f"{log.cluster_id}/{log.partitions}".encode()
        self._check: Final = blake2b(named, digest_size=_CHECK_BYTES).hexdigest()

    def write(self, place: Place) -> str:
        """Give the id of a place."""
        topics = (
            "-".join(str(place.offsets[topic, part]) for part in range(self._partitions))
            for topic in TOPICS
        )
        return ".".join((self._check, str(int(place.at.timestamp())), *topics))

    def read(self, text: str) -> Place | None:
        """Give the place of an id; None for a text that is no id of this log."""
        match = _ID.fullmatch(text) if len(text) <= _ID_CHARS_MAX else None
        if match is None or match[1] != self._check:
            return None
        topics = [part.split("-") for part in match[3][1:].split(".")]
        if [len(offsets) for offsets in topics] != [self._partitions] * len(TOPICS):
            return None
        try:
            at = datetime.fromtimestamp(int(match[2]), UTC)
        except (ValueError, OverflowError, OSError):
            return None
        offsets = {
            (topic, part): int(offset)
            for topic, row in zip(TOPICS, topics, strict=True)
            for part, offset in enumerate(row)
        }
        return Place(offsets, at)
