"""A member of a group as a process of its own, for tests that kill it or suspend it.

Joins the group `moved`, delivers everything from its beginning, and says on each line what it owns.
"""

import asyncio
import sys

from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.topics import Topic
from duetime.settings.kafka import KafkaSettings

GROUP = "moved"


async def _main(bootstrap: str, prefix: str, partitions: int) -> None:
    settings = KafkaSettings.for_tests(
        bootstrap_servers=bootstrap, prefix=prefix, partitions=partitions, replication=1
    )
    log = await KafkaLog.open(Connection.of(settings))
    member = await log.subscribe(GROUP, [Topic.TASKS])
    while True:
        polled = await member.poll(records_max=100, wait_seconds=1.0)
        sys.stdout.write(" ".join(map(str, sorted(polled.assigned))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
