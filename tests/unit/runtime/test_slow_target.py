"""A target that hangs, beside others that do not, on virtual time."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import pytest

from duetime.events.types import PythonAction, TaskDue
from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import PythonActions
from duetime.executor.service import executor_service
from duetime.limits import CONCURRENCY_DEFAULT
from duetime.log.memory import MemoryLog
from duetime.log.reading import event_record
from duetime.log.topics import Topic
from duetime.telemetry.metrics import Metrics
from tests.support.builders import NOON, SECOND, due, envelope
from tests.support.virtual_loop import run_virtual
from tests.unit.runtime.lanes import BACKOFF, VirtualClock

HANGING_PER_SECOND: Final = 25  # for 30 s, their timeout: 750 of the slots at a time
OTHERS_PER_SECOND: Final = 20
SECONDS: Final = 40
LATE_SECONDS_MAX: Final = 0.05


@pytest.mark.promise("P2")
def test_a_target_that_hangs_makes_the_runs_of_others_less_than_fifty_milliseconds_late() -> None:
    async def story() -> list[float]:
        clock, late = VirtualClock(), []
        log = MemoryLog(1, clock.now)

        async def hang(context: RunContext) -> None:
            del context
            await asyncio.Event().wait()

        async def quick(context: RunContext) -> None:
            late.append((clock.now() - context.due_at).total_seconds())

        worker = executor_service(
            log=log,
            clock=clock,
            name="executor-1",
            actions={PythonAction: PythonActions({"hang": hang, "quick": quick})},
            concurrency=CONCURRENCY_DEFAULT,
            backoff=BACKOFF,
            metrics=Metrics(),
        )
        words = [*_words("hang", HANGING_PER_SECOND), *_words("quick", OTHERS_PER_SECOND)]
        records = [event_record(Topic.DUE, 0, _made(word)) for word in words]
        await log.append(records)
        running = asyncio.create_task(worker.run())
        await asyncio.sleep(SECONDS + 40)
        worker.drain()
        await asyncio.wait([running], timeout=60)
        return late

    late = run_virtual(story())

    assert OTHERS_PER_SECOND * SECONDS == len(late)
    assert max(late) < LATE_SECONDS_MAX


def _words(name: str, per_second: int) -> list[TaskDue]:
    return [
        due(
            NOON + 3 * SECOND + timedelta(seconds=number / per_second),
            run_id=f"{name} {number}",
            action=PythonAction(name=name, args={}),
        )
        for number in range(per_second * SECONDS)
    ]


def _made(word: TaskDue) -> Any:
    return envelope(word, made_at=NOON, appended_at=NOON)
