"""What happens while a read from disk is on its way: nothing is lost, and nothing comes unasked."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from duetime.log.local.hub import Hub
from duetime.log.local.subscription import LocalSubscription
from duetime.log.port import Commit, Polled, Stored
from duetime.log.topics import Topic

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
COUNT = 10


class HeldStorage:
    """Holds ten old records; a read waits until it is let through."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        self.asked.set()
        await self.let.wait()
        found = [
            Stored(
                topic=topic,
                partition=partition,
                offset=offset,
                appended_at=NOON,
                key=None,
                value=None,
                headers={},
            )
            for offset in range(start, min(COUNT, start + records_max))
        ]
        return found, start + len(found)

    async def save(self, _group: str, _partition: int, _commits: Mapping[Topic, Commit], /) -> None:
        """Nothing is committed here."""


@pytest.fixture
def storage() -> HeldStorage:
    return HeldStorage()


@pytest.fixture
async def member(storage: HeldStorage) -> LocalSubscription:
    """Give a member that would read the old records from their beginning."""
    hub = Hub(partitions=1, storage=storage, ends={(Topic.TASKS, 0): COUNT}, committed={})
    member = LocalSubscription(hub, "group", [Topic.TASKS])
    await member.poll(records_max=1, wait_seconds=0.0)
    member.deliver(0, {Topic.TASKS: 0})
    return member


async def reading(member: LocalSubscription, storage: HeldStorage) -> "asyncio.Task[Polled]":
    """Begin a poll whose read is held."""
    poll = asyncio.create_task(member.poll(records_max=100, wait_seconds=0.0))
    await storage.asked.wait()
    return poll


def offsets(polled: Polled) -> list[int]:
    return [record.offset for record in polled.records]


async def test_a_read_that_comes_after_a_pause_is_read_again_after_it(
    member: LocalSubscription, storage: HeldStorage
) -> None:
    poll = await reading(member, storage)
    member.pause(0)
    storage.let.set()
    held = await poll
    member.resume(0)
    later = await member.poll(records_max=100, wait_seconds=0.0)

    assert [] == offsets(held)
    assert {0: {Topic.TASKS: 0}} == held.positions
    assert list(range(COUNT)) == offsets(later)


async def test_a_read_from_before_a_new_start_of_delivery_is_dropped(
    member: LocalSubscription, storage: HeldStorage
) -> None:
    poll = await reading(member, storage)
    member.deliver(0, {Topic.TASKS: 7})
    storage.let.set()
    found = offsets(await poll)
    found += offsets(await member.poll(records_max=100, wait_seconds=0.0))

    assert [7, 8, 9] == found


async def test_a_read_for_a_partition_that_is_lost_meanwhile_is_dropped(
    member: LocalSubscription, storage: HeldStorage
) -> None:
    poll = await reading(member, storage)
    member.expel()
    storage.let.set()
    polled = await poll

    assert [] == offsets(polled)
    assert {} == polled.positions


async def test_a_poll_that_is_cancelled_while_it_reads_has_taken_nothing(
    member: LocalSubscription, storage: HeldStorage
) -> None:
    poll = await reading(member, storage)
    poll.cancel()
    await asyncio.gather(poll, return_exceptions=True)
    storage.let.set()
    later = await member.poll(records_max=100, wait_seconds=0.0)

    assert list(range(COUNT)) == offsets(later)
