"""The api over the in-memory adapters, with a small projector beside it.

Knows how the parts are put together for a test; not what any test expects.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from duetime.api.app import ApiApp, Beside, build_app
from duetime.api.settings import ApiSettings
from duetime.events.codec import decode
from duetime.events.envelope import Envelope, Unreadable
from duetime.events.types import Action, LogAction, Outcome, RunEvent, TaskExecuted
from duetime.http.health import Health
from duetime.log.memory import MemoryLog
from duetime.log.partitioner import partition_of
from duetime.log.port import AppendOutcome, LogError, Record, Stored
from duetime.log.reading import event_record, read_event
from duetime.log.topics import Topic
from duetime.log_projector.core import project, touched
from duetime.runtime.clock import ManualClock
from duetime.runtime.ids import CountingIds
from duetime.store.memory import MemoryStore
from duetime.store.port import Found, StoreError, TopicPartition
from duetime.store.views import TaskDocument
from duetime.telemetry.metrics import Metrics

NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)
TOPICS: Final = (Topic.TASKS, Topic.EXECUTIONS)
PLAIN: Final[Mapping[str, Any]] = {
    "description": "Water the plants",
    "time": "2026-06-01T13:00:00Z",
    "recurring": False,
}


class _Gate:
    """Open at first. Who waits before it goes on in order, or in the opposite one."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] | None = None

    def clear(self) -> None:
        """Close it."""
        self._waiting = self._waiting or []

    def set(self) -> None:
        """Open it."""
        waiting, self._waiting = self._waiting or [], None
        for each in waiting:
            each.set_result(None)

    def reverse(self) -> None:
        """Turn the order around."""
        assert self._waiting is not None
        self._waiting.reverse()

    def let_one_go(self) -> None:
        """Let the first one through."""
        assert self._waiting is not None
        self._waiting.pop(0).set_result(None)

    async def wait(self) -> None:
        """Wait until it is open, or until let through."""
        if self._waiting is not None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future


class WatchedLog(MemoryLog):
    """The in-memory log, whose next appends can be told to wait or to end otherwise."""

    def __init__(self, partitions: int, clock: ManualClock) -> None:
        """Start empty, without surprises."""
        super().__init__(partitions, clock.now)
        self.next_outcomes: list[AppendOutcome] = []
        self.next_batch: list[AppendOutcome] = []
        self.append_count = 0
        self.readable = True
        self.appended: list[Record] = []
        self.free = _Gate()
        self._waiting = 0
        self._news = asyncio.Condition()

    async def append(self, records: Sequence[Record]) -> Sequence[AppendOutcome]:
        """Append, unless told otherwise; `free` cleared: not before it is set again."""
        await self._tell(waiting=1)
        try:
            await self.free.wait()
        finally:
            await self._tell(waiting=-1)
        self.append_count += 1
        if self.next_outcomes:
            return [self.next_outcomes.pop(0)]
        if self.next_batch:
            batch, self.next_batch = self.next_batch, []
            return batch
        outcomes = await super().append(records)
        self.appended.extend(records)
        await self._tell()
        return outcomes

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int
    ) -> tuple[Sequence[Stored], int]:
        """Read, or fail while it cannot be read."""
        if not self.readable:
            raise LogError("the log cannot be read")
        return await super().read(topic, partition, start, records_max=records_max)

    def reverse_waiting(self) -> None:
        """Let the last append that waits go first."""
        self.free.reverse()

    async def let_go(self, count: int) -> None:
        """Let so many of the appends that wait go, one after the other; others still wait."""
        for _ in range(count):
            appended = len(self.appended)
            self.free.let_one_go()
            await self.until_appended(appended + 1)

    async def until_appended(self, count: int) -> None:
        """Wait until so many records were appended."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.appended) >= count)

    async def until_waiting(self, count: int) -> None:
        """Wait until so many appends wait to be set free."""
        async with self._news:
            await self._news.wait_for(lambda: self._waiting >= count)

    async def _tell(self, waiting: int = 0) -> None:
        async with self._news:
            self._waiting += waiting
            self._news.notify_all()


class WatchedStore(MemoryStore):
    """The in-memory read models, which can be away."""

    away: bool = False

    async def task(self, task_id: str) -> TaskDocument | None:
        """Give a task's document, or fail while away."""
        self._check_near()
        return await super().task(task_id)

    async def find(self, *, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
        """Give documents, or fail while away."""
        self._check_near()
        return await super().find(task_ids=task_ids, run_ids=run_ids)

    def _check_near(self) -> None:
        if self.away:
            raise StoreError("the store is away")


class Pump:
    """Projects the log into the read models as it grows; can be held, so that they lag."""

    def __init__(self, log: MemoryLog, store: MemoryStore) -> None:
        """Project from `log` into `store`, as long as nobody holds it."""
        self._log = log
        self._store = store
        self._free = asyncio.Event()
        self._free.set()

    def hold(self) -> None:
        """Let the read models fall behind."""
        self._free.clear()

    def release(self) -> None:
        """Let them catch up."""
        self._free.set()

    async def run(self) -> None:
        """Project until cancelled."""
        start = {(topic, part): 0 for topic in TOPICS for part in range(self._log.partitions)}
        tail = await self._log.tail(TOPICS, start)
        while True:
            try:
                records = await tail.poll(records_max=100, wait_seconds=60)
            except LogError:
                return  # a test closed the log
            await self._free.wait()
            inputs: list[Envelope | Unreadable] = [read_event(record) for record in records]
            positions = {
                TopicPartition(record.topic, record.partition): record.offset + 1
                for record in records
            }
            documents = await self._store.load(touched(inputs))
            await self._store.write(project(documents, inputs, positions))


@dataclass(kw_only=True)
class Api:
    """A served api and all that a test may look at or turn."""

    app: ApiApp
    client: httpx.AsyncClient
    log: WatchedLog
    store: WatchedStore
    clock: ManualClock
    ids: CountingIds
    metrics: Metrics
    health: Health
    pump: Pump

    async def create(self, **fields: Any) -> dict[str, Any]:
        """Register the plain task with these fields and give the answer's body."""
        response = await self.client.post("/tasks", json={**PLAIN, **fields})
        assert response.status_code == httpx.codes.CREATED, response.text
        return dict(response.json())

    async def ends(self) -> Sequence[int]:
        """Give how long each partition of `duetime.tasks` is."""
        return await self.log.end_offsets(Topic.TASKS)

    async def record(self, event: RunEvent) -> None:
        """Append a fact about a run, and wait until it can be read."""
        partition = partition_of(event.task_id.encode(), self.log.partitions)
        envelope = Envelope(
            event=event, event_id=self.ids.fresh(), source="/test", time=self.clock.now()
        )
        await self.log.append([event_record(Topic.EXECUTIONS, partition, envelope)])
        end = (await self.log.end_offsets(Topic.EXECUTIONS))[partition]
        at = TopicPartition(Topic.EXECUTIONS, partition)
        assert await self.store.passed(at, end - 1, wait_seconds=5)

    def events(self) -> list[Envelope]:
        """Give every event that the api appended, in order."""
        read = [
            decode(key=record.key, value=record.value, headers=record.headers)
            for record in self.log.appended
            if record.topic is Topic.TASKS
        ]
        return [envelope for envelope in read if isinstance(envelope, Envelope)]


@asynccontextmanager
async def serving(
    *,
    known_python_actions: Collection[str] | None = ("water",),
    partitions: int = 2,
    seconds_max: float = 30.0,
) -> AsyncIterator[Api]:
    """Serve the api at noon."""
    clock = ManualClock(NOON)
    log = WatchedLog(partitions, clock)
    store = WatchedStore()
    ids = CountingIds()
    metrics = Metrics()
    health = Health()
    app = build_app(
        log=log,
        store=store,
        clock=clock,
        ids=ids,
        metrics=metrics,
        settings=ApiSettings.for_tests(),
        health=health,
        beside=Beside(python_actions=known_python_actions),
    )
    pump = Pump(log, store)
    async with asyncio.timeout(seconds_max), asyncio.TaskGroup() as group:
        pumping = group.create_task(pump.run())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield Api(
                app=app,
                client=client,
                log=log,
                store=store,
                clock=clock,
                ids=ids,
                metrics=metrics,
                health=health,
                pump=pump,
            )
        pumping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pumping


def executed(
    task: Mapping[str, Any],
    *,
    run_id: str = "11111111-1111-8111-8111-111111111111",
    due_at: datetime = NOON,
    late_seconds: float = 0.004,
    took_seconds: float = 0.001,
    outcome: Outcome = Outcome.SUCCEEDED,
    error: str | None = None,
    action: Action | None = None,
) -> TaskExecuted:
    """Give the fact that a task of the api ran."""
    started_at = due_at + timedelta(seconds=late_seconds)
    return TaskExecuted(
        task_id=task["id"],
        tenant="default",
        revision=task["revision"],
        run_id=run_id,
        description=task["description"],
        nominal_at=due_at,
        due_at=due_at,
        started_at=started_at,
        finished_at=started_at + timedelta(seconds=took_seconds),
        outcome=outcome,
        executor="executor/test",
        action="log" if action is None or isinstance(action, LogAction) else "python",
        error=error,
    )
