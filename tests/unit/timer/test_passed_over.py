"""Records of the changelog that nobody can read: set aside once, whoever takes over, and how."""

from collections.abc import Sequence

import pytest

from duetime.limits import PASSED_OVER_MAX
from duetime.log.memory import MemoryLog
from duetime.log.port import Accepted, LogError, Record, Stored, Transactor
from duetime.log.topics import Topic
from duetime.runtime.clock import ManualClock
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.indexes import Indexes
from tests.support.builders import MINUTE, NOON, A, created
from tests.support.standing import Ground, settle, virtually
from tests.support.timers import Timer, register


@pytest.fixture
def ground() -> Ground:
    return Ground(Indexes(lambda _partition: MemoryDueIndex()))


async def poison(log: MemoryLog, *keys: bytes) -> Sequence[str]:
    """Append a record that nobody can read under each key; give their places."""
    outcomes = await log.append(
        [Record(topic=Topic.SCHEDULE, partition=0, key=key, value=b"{") for key in keys]
    )
    offsets = [outcome.offset for outcome in outcomes if isinstance(outcome, Accepted)]
    assert len(keys) == len(offsets)
    return [f"{Topic.SCHEDULE}/0/{offset}" for offset in offsets]


async def dead_letters(log: MemoryLog) -> Sequence[str]:
    """Give where the dead letters come from."""
    records, _ = await log.read(Topic.DEAD_LETTERS, 0, 0, records_max=1_000_000)
    return [record.headers["duetime_from"].decode() for record in records]


@pytest.mark.promise("P5")
@pytest.mark.parametrize("warm", [False, True])
def test_an_owner_sets_aside_what_was_poisoned_before_its_take_over(
    ground: Ground, *, warm: bool
) -> None:
    async def script() -> None:
        owner = await ground.owner()
        await register(ground.log, ground.clock, created(NOON + 90 * MINUTE, task_id=A))
        await owner.run()
        indexes = ground.indexes if warm else None
        async with ground.standing_by():
            places = await poison(ground.log, A.encode(), b"_position", b"\xff", b"no task")
            await settle()
        heir = await Timer(ground.log, ground.clock, name="heir", indexes=indexes).open()

        assert places == await dead_letters(ground.log)
        assert [Topic.SCHEDULE] * 4 == heir.dead
        assert owner.index.get(A) == heir.index.get(A)

    virtually(script)


@pytest.mark.promise("P5")
def test_what_one_owner_has_set_aside_no_other_sets_aside_again(ground: Ground) -> None:
    async def script() -> None:
        async with ground.standing_by():
            first = await Timer(ground.log, ground.clock, name="first").open()
            places = await poison(ground.log, b"no task")
            await settle()
            second = await Timer(ground.log, ground.clock, name="second").open()
            again = await poison(ground.log, b"no task, again")
            await settle()
            known = ground.indexes.of(0).mark
        warm = await Timer(ground.log, ground.clock, name="warm", indexes=ground.indexes).open()
        cold = await Timer(ground.log, ground.clock, name="cold").open()

        assert known is not None
        assert [*places, *again] == await dead_letters(ground.log)
        assert again == [f"{Topic.SCHEDULE}/0/{offset}" for offset in known.passed_over]
        dead = [len(timer.dead) for timer in (first, second, warm, cold)]
        assert [0, 1, 1, 0] == dead

    virtually(script)


class RefusingLog(MemoryLog):
    """A log that takes no transaction while `refuses`."""

    refuses = False

    async def transactor(self, name: str, partition: int) -> Transactor:
        return _Refusing(self, await super().transactor(name, partition))


class _Refusing:
    def __init__(self, log: RefusingLog, inner: Transactor) -> None:
        self._log, self._inner = log, inner

    async def commit(self, records: Sequence[Record]) -> Sequence[Accepted]:
        if self._log.refuses:
            raise LogError("refused")
        return await self._inner.commit(records)

    async def close(self) -> None:
        await self._inner.close()


async def test_what_the_log_has_not_taken_is_set_aside_by_the_next_owner() -> None:
    clock = ManualClock(NOON)
    log = RefusingLog(1, clock.now)
    places = await poison(log, b"no task")
    failing = Timer(log, clock)
    log.refuses = True
    with pytest.raises(LogError):
        await failing.open()
    await failing.close()
    log.refuses = False
    heir = await Timer(log, clock, indexes=failing.indexes).open()

    assert [] == failing.dead
    assert [Topic.SCHEDULE] == heir.dead
    assert places == await dead_letters(log)


async def test_what_another_record_of_its_key_has_replaced_is_not_there_to_be_set_aside() -> None:
    clock = ManualClock(NOON)
    log = CompactingLog(1, clock.now)
    timer = Timer(log, clock)
    await poison(log, b"gone")
    left = await poison(log, b"no task")
    log.compacted = {0}
    await timer.open()

    assert left == await dead_letters(log)


class CompactingLog(MemoryLog):
    """A log that has lost records of the changelog, but only for who reads them one by one."""

    compacted: frozenset[int] | set[int] = frozenset()

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        if topic is Topic.SCHEDULE and records_max == 1 and start in self.compacted:
            start += 1
        return await super().read(topic, partition, start, records_max=records_max)


async def test_more_than_a_take_over_can_read_again_are_told_only() -> None:
    clock = ManualClock(NOON)
    log = MemoryLog(1, clock.now)
    places = await poison(log, *(b"no task %d" % number for number in range(PASSED_OVER_MAX + 1)))
    await Timer(log, clock).open()

    assert places[:PASSED_OVER_MAX] == await dead_letters(log)
