"""A burst of runs that wait for their target: its starts go before its books, for a while."""

import asyncio
from typing import Final

import pytest

from duetime.events.types import PythonAction
from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import PythonActions
from duetime.executor.service import executor_service
from duetime.limits import APPEND_RECORDS_MAX, BOOKS_SECONDS, BOOKS_WAIT_SECONDS_MAX
from duetime.log.memory import MemoryLog
from duetime.log.port import Accepted
from duetime.log.reading import event_record
from duetime.log.topics import Topic
from duetime.telemetry.metrics import Metrics
from tests.support.builders import NOON, SECOND, due, envelope
from tests.support.virtual_loop import VirtualLoop, run_virtual
from tests.unit.runtime.lanes import BACKOFF, VirtualClock

ACTION_SECONDS: Final = 0.04
DUE_AT: Final = NOON + 3 * SECOND
WAIT_SECONDS_MAX: Final = BOOKS_WAIT_SECONDS_MAX + 0.2
BOUND_SECONDS: Final = 60.0  # of virtual time


class Burst:
    """So many runs at one instant, of which `at_once` may be under way."""

    def __init__(self, count: int, at_once: int | None, *, work_seconds: float = 0.0) -> None:
        """Begin at noon. `work_seconds`: what each costs this process."""
        self.count, self.at_once, self.work_seconds = count, at_once, work_seconds
        self.clock = VirtualClock()
        self.log = MemoryLog(1, self.clock.now)
        self.started: list[float] = []
        self.first_booked = 0.0
        self.metrics = Metrics()

    async def act(self, _context: RunContext) -> None:
        """Take a moment; where it is this process's, nothing else comes on meanwhile."""
        self.started.append((self.clock.now() - DUE_AT).total_seconds())
        if not self.work_seconds:
            await asyncio.sleep(ACTION_SECONDS)
            return
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.work(self.work_seconds)

    async def lived_through(self) -> "Burst":
        """Live through it until every run is in the books."""
        executor = executor_service(
            log=self.log,
            clock=self.clock,
            name="executor-1",
            actions={PythonAction: PythonActions({"act": self.act})},
            concurrency=1_000,
            target_concurrency=self.at_once,
            backoff=BACKOFF,
            metrics=self.metrics,
        )
        act = PythonAction(name="act")
        words = [
            due(DUE_AT, task_id=f"task {number}", run_id=f"run {number}", action=act)
            for number in range(self.count)
        ]
        made = [envelope(word, made_at=NOON, appended_at=NOON) for word in words]
        records = [event_record(Topic.DUE, 0, each) for each in made]
        for start in range(0, self.count, APPEND_RECORDS_MAX):
            outcomes = await self.log.append(records[start : start + APPEND_RECORDS_MAX])
            assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        task = asyncio.create_task(executor.run())
        async with asyncio.timeout(BOUND_SECONDS):
            while (booked := await self._booked()) < self.count:
                if booked and not self.first_booked:
                    self.first_booked = (self.clock.now() - DUE_AT).total_seconds()
                await asyncio.sleep(BOOKS_SECONDS)  # virtual
        executor.drain()
        await asyncio.wait([task], timeout=BOUND_SECONDS)
        return self

    async def _booked(self) -> int:
        (end,) = await self.log.end_offsets(Topic.EXECUTIONS)
        return end


@pytest.mark.promise("P2")
def test_the_books_of_a_burst_wait_until_all_of_it_has_started() -> None:
    burst = run_virtual(Burst(count=2_000, at_once=50).lived_through())

    assert 2_000 == len(burst.started)
    assert max(burst.started) > 1.0  # else there was nothing to wait for
    assert max(burst.started) < burst.first_booked


def test_books_do_not_wait_longer_than_they_may() -> None:
    burst = run_virtual(Burst(count=9_000, at_once=50).lived_through())

    assert 9_000 == len(burst.started)
    assert burst.first_booked < WAIT_SECONDS_MAX < max(burst.started)


def test_a_target_that_is_merely_busy_has_its_books_kept_meanwhile() -> None:
    burst = run_virtual(Burst(count=400, at_once=10).lived_through())

    assert 400 == len(burst.started)
    assert burst.first_booked < max(burst.started) / 4


@pytest.mark.promise("P2")
def test_a_burst_that_is_too_much_for_the_process_is_not_given_back() -> None:
    burst = run_virtual(Burst(count=12_000, at_once=None, work_seconds=0.001).lived_through())

    assert 12_000 == len(burst.started)
    assert max(burst.started) < 12.5
    assert 0.0 == burst.metrics.registry.get_sample_value("duetime_deferred_total")
