"""Groups on a real Kafka: members that die, hang, lapse, come and go.

What moves is handed over; what stays goes on. Times are those of the group's bounds.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from duetime import limits
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.subscription import KafkaSubscription
from duetime.log.port import Commit, LogAwayError, Subscription
from duetime.log.topics import Topic
from tests.support import kafka_member
from tests.support.kafka import kafka_cluster, opened
from tests.support.records import (
    a_record,
    appended,
    arrived,
    delivering,
    joined,
    polled_until,
    settled,
    values,
)

pytestmark = pytest.mark.kafka


@pytest.fixture
def connection() -> Connection:
    return kafka_cluster().connection()


@pytest.fixture
async def log(connection: Connection) -> AsyncIterator[KafkaLog]:
    async with opened(connection) as log:
        yield log


async def test_the_partitions_of_a_member_that_is_killed_move_within_its_session(
    log: KafkaLog, connection: Connection
) -> None:
    survivor = await log.subscribe(kafka_member.GROUP, [Topic.TASKS])
    with _member(connection) as victim:
        await polled_until(survivor, lambda polled: len(polled.assigned) == log.partitions // 2)
        await asyncio.to_thread(_until_it_owns, victim, log.partitions // 2)
        victim.kill()
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(2 * limits.KAFKA_SESSION_SECONDS):
            while len((await _polled(survivor)).assigned) < log.partitions:
                pass
    took = asyncio.get_running_loop().time() - began

    assert took < limits.KAFKA_SESSION_SECONDS + 2.5


async def test_a_member_whose_session_ran_out_loses_everything_and_comes_back_with_no_claim(
    log: KafkaLog,
) -> None:
    member = await delivering(log, "lapsed", Topic.TASKS)
    assert isinstance(member, KafkaSubscription)
    before = (await _polled(member)).assigned
    coordinator: Any = member._membership._coordinator
    await coordinator._stop_heartbeat_task()  # as if the process were suspended
    heir = await log.subscribe("lapsed", [Topic.TASKS])
    async with asyncio.timeout(2 * limits.KAFKA_SESSION_SECONDS):
        while len((await _polled(heir)).assigned) < log.partitions:
            pass
    coordinator._start_heartbeat_task()
    owned = await settled(log, [member, heir])
    positions = (await _polled(member)).positions

    assert all(owned[member][partition] > before[partition] for partition in owned[member])
    assert {} == positions


async def test_what_stays_with_a_member_goes_on_through_every_round(log: KafkaLog) -> None:
    stayer = await delivering(log, "rolling", Topic.TASKS)
    other = await log.subscribe("rolling", [Topic.TASKS])
    first = await settled(log, [stayer, other])
    kept = first[stayer]
    for _ in range(2):  # the other one is restarted
        await other.close()
        await polled_until(stayer, lambda polled: len(polled.assigned) == log.partitions)
        other = await log.subscribe("rolling", [Topic.TASKS])
        again = await settled(log, [stayer, other])

        assert kept == again[stayer]
    (partition, *_) = kept
    await appended(log, a_record("still", partition=partition))

    assert ["still"] == values(await arrived(stayer, 1))


async def test_a_member_that_does_not_poll_keeps_what_is_its_own_and_only_that(
    log: KafkaLog,
) -> None:
    slow, _ = await joined(log, "slow", [Topic.TASKS])
    newer = await log.subscribe("slow", [Topic.TASKS])
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(3 * limits.LOG_HANDOVER_SECONDS_MAX):
        while len((await _polled(newer)).assigned) < log.partitions // 2:
            pass
    took = asyncio.get_running_loop().time() - began
    kept = (await _polled(slow)).assigned

    assert limits.LOG_HANDOVER_SECONDS_MAX <= took
    assert log.partitions // 2 == len(kept)


async def test_commits_while_members_come_and_go_never_cost_a_membership(log: KafkaLog) -> None:
    member, polled = await joined(log, "committing", [Topic.TASKS])
    kept = dict(polled.assigned)
    away = 0
    for number in range(3):
        other = await log.subscribe("committing", [Topic.TASKS])
        settling = asyncio.create_task(settled(log, [member, other]))
        while not settling.done():
            try:
                await member.commit(0, {Topic.TASKS: Commit(number)})
            except LogAwayError:
                away += 1
            await asyncio.sleep(0.01)
        owned = (await settling)[member]
        await other.close()
        await polled_until(member, lambda polled: len(polled.assigned) == log.partitions)

        assert {partition: kept[partition] for partition in owned} == owned
    assert {Topic.TASKS: Commit(2)} == await member.committed(0)


# --- what the tests need ------------------------------------------------------------------------


async def _polled(member: Subscription) -> Any:
    return await member.poll(records_max=100, wait_seconds=0.1)


@contextmanager
def _member(connection: Connection) -> Iterator[subprocess.Popen[str]]:
    bootstrap = ",".join(connection.arguments["bootstrap_servers"])
    prefix = connection.names.group("")
    with subprocess.Popen(
        [sys.executable, kafka_member.__file__, bootstrap, prefix, str(connection.partitions)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _until_it_owns(process: "subprocess.Popen[str]", count: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if len(kafka_member.owned_by(line) or ()) == count:
            return
    pytest.fail("it has ended before it owned as many")
