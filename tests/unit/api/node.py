"""A whole Duetime in one loop on virtual time: the real services over the in-memory adapters.

Knows how the parts are put together for a test; not what any test expects.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx

from duetime.api.app import Beside, build_app
from duetime.api.settings import ApiSettings
from duetime.events.types import LogAction
from duetime.executor.actions.log import LogActions
from duetime.executor.service import executor_service
from duetime.limits import LOOKAHEAD_SECONDS
from duetime.log.memory import MemoryLog
from duetime.log_projector.lane import Pace
from duetime.log_projector.service import projector_service
from duetime.runtime.backoff import Backoff
from duetime.runtime.ids import CountingIds
from duetime.runtime.service import supervise
from duetime.store.memory import MemoryStore
from duetime.telemetry.metrics import Metrics
from duetime.timer.core import Leaving
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.indexes import Indexes
from duetime.timer.service import timer_service

NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
PARTITIONS: Final = 2
READY_SECONDS: Final = 2.0  # virtual: partitions are taken up within a poll


class LoopClock:
    """Noon when the loop began; moves with the loop's own time."""

    def now(self) -> datetime:
        """Give the instant."""
        return NOON + timedelta(seconds=asyncio.get_running_loop().time())


@asynccontextmanager
async def node() -> AsyncIterator[httpx.AsyncClient]:
    """Run a timer, an executor, a projector and an api; give a client of the api."""
    clock, metrics = LoopClock(), Metrics()
    log, store = MemoryLog(PARTITIONS, clock.now), MemoryStore()
    backoff = Backoff(first_seconds=0.05, seconds_max=1.0, fraction=lambda: 0.5)
    app = build_app(
        log=log,
        store=store,
        clock=clock,
        ids=CountingIds(),
        metrics=metrics,
        settings=ApiSettings.for_tests(),
        beside=Beside(python_actions=()),
    )
    services = [
        timer_service(
            log=log,
            clock=clock,
            name="timer/test",
            indexes=Indexes(lambda _partition: MemoryDueIndex()),
            leaving=Leaving(timedelta(seconds=LOOKAHEAD_SECONDS)),
            backoff=backoff,
            metrics=metrics,
        ),
        executor_service(
            log=log,
            clock=clock,
            name="executor/test",
            actions={LogAction: LogActions()},
            concurrency=100,
            backoff=backoff,
            metrics=metrics,
        ),
        projector_service(
            log=log,
            store=store,
            clock=clock,
            pace=Pace(tasks_seconds=0.001, runs_seconds=0.1),
            backoff=backoff,
            metrics=metrics,
        ),
    ]
    stop = asyncio.Event()
    running = asyncio.create_task(supervise(services, stop))
    transport = httpx.ASGITransport(app)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await asyncio.sleep(READY_SECONDS)
            assert {None} == {service.unready() for service in services}
            yield client
    finally:
        stop.set()
        await running
