"""What waiting for the read models promises: part of the contract of the read-model port."""

import asyncio

from duetime.store.port import Store, TopicPartition
from duetime.store.views import TaskDocument
from tests.support.documents import EXECUTIONS_0, TASKS_0, changes, scheduled

WAIT_SECONDS = 5.0  # for what must come: only a broken adapter takes so long
MOMENT_SECONDS = 0.02  # for what must not come


class PassedContract:
    """What `passed` promises."""

    async def test_what_was_passed_is_known_at_once(self, store: Store) -> None:
        await store.write(changes(positions={TASKS_0: 5}))

        assert await store.passed(TASKS_0, 4, wait_seconds=0)

    async def test_what_is_not_passed_in_time_is_not(self, store: Store) -> None:
        await store.write(changes(positions={TASKS_0: 5}))

        assert not await store.passed(TASKS_0, 5, wait_seconds=0)
        assert not await store.passed(TASKS_0, 5, wait_seconds=MOMENT_SECONDS)
        assert not await store.passed(EXECUTIONS_0, 0, wait_seconds=MOMENT_SECONDS)

    async def test_who_waits_is_told_when_it_is_passed(self, store: Store) -> None:
        async def seen() -> TaskDocument | None:
            passed = await store.passed(TASKS_0, 5, wait_seconds=WAIT_SECONDS)
            return await store.task("t") if passed else None

        waiting = [asyncio.create_task(seen()) for _ in range(3)]
        await store.write(changes(positions={TASKS_0: 5}))
        await store.write(changes(scheduled("t"), positions={TASKS_0: 6}))

        assert [scheduled("t")] * 3 == await asyncio.gather(*waiting)

    async def test_partitions_are_waited_for_apart(self, store: Store) -> None:
        other = TopicPartition(TASKS_0.topic, 1)
        waiting = asyncio.create_task(store.passed(other, 0, wait_seconds=WAIT_SECONDS))
        await store.write(changes(positions={TASKS_0: 100}))
        still_waiting = not waiting.done()
        await store.write(changes(positions={other: 1}))

        assert still_waiting
        assert await waiting

    async def test_one_who_gives_up_leaves_the_others_waiting(self, store: Store) -> None:
        patient = asyncio.create_task(store.passed(TASKS_0, 9, wait_seconds=WAIT_SECONDS))
        gave_up = [await store.passed(TASKS_0, n, wait_seconds=MOMENT_SECONDS) for n in (3, 9)]
        await store.write(changes(positions={TASKS_0: 10}))

        assert [False, False] == gave_up
        assert await patient
