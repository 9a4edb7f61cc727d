"""A process that appends for ever and prints what was acknowledged. Meant to be killed.

    python appending.py PATH

Prints one line per acknowledged record: partition, offset, value.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from duetime.log.port import Accepted, Record
from duetime.log.sqlite import SqliteLog
from duetime.log.topics import Topic

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
WRITERS = 4
TIMES = 20  # so often a value is repeated in its record


async def main(path: Path) -> None:
    """Append with several writers at once, until killed."""
    async with SqliteLog.open(path, now=lambda: NOON) as log, asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(append(log, writer))


async def append(log: SqliteLog, writer: int) -> None:
    """Append to one partition; say only what the log has accepted."""
    partition = writer % log.partitions
    for number in range(sys.maxsize):
        value = f"{writer}-{number}"
        record = Record(
            topic=Topic.TASKS, partition=partition, key=b"k", value=value.encode() * TIMES
        )
        (outcome,) = await log.append([record])
        assert isinstance(outcome, Accepted)
        sys.stdout.write(f"{partition} {outcome.offset} {value}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
