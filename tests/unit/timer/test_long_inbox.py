"""A timer that has much to fold: what is due does not wait for the rest of it."""

import asyncio

import pytest

from duetime.events.envelope import Envelope
from duetime.events.types import TaskDue
from duetime.limits import FOLD_STEP_RECORDS
from duetime.log.memory import MemoryLog
from duetime.log.reading import read_event
from duetime.log.topics import Topic
from duetime.runtime.clock import ManualClock
from tests.support.builders import DAY, MINUTE, NOON, created
from tests.support.timers import Timer, register


@pytest.mark.promise("P2")
def test_what_is_due_leaves_amid_a_long_inbox() -> None:
    async def story() -> list[TaskDue]:
        clock = ManualClock(NOON - MINUTE)
        log = MemoryLog(1, clock.now)
        timer = await Timer(log, clock).open()
        await register(log, clock, created(NOON, task_id="soon"))
        await register(
            log,
            clock,
            *(created(NOON + DAY, task_id=f"later {n}") for n in range(4 * FOLD_STEP_RECORDS)),
        )
        await timer.at(NOON)
        await timer.close()
        records, _ = await log.read(Topic.DUE, 0, 0, records_max=10)
        envelopes = [read_event(record) for record in records]
        events = [each.event for each in envelopes if isinstance(each, Envelope)]
        return [event for event in events if isinstance(event, TaskDue)]

    [due] = asyncio.run(story())

    assert "soon" == due.task_id
    assert FOLD_STEP_RECORDS == due.based_on
