"""The warm standby: what it knows when it has to take over, and when it gives way."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from duetime.events.ids import microseconds
from duetime.limits import INDEX_AGE_SECONDS_MAX, INDEX_REFRESH_SECONDS, STANDBY_BEHIND_SECONDS
from duetime.log.memory import MemoryLog
from duetime.log.port import LogAwayError, Record, Stored, Tail
from duetime.log.topics import Topic
from duetime.runtime.clock import ManualClock
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.due_index.rocks import RocksDueIndexes
from duetime.timer.indexes import Indexes
from duetime.timer.restore import ChangelogFormatError
from tests.support.builders import DAILY, MINUTE, NOON, A, B, after_noon, created
from tests.support.standing import Ground, settle, virtually
from tests.support.timers import (
    Timer,
    changelog_states,
    register,
    replay,
    states,
)

MANY = 1_000


@pytest.fixture(params=["memory", "rocks"])
def indexes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Indexes]:
    if request.param == "memory":
        yield Indexes(lambda _partition: MemoryDueIndex())
        return
    database = RocksDueIndexes.open(tmp_path / "index")
    yield Indexes(database.of)
    database.close()


def tasks(numbers: range) -> list[Any]:
    return [
        created(after_noon(60.0 + number), task_id=f"0197280a-0000-7000-8000-{number:012x}")
        for number in numbers
    ]


@pytest.mark.promise("P2", "P6")
def test_a_take_over_with_a_standby_replays_the_tail_and_ends_as_a_cold_one(
    indexes: Indexes,
) -> None:
    ground = Ground(indexes)

    async def script() -> None:
        owner = await ground.owner()
        async with ground.standing_by():
            await register(ground.log, ground.clock, *tasks(range(MANY)))
            await register(ground.log, ground.clock, created(NOON, task_id=A, recurrence=DAILY))
            await owner.at(NOON + 10 * MINUTE)
            await settle()
        # The owner dies with its last words still on their way to the standby.
        await register(ground.log, ground.clock, created(NOON + 20 * MINUTE, task_id=B))
        await owner.at(NOON + 10 * MINUTE + MINUTE / 60)
        ground.log.replayed()
        warm = await Timer(ground.log, ground.clock, name="warm", indexes=indexes).open()
        warm_replayed = ground.log.replayed()
        cold = await Timer(ground.log, ground.clock, name="cold").open()
        cold_replayed = ground.log.replayed()

        assert warm_replayed <= 10
        assert cold_replayed > MANY
        assert await changelog_states(ground.log) == await states(ground.log, warm.index)
        assert await states(ground.log, cold.index) == await states(ground.log, warm.index)
        assert warm.index.get(B) is not None

    virtually(script)


@pytest.mark.promise("P6")
def test_a_standby_gives_way_to_a_lane_and_takes_up_what_the_lane_gave_back(
    indexes: Indexes,
) -> None:
    ground = Ground(indexes)

    async def script() -> None:
        async with ground.standing_by():
            lane = await Timer(ground.log, ground.clock, indexes=indexes).open()
            await register(ground.log, ground.clock, *tasks(range(100)))
            await lane.run()
            await settle()
            while_taken = await states(ground.log, lane.index)
            # Another owns the partition already, and this process has not noticed yet.
            owner = await ground.owner()
            await register(ground.log, ground.clock, *tasks(range(100, 200)))
            await owner.run()
            await settle()
            await lane.close()
            await register(ground.log, ground.clock, *tasks(range(200, 300)))
            ground.clock.advance(1.0)
            await owner.run()
            await settle()

            assert 100 == len(while_taken)
            assert await changelog_states(ground.log) == await states(ground.log, indexes.of(0))
            assert 300 == len(await states(ground.log, indexes.of(0)))

    virtually(script)


def test_a_standby_forgets_what_a_lane_had_folded_and_the_log_not_taken(indexes: Indexes) -> None:
    ground = Ground(indexes)

    async def script() -> None:
        async with ground.standing_by():
            lane = Timer(ground.log, ground.clock, indexes=indexes)
            await lane.lane.open()
            lane.index.put("folded", microseconds(NOON), b"{}")
            await lane.close()
            await settle()

            assert indexes.of(0).get("folded") is None

    virtually(script)


@pytest.mark.promise("P4")
def test_a_standby_that_slept_longer_than_tombstones_are_kept_begins_anew(
    indexes: Indexes,
) -> None:
    ground = Ground(indexes)

    async def script() -> None:
        await (await ground.owner()).close()
        async with ground.standing_by():
            # As if a tombstone had been removed before it was read.
            index = indexes.of(0)
            assert index.mark is not None
            index.put("deleted long ago", microseconds(NOON), b"{}")
            index.commit(["deleted long ago"], index.mark)
            ground.clock.advance(INDEX_AGE_SECONDS_MAX)
            owner = await ground.owner()
            await register(ground.log, ground.clock, created(NOON + 90 * MINUTE, task_id=A))
            await owner.run()
            await settle()

            assert indexes.of(0).get("deleted long ago") is None
            assert [A] == list(await states(ground.log, indexes.of(0)))

    virtually(script)


@pytest.mark.promise("P2")
def test_a_standby_far_behind_lets_go_of_the_tail_and_reads_to_the_end(indexes: Indexes) -> None:
    ground = Ground(indexes)

    async def script() -> None:
        tails = ground.log.hold_tails()
        owner = await ground.owner()
        async with ground.standing_by():
            await register(ground.log, ground.clock, *tasks(range(MANY)))
            await owner.run()
            await settle()
            before = len(await states(ground.log, indexes.of(0)))
            opened = tails.opened
            ground.clock.advance(STANDBY_BEHIND_SECONDS + 1.0)
            ground.log.replayed()
            tails.let_go()
            await settle()

            assert (0, 1) == (before, opened)
            assert 2 == tails.opened
            assert ground.log.replayed() >= MANY
            assert await changelog_states(ground.log) == await states(ground.log, indexes.of(0))
            assert MANY == len(await states(ground.log, indexes.of(0)))

    virtually(script)


def test_a_long_way_is_read_in_larger_pieces_than_a_short_one(
    indexes: Indexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duetime.timer.changelog.FOLD_FAR_RECORDS", 300)
    monkeypatch.setattr("duetime.timer.changelog.FOLD_FAR_RECORDS_MAX", 400)
    monkeypatch.setattr("duetime.timer.changelog.POLL_RECORDS_MAX", 150)
    ground = Ground(indexes)

    async def script() -> None:
        owner = await ground.owner()
        await register(ground.log, ground.clock, *tasks(range(MANY)))
        await owner.run()
        ground.log.reads.clear()
        async with ground.standing_by():
            sizes = [count for _, count in ground.log.reads if count]

            assert [400, 400] == sizes[:2]
            assert max(sizes[2:]) <= 150
            assert await changelog_states(ground.log) == await states(ground.log, indexes.of(0))

    virtually(script)


def test_an_idle_standby_stays_trusted_because_it_looks_at_the_end(indexes: Indexes) -> None:
    ground = Ground(indexes)

    async def script() -> None:
        owner = await ground.owner()
        await register(ground.log, ground.clock, *tasks(range(100)))
        await owner.run()
        async with ground.standing_by():
            ground.log.replayed()
            for _ in range(20):  # more than an hour
                ground.clock.advance(INDEX_REFRESH_SECONDS)
                await asyncio.sleep(INDEX_REFRESH_SECONDS + 1.0)

            assert 0 == ground.log.replayed()
            mark = indexes.of(0).mark
            assert mark is not None
            assert ground.clock.now() == mark.as_of

    virtually(script)


def test_every_partition_is_followed_from_whatever_was_known_of_it(tmp_path: Path) -> None:
    database = RocksDueIndexes.open(tmp_path)
    indexes = Indexes(database.of)
    ground = Ground(indexes, partitions=3)

    async def script() -> None:
        owners = [
            await Timer(ground.log, ground.clock, partition=partition).open()
            for partition in range(3)
        ]
        for partition, owner in enumerate(owners):
            numbers = range(partition * 100, partition * 100 + 50)
            await register(ground.log, ground.clock, *tasks(numbers), partition=partition)
            await owner.run()
        await replay(ground.log, indexes.of(1), 1)
        ground.log.replayed()
        async with ground.standing_by():
            ground.clock.advance(1.0)
            for partition, owner in enumerate(owners):
                numbers = range(partition * 100 + 50, partition * 100 + 100)
                await register(ground.log, ground.clock, *tasks(numbers), partition=partition)
                await owner.run()
            await settle()
            for partition in range(3):
                expected = await changelog_states(ground.log, partition)
                found = await states(ground.log, indexes.of(partition), partition)

                assert 100 == len(expected)
                assert expected == found

    virtually(script)
    database.close()


class UnreliableLog(MemoryLog):
    """A log whose tails break off now and then."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(1, clock.now)
        self.tails: list[Tail] = []
        self.breaks = False

    async def tail(self, *arguments: Any, **more: Any) -> Tail:
        tail = BreakingTail(self, await super().tail(*arguments, **more))
        self.tails.append(tail)
        return tail


class BreakingTail(Tail):
    def __init__(self, log: UnreliableLog, inner: Tail) -> None:
        self._log = log
        self._inner = inner

    async def poll(self, *, records_max: int, wait_seconds: float) -> Sequence[Stored]:
        records = await self._inner.poll(records_max=records_max, wait_seconds=wait_seconds)
        if self._log.breaks:
            self._log.breaks = False
            raise LogAwayError("these records are lost with the connection")
        return records

    async def close(self) -> None:
        await self._inner.close()


def test_a_standby_that_lost_the_log_misses_nothing(indexes: Indexes) -> None:
    ground = Ground(indexes)
    log = UnreliableLog(ground.clock)
    ground.standby._log = log

    async def script() -> None:
        owner = await Timer(log, ground.clock).open()
        async with ground.standing_by():
            for first in range(0, 300, 100):
                log.breaks = True
                await register(log, ground.clock, *tasks(range(first, first + 100)))
                ground.clock.advance(1.0)
                await owner.run()
                await settle()

            assert await changelog_states(log) == await states(log, indexes.of(0))
            assert 300 == len(await states(log, indexes.of(0)))
        assert 4 == len(log.tails)

    virtually(script)


def test_a_standby_does_not_follow_a_changelog_that_is_newer_than_itself(indexes: Indexes) -> None:
    ground = Ground(indexes)

    async def script() -> None:
        newer = Record(
            topic=Topic.SCHEDULE,
            partition=0,
            key=A.encode(),
            value=b"{}",
            headers={"duetime_format": b"2"},
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(ground.standby.run())
            await settle()
            await ground.log.append([newer])

    with pytest.raises(ExceptionGroup) as refused:
        virtually(script)

    assert refused.group_contains(ChangelogFormatError, match="knows formats up to 1")


def test_a_record_that_cannot_be_read_leaves_the_state_before_it(indexes: Indexes) -> None:
    ground = Ground(indexes)

    async def script() -> None:
        owner = await ground.owner()
        await register(ground.log, ground.clock, created(NOON + 90 * MINUTE, task_id=A))
        await owner.run()
        async with ground.standing_by():
            before = indexes.of(0).get(A)
            poison = [
                Record(topic=Topic.SCHEDULE, partition=0, key=key, value=b"{")
                for key in (A.encode(), b"_position", b"\xff")
            ]
            await ground.log.append(poison)
            await settle()

            assert before is not None
            assert before == indexes.of(0).get(A)
            mark = indexes.of(0).mark
            assert mark is not None
            assert (await ground.log.end_offsets(Topic.SCHEDULE))[0] == mark.offset

    virtually(script)
