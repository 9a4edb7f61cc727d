"""A member of a group as a process of its own, for tests that kill it or suspend it.

Joins the group `moved`, delivers everything from its beginning, and says after each poll what it
owns, on a line of its own: others of its standard output are log lines.
"""

import asyncio
import sys
from collections.abc import Iterable
from typing import Final

from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.topics import Topic
from duetime.settings.kafka import KafkaSettings

GROUP: Final = "moved"
_OWNS: Final = "owns:"


def told(owned: Iterable[int]) -> str:
    """Give the line that says so."""
    return " ".join([_OWNS, *map(str, sorted(owned))])


def owned_by(line: str) -> frozenset[int] | None:
    """Give what a line says is owned, None where it says nothing of it."""
    first, *rest = line.split() or [""]
    return frozenset(map(int, rest)) if first == _OWNS else None


async def _main(bootstrap: str, prefix: str, partitions: int) -> None:
    settings = KafkaSettings.for_tests(
        bootstrap_servers=bootstrap, prefix=prefix, partitions=partitions, replication=1
    )
    log = await KafkaLog.open(Connection.of(settings))
    member = await log.subscribe(GROUP, [Topic.TASKS])
    while True:
        polled = await member.poll(records_max=100, wait_seconds=1.0)
        sys.stdout.write(f"{told(polled.assigned)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
