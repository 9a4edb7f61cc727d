"""What every adapter promises that can build its read models anew beside the live ones.

A subclass supplies `store`, new and empty.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

import msgspec
import pytest

from duetime.events.types import AnyEvent, TaskExecuted
from duetime.log.memory import MemoryLog
from duetime.log.port import Accepted
from duetime.log.reading import event_record, read_event
from duetime.log.topics import Topic
from duetime.log_projector.core import project, touched
from duetime.log_projector.rebuild import rebuild
from duetime.runtime.clock import ManualClock
from duetime.store.port import Rebuildable, Store, StoreError, TopicPartition
from duetime.store.views import RunDocument, TaskDocument
from tests.contract.store_contract import listed, listed_runs
from tests.support.builders import (
    DAILY,
    DAY,
    NOON,
    created,
    deleted,
    due,
    envelope,
    executed,
    paused,
    updated,
)
from tests.support.documents import (
    EXECUTIONS_0,
    TASKS_0,
    a_run,
    a_task,
    changes,
    finished,
    scheduled,
)

WAIT_SECONDS = 5.0
DESCRIPTION = "$water.the {$plants: '$$ROOT'} \U0001f331"


async def canonical(store: Store, task_ids: Sequence[str]) -> list[bytes]:
    """Give every document, the invisible ones of these ids included, as sorted canonical JSON."""
    documents: list[TaskDocument | RunDocument] = list((await store.load(task_ids)).values())
    documents += (await store.runs(items_max=10_000)).items
    return sorted(msgspec.json.encode(document, order="sorted") for document in documents)


class RebuildContract:
    """All of it."""

    async def test_what_is_built_is_unseen_until_it_takes_over(self, store: Rebuildable) -> None:
        await store.write(changes(scheduled("old"), positions={TASKS_0: 1}))
        building = await store.rebuild()
        began = dict(await building.views.positions())
        await building.views.write(
            changes(scheduled("new"), a_run("new run"), positions={TASKS_0: 2})
        )
        before = await listed(store)
        activated = await building.activate()
        await building.close()

        assert {} == began
        assert ["old"] == before
        assert activated
        assert {TASKS_0: 2} == await store.positions()
        assert ["new"] == await listed(store)
        assert ["new run"] == await listed_runs(store)
        assert None is await store.task("old")

    async def test_what_has_read_less_does_not_take_over(self, store: Rebuildable) -> None:
        await store.write(changes(scheduled("t"), positions={TASKS_0: 5, EXECUTIONS_0: 1}))
        building = await store.rebuild()
        answers = [await building.activate()]
        await building.views.write(changes(positions={TASKS_0: 5}))
        answers.append(await building.activate())
        await building.views.write(changes(positions={TASKS_0: 4, EXECUTIONS_0: 1}))
        answers.append(await building.activate())
        answers.append(await building.activate())
        await building.close()

        assert [False, False, True, True] == answers

    async def test_a_rebuild_that_is_let_go_changes_nothing(self, store: Rebuildable) -> None:
        await store.write(changes(scheduled("old"), positions={TASKS_0: 1}))
        building = await store.rebuild()
        await building.views.write(changes(scheduled("new"), positions={TASKS_0: 9}))
        await building.close()
        await building.close()

        assert ["old"] == await listed(store)
        assert {TASKS_0: 1} == await store.positions()

    async def test_a_newer_rebuild_ends_an_older_one(self, store: Rebuildable) -> None:
        older = await store.rebuild()
        newer = await store.rebuild()
        await newer.views.write(changes(scheduled("newer"), positions={TASKS_0: 1}))

        with pytest.raises(StoreError, match="given up"):
            await older.activate()
        await older.close()

        assert await newer.activate()
        await newer.close()
        assert {TASKS_0: 1} == await store.positions()
        assert ["newer"] == await listed(store)

    async def test_writing_goes_on_from_the_positions_of_what_took_over(
        self, store: Rebuildable
    ) -> None:
        await store.write(changes(scheduled("a"), positions={TASKS_0: 1}))
        building = await store.rebuild()
        await building.views.write(changes(scheduled("a"), positions={TASKS_0: 1}))
        await building.activate()
        flush = changes(scheduled("b", offset=1), positions={TASKS_0: 2})
        with suppress(StoreError):
            await store.write(flush)
        again = dict(await store.positions())
        await store.write(flush)
        await building.close()

        assert again in ({TASKS_0: 1}, {TASKS_0: 2})
        assert ["a", "b"] == await listed(store)
        assert {TASKS_0: 2} == await store.positions()

    async def test_who_waits_is_told_by_what_took_over(self, store: Rebuildable) -> None:
        building = await store.rebuild()
        waiting = asyncio.create_task(store.passed(TASKS_0, 3, wait_seconds=WAIT_SECONDS))
        await building.views.write(changes(finished("t"), positions={TASKS_0: 4}))
        await asyncio.sleep(0)
        before = waiting.done()
        await building.activate()

        assert not before
        assert await waiting
        assert finished("t") == await store.task("t")
        await building.close()

    @pytest.mark.promise("P6")
    async def test_a_replay_of_the_log_equals_what_was_live(self, store: Rebuildable) -> None:
        clock = ManualClock(NOON - timedelta(hours=1))
        log = MemoryLog(partitions=2, now=clock.now)
        ids = await fill(log)
        await follow(log, store)
        live = await canonical(store, ids)
        result = await rebuild(log=log, store=store, compare=True)
        positions = dict(await store.positions())

        assert live == await canonical(store, ids)
        assert [] == result.different
        assert [] == result.missing
        assert {(topic, n) for topic in (Topic.TASKS, Topic.EXECUTIONS) for n in (0, 1)} == {
            (at.topic, at.partition) for at in positions
        }
        await log.close()

    @pytest.mark.promise("P6")
    async def test_documents_that_the_log_knows_nothing_of_are_named_and_go(
        self, store: Rebuildable
    ) -> None:
        log = MemoryLog(partitions=2, now=ManualClock(NOON - timedelta(hours=1)).now)
        ids = await fill(log)
        spoiled = a_task(ids[0], description="nobody ever said this")
        await store.write(
            changes(
                TaskDocument(task_id=ids[0], task=spoiled, task_offset=0), scheduled("from nowhere")
            )
        )
        await follow(log, store)
        result = await rebuild(log=log, store=store, compare=True)
        mended = await store.task(ids[0])

        assert [ids[0]] == result.different
        assert ["from nowhere"] == result.missing
        assert mended is not None
        assert mended.task is not None
        assert DESCRIPTION == mended.task.definition.description
        await log.close()

    async def test_events_that_come_while_it_is_built_are_in_it(self, store: Rebuildable) -> None:
        log = MemoryLog(partitions=2, now=ManualClock(NOON - timedelta(hours=1)).now)
        ids = await fill(log)
        await follow(log, store)
        late = "late-task"
        seen: list[int] = []

        def watch(record_count: int) -> None:
            seen.append(record_count)

        building = asyncio.create_task(rebuild(log=log, store=store, watch=watch))
        await append(log, created(task_id=late), partition=1)
        await building
        await follow(log, store)

        assert seen
        assert late in await store.load([late, *ids])
        await log.close()


async def fill(log: MemoryLog) -> list[str]:
    """Put tasks of many fates into the log; give their ids."""
    ids = [f"task-{n:02}" for n in range(20)]
    for n, task_id in enumerate(ids):
        rule = DAILY if n % 3 == 0 else None
        events: list[AnyEvent] = [
            created(task_id=task_id, recurrence=rule, description=DESCRIPTION),
            executed(due(task_id=task_id)),
        ]
        if n % 4 == 1:
            events.append(updated(NOON + DAY, task_id=task_id))
        if n % 5 == 2:
            events.append(paused(task_id))
        if n % 7 == 3:
            events.append(deleted(task_id))
        for event in events:
            await append(log, event, partition=n % 2)
    return ids


async def append(log: MemoryLog, event: AnyEvent, *, partition: int) -> None:
    topic = Topic.EXECUTIONS if isinstance(event, TaskExecuted) else Topic.TASKS
    [outcome] = await log.append([event_record(topic, partition, envelope(event))])
    assert isinstance(outcome, Accepted)


async def follow(log: MemoryLog, store: Store) -> None:
    """Project what the live read models have not read yet, as the projector does."""
    stored: Mapping[TopicPartition, int] = await store.positions()
    for partition in range(log.partitions):
        inputs, positions = [], {}
        for topic in (Topic.TASKS, Topic.EXECUTIONS):
            at = TopicPartition(topic, partition)
            records, positions[at] = await log.read(
                topic, partition, stored.get(at, 0), records_max=10_000
            )
            inputs += [read_event(record) for record in records]
        await store.write(project(await store.load(touched(inputs)), inputs, positions))
