"""The read models are a function of the log: any order between topics, any cut, any repeat (P6)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duetime.events.envelope import Envelope, Position, Unreadable
from duetime.events.ids import run_id_for
from duetime.events.types import (
    AnyEvent,
    Definition,
    Outcome,
    RunKind,
    SkipCause,
    TaskCreated,
    TaskDeleted,
    TaskExecuted,
    TaskPaused,
    TaskResumed,
    TaskSkipped,
    TaskStarted,
    TaskTriggered,
    TaskUpdated,
)
from duetime.log_projector.core import project, touched
from duetime.recurrence.rules import Daily
from duetime.store.memory import MemoryStore
from duetime.store.port import TopicPartition
from tests.support.documents import EXECUTIONS_0, NOON, TASKS_0

Record = Envelope | Unreadable

TASK_IDS = st.sampled_from(["a", "b", "c"])
INSTANTS = st.integers(-3, 6).map(lambda number: NOON + number * timedelta(hours=12))
REVISIONS = st.integers(1, 5)
DEFINITIONS = st.builds(
    Definition,
    description=st.sampled_from(["water", "feed"]),
    time=INSTANTS,
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "No/Where"]),
    recurrence=st.none() | st.just(Daily()),
)


def _of(
    kind: Callable[..., AnyEvent], **fields: st.SearchStrategy[object]
) -> st.SearchStrategy[AnyEvent]:
    common = {"task_id": TASK_IDS, "tenant": st.sampled_from(["x", "x", "y"])}
    return st.builds(kind, **common, revision=REVISIONS, **fields)


_ACTOR = st.just("ada")
_EXPECTED = st.none() | REVISIONS
TASK_EVENTS = st.one_of(
    _of(TaskCreated, actor=_ACTOR, definition=DEFINITIONS),
    _of(TaskUpdated, actor=_ACTOR, definition=DEFINITIONS, expected_revision=_EXPECTED),
    _of(TaskDeleted, actor=_ACTOR, expected_revision=_EXPECTED),
    _of(TaskPaused, actor=_ACTOR),
    _of(TaskResumed, actor=_ACTOR),
    _of(TaskTriggered, actor=_ACTOR),
)


@st.composite
def executed(draw: st.DrawFn) -> TaskExecuted:
    task_id, nominal_at = draw(TASK_IDS), draw(INSTANTS)
    return TaskExecuted(
        task_id=task_id,
        tenant="x",
        revision=draw(REVISIONS),
        run_id=run_id_for(task_id, nominal_at),
        description="water",
        nominal_at=nominal_at,
        due_at=nominal_at,
        started_at=nominal_at,
        finished_at=nominal_at + timedelta(seconds=draw(st.integers(0, 9))),
        outcome=draw(st.sampled_from(Outcome)),
        executor="e",
        action="log",
        kind=draw(st.sampled_from(RunKind)),
        attempt=draw(st.integers(1, 3)),
        final=draw(st.booleans()),
        retry_at=draw(st.none() | INSTANTS),
        next_due_at=draw(st.none() | INSTANTS),
    )


RUN_EVENTS = st.one_of(
    executed(),
    _of(
        TaskStarted,
        run_id=st.sampled_from([run_id_for("a", NOON), run_id_for("b", NOON)]),
        attempt=st.integers(1, 3),
        executor=st.just("e"),
        due_at=INSTANTS,
        started_at=INSTANTS,
        lease_until=INSTANTS,
    ),
    _of(
        TaskSkipped,
        description=st.just("water"),
        cause=st.sampled_from(SkipCause),
        by=st.just("timer"),
        first_due_at=INSTANTS,
        last_due_at=INSTANTS,
        run_id=st.none() | st.just(run_id_for("a", NOON)),
        next_due_at=st.none() | INSTANTS,
    ),
)


@st.composite
def partitions(
    draw: st.DrawFn, at: TopicPartition, events: st.SearchStrategy[AnyEvent]
) -> list[Record]:
    """Give what a partition of a topic holds: events, doubled ones, gaps, and what is torn."""
    records: list[Record] = []
    offset = 0
    for number, event in enumerate(draw(st.lists(st.none() | events, max_size=14))):
        offset += draw(st.integers(0, 2))
        place = Position(at.topic, at.partition, offset)
        offset += 1
        if event is None:
            records.append(Unreadable(key="a", reason="torn", position=place))
            continue
        made_at = NOON + number * timedelta(hours=1)
        records.append(
            Envelope(
                event=event,
                # A repeated append is another record of the same event.
                event_id=f"{at.topic} {draw(st.integers(max(0, number - 2), number))}",
                source="test",
                time=made_at,
                position=place,
                appended_at=made_at + timedelta(seconds=draw(st.sampled_from([0, 0, 0, 61]))),
            )
        )
    return records


class Flush(NamedTuple):
    """What one write of the projector takes from each topic, and whether it crashes and repeats."""

    tasks: int
    executions: int
    repeats: bool


FLUSHES = st.lists(
    st.builds(Flush, st.integers(0, 6), st.integers(0, 6), st.booleans()), max_size=12
)


async def read_models(
    tasks: Sequence[Record], executions: Sequence[Record], flushes: Sequence[Flush]
) -> tuple[object, ...]:
    """Project a log flush by flush, to its end; give all that the read models then hold."""
    store = MemoryStore()
    left = {TASKS_0: list(tasks), EXECUTIONS_0: list(executions)}
    positions = {TASKS_0: 0, EXECUTIONS_0: 0}
    for flush in [*flushes, Flush(len(tasks), len(executions), repeats=True)]:
        inputs: list[Record] = []
        for at, count in ((TASKS_0, flush.tasks), (EXECUTIONS_0, flush.executions)):
            taken, left[at] = left[at][:count], left[at][count:]
            inputs += taken
            for record in taken:
                assert record.position is not None
                positions[at] = record.position.offset + 1
        for _ in range(1 + flush.repeats):
            documents = await store.load(touched(inputs))
            await store.write(project(documents, inputs, positions))
    listed = await store.tasks(items_max=100)
    runs = await store.runs(items_max=100)
    documents = await store.load(["a", "b", "c"])
    return documents, listed, runs, await store.positions()


@pytest.mark.promise("P6")
@settings(max_examples=300)
@given(
    tasks=partitions(TASKS_0, TASK_EVENTS),
    executions=partitions(EXECUTIONS_0, RUN_EVENTS),
    flushes=FLUSHES,
)
def test_read_models_are_the_same_however_the_log_is_read(
    tasks: list[Record], executions: list[Record], flushes: list[Flush]
) -> None:
    at_once = asyncio.run(read_models(tasks, executions, []))

    assert at_once == asyncio.run(read_models(tasks, executions, flushes))


@pytest.mark.promise("P6")
@given(tasks=partitions(TASKS_0, TASK_EVENTS), executions=partitions(EXECUTIONS_0, RUN_EVENTS))
def test_read_models_are_the_same_when_runs_come_before_their_tasks(
    tasks: list[Record], executions: list[Record]
) -> None:
    tasks_first = [Flush(len(tasks), 0, repeats=False)]
    runs_first = [Flush(0, len(executions), repeats=False)]

    assert asyncio.run(read_models(tasks, executions, tasks_first)) == asyncio.run(
        read_models(tasks, executions, runs_first)
    )
