"""Records for tests of the log, and bounded ways to see them arrive.

Knows the log port; assumes neither that offsets follow each other nor that news come at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from duetime.log.port import Accepted, AppendOutcome, Log, Polled, Record, Stored, Subscription
from duetime.log.topics import Topic

WAIT_SECONDS = 10.0  # for what must come: only a broken log takes so long
MOMENT_SECONDS = 0.02  # for what must not come


def a_record(
    value: str | None = "v",
    *,
    topic: Topic = Topic.TASKS,
    partition: int = 0,
    key: str | None = "k",
    headers: Mapping[str, bytes] | None = None,
) -> Record:
    return Record(
        topic=topic,
        partition=partition,
        key=None if key is None else key.encode(),
        value=None if value is None else value.encode(),
        headers=headers or {},
    )


def values(records: Sequence[Stored]) -> list[str]:
    return [(record.value or b"").decode() for record in records]


def accepted(outcomes: Sequence[AppendOutcome]) -> list[Accepted]:
    good = [outcome for outcome in outcomes if isinstance(outcome, Accepted)]
    assert list(outcomes) == good
    return good


async def appended(log: Log, *records: Record) -> list[Accepted]:
    return accepted(await log.append(records))


async def read_from(
    log: Log, topic: Topic, partition: int, start: int, *, records_max: int = 1_000
) -> list[Stored]:
    """Read from an offset to the end as it is now, page by page."""
    end = (await log.end_offsets(topic))[partition]
    found: list[Stored] = []
    while start < end:
        page, following = await log.read(topic, partition, start, records_max=records_max)
        assert len(page) <= records_max
        assert following > start
        found += page
        start = following
    return found


async def ends_of(log: Log, topics: Sequence[Topic]) -> dict[int, dict[Topic, int]]:
    """Give the end offsets by partition and topic."""
    ends = {topic: await log.end_offsets(topic) for topic in topics}
    return {
        partition: {topic: ends[topic][partition] for topic in topics}
        for partition in range(log.partitions)
    }


async def joined(log: Log, group: str, topics: Sequence[Topic]) -> tuple[Subscription, Polled]:
    """Join a group and wait until every partition is ours."""
    member = await log.subscribe(group, topics)
    polled = await polled_until(member, lambda polled: len(polled.assigned) == log.partitions)
    return member, polled


async def delivering(log: Log, group: str, *topics: Topic) -> Subscription:
    """Join a group and take everything from the ends as they are now."""
    ends = await ends_of(log, topics)
    member, _ = await joined(log, group, topics)
    for partition, offsets in ends.items():
        member.deliver(partition, offsets)
    return member


async def polled_until(
    member: Subscription, reached: Callable[[Polled], bool], *, records_max: int = 1_000
) -> Polled:
    """Poll until an answer has what is asked for."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            polled = await member.poll(records_max=records_max, wait_seconds=1.0)
            if reached(polled):
                return polled


async def arrived(member: Subscription, count: int, *, records_max: int = 1_000) -> list[Stored]:
    """Poll a member until so many records have come."""

    async def poll() -> Sequence[Stored]:
        return (await member.poll(records_max=records_max, wait_seconds=1.0)).records

    return await gathered(poll, count)


async def gathered(poll: Callable[[], Awaitable[Sequence[Stored]]], count: int) -> list[Stored]:
    """Poll until so many records have come."""
    found: list[Stored] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while len(found) < count:
            found += await poll()
    return found


async def settled(
    log: Log, members: Collection[Subscription]
) -> dict[Subscription, Mapping[int, int]]:
    """Poll all members at once until every partition has an owner and each member its share."""
    shares = {log.partitions // len(members), -(-log.partitions // len(members))}
    owned: dict[Subscription, Mapping[int, int]] = {member: {} for member in members}

    async def follow(member: Subscription) -> None:
        polled = await member.poll(records_max=1, wait_seconds=0.1)
        owned[member] = polled.assigned

    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            await asyncio.gather(*map(follow, members))
            all_owned = sorted(partition for owns in owned.values() for partition in owns)
            if all_owned == list(range(log.partitions)) and shares.issuperset(
                len(owns) for owns in owned.values()
            ):
                return owned


async def until_it_waits(waiting: "asyncio.Future[Any]") -> None:
    """Let a poll come to where it waits. Where it has not, the test is weaker, but not wrong."""
    await asyncio.wait({waiting}, timeout=MOMENT_SECONDS)

    assert not waiting.done()
