"""The memory adapter keeps the promises of the log port, and those that simulations need."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from duetime import limits
from duetime.log.memory import MemoryLog
from duetime.log.port import Accepted, Log, LogError, Refused, Stored
from duetime.log.topics import Topic
from tests.contract.log_contract import LogContract
from tests.support.records import (
    a_record,
    appended,
    delivering,
    joined,
    polled_until,
    read_from,
    settled,
    values,
)
from tests.support.virtual_loop import run_virtual

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ticking() -> Callable[[], datetime]:
    """Give a clock that moves by a millisecond each time it is asked."""
    instants = (NOON + timedelta(milliseconds=count) for count in range(1_000_000))
    return lambda: next(instants)


class TestMemoryLog(LogContract):
    @pytest.fixture
    def log(self) -> Log:
        return MemoryLog(4, ticking())


async def test_a_clock_that_steps_back_does_not_turn_the_order_of_times() -> None:
    instants = iter([NOON, NOON - timedelta(hours=1), NOON + timedelta(seconds=1)])
    log = MemoryLog(1, lambda: next(instants))
    times = [(await appended(log, a_record()))[0].appended_at for _ in range(3)]

    assert [NOON, NOON, NOON + timedelta(seconds=1)] == times


async def test_replaced_records_of_a_compacted_topic_disappear_after_a_while() -> None:
    log = MemoryLog(1, ticking())
    for number in range(100):
        await appended(log, a_record(str(number), topic=Topic.SCHEDULE))

    found = await read_from(log, Topic.SCHEDULE, 0, 0)

    assert "99" == values(found)[-1]
    assert len(found) < 20


async def test_a_member_that_was_expelled_loses_its_partitions_and_joins_anew() -> None:
    log = MemoryLog(4, ticking())
    lost = await delivering(log, "group", Topic.TASKS)
    before = (await lost.poll(records_max=1, wait_seconds=0.0)).assigned
    log.expel(lost)
    heir, inherited = await joined(log, "group", [Topic.TASKS])
    owned = await settled(log, [lost, heir])
    back = await lost.poll(records_max=1, wait_seconds=0.0)

    assert all(inherited.assigned[partition] > before[partition] for partition in range(4))
    assert all(owned[lost][partition] > before[partition] for partition in owned[lost])
    assert {} == back.positions


def test_a_partition_is_taken_from_an_owner_that_does_not_poll() -> None:
    async def main() -> float:
        log = MemoryLog(4, ticking())
        await joined(log, "group", [Topic.TASKS])
        newer = await log.subscribe("group", [Topic.TASKS])
        await polled_until(newer, lambda polled: len(polled.assigned) == 2)
        return asyncio.get_running_loop().time()

    assert limits.LOG_HANDOVER_SECONDS_MAX == pytest.approx(run_virtual(main()), abs=0.001)


def test_the_same_calls_on_the_same_loop_give_the_same_log() -> None:
    async def writer(log: Log, name: str) -> None:
        for number in range(20):
            await log.append([a_record(f"{name}{number}", partition=number % 2)])

    async def main() -> list[Stored]:
        log = MemoryLog(2, ticking())
        await asyncio.gather(*(writer(log, name) for name in "abc"))
        return [
            record
            for partition in range(2)
            for record in await read_from(log, Topic.TASKS, partition, 0)
        ]

    assert run_virtual(main()) == run_virtual(main())


async def test_an_append_that_was_cancelled_before_its_answer_has_landed() -> None:
    log = MemoryLog(1, ticking())
    append = asyncio.create_task(log.append([a_record("landed")]))
    await asyncio.sleep(0)
    append.cancel()
    await asyncio.gather(append, return_exceptions=True)

    assert append.cancelled()
    assert ["landed"] == values(await read_from(log, Topic.TASKS, 0, 0))


async def test_a_closed_log_refuses_appends_and_ends_its_readers() -> None:
    log = MemoryLog(1, ticking())
    member = await delivering(log, "group", Topic.TASKS)
    tail = await log.tail([Topic.TASKS])
    waiting = asyncio.create_task(tail.poll(records_max=1, wait_seconds=3_600.0))
    await asyncio.sleep(0)
    await log.close()
    await log.close()

    assert [] == list(await waiting)
    with pytest.raises(LogError):
        await member.poll(records_max=1, wait_seconds=0.0)
    with pytest.raises(LogError):
        await tail.poll(records_max=1, wait_seconds=0.0)
    with pytest.raises(LogError):
        await log.end_offsets(Topic.TASKS)
    assert [Refused("the log is closed")] == list(await log.append([a_record()]))


async def test_the_members_of_a_group_see_records_far_behind_the_recent_ones() -> None:
    log = MemoryLog(1, ticking())
    count = 3 * limits.LOG_RECENT_RECORDS_MAX
    numbers = list(map(str, range(count)))
    for first in range(0, count, 1_000):
        outcomes = await log.append(list(map(a_record, numbers[first : first + 1_000])))

        assert {Accepted} == {type(outcome) for outcome in outcomes}
    member, _ = await joined(log, "late", [Topic.TASKS])
    member.deliver(0, {Topic.TASKS: 0})
    found: list[str] = []
    while len(found) < count:
        found += values((await member.poll(records_max=777, wait_seconds=1.0)).records)

    assert numbers == found
