"""From records of the log to frames of the stream: what they touched, as the read models show it.

Knows events, documents and the format of server-sent events; not who listens. A client must not be
told of anything that a GET would not show, so documents are read when the read models have passed
the records, and a task that a stretch touched often is told once, as it stands then.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final

from duetime.api.answers import encode, run_members, task_members
from duetime.api.wording import log_line
from duetime.events.envelope import Envelope
from duetime.events.types import TaskDue, TaskExecuted, TaskSkipped
from duetime.limits import RENDER_ITEMS_PER_SLICE, STORE_AWAY_PAUSE_SECONDS, VISIBLE_WAIT_SECONDS
from duetime.log.port import Stored
from duetime.log.reading import read_event
from duetime.runtime.clock import Clock
from duetime.store.port import Found, Store, StoreError, TopicPartition
from duetime.store.views import RunDocument, TaskDocument
from duetime.task.state import TaskStatus

RESET: Final = b'event: reset\ndata: {"type":"reset"}\n\n'
"""Tells a client that it may have missed something: it is to fetch its lists anew."""
HEARTBEAT: Final = b": still here\n\n"


class Changes:
    """Tells what became of records."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        """Read documents from `store`."""
        self._store = store
        self._clock = clock

    async def frames(self, records: Sequence[Stored]) -> bytes:
        """Give the frames of a stretch, once the read models show it; waits as long as it takes."""
        task_ids, run_ids = _touched(records)
        if not task_ids:
            return b""
        while True:
            try:
                await self._until_shown(records)
                found = await self._store.find(task_ids=task_ids, run_ids=run_ids)
            except StoreError:
                await asyncio.sleep(STORE_AWAY_PAUSE_SECONDS)
            else:
                return await self._rendered(found, task_ids, run_ids)

    async def _until_shown(self, records: Sequence[Stored]) -> None:
        last = {TopicPartition(record.topic, record.partition): record.offset for record in records}
        for at, offset in last.items():
            while not await self._store.passed(at, offset, wait_seconds=VISIBLE_WAIT_SECONDS):
                pass

    async def _rendered(
        self, found: Found, task_ids: Iterable[str], run_ids: Iterable[str]
    ) -> bytes:
        frames: list[bytes] = []
        for task_id in task_ids:
            document = found.tasks.get(task_id)
            if document is not None and document.task is not None:
                frames.append(self._task(document))
                await _turn(frames)
        for run_id in run_ids:
            run = found.runs.get(run_id)
            if run is not None:
                frames.append(_run(run))
                await _turn(frames)
        return b"".join(frames)

    def _task(self, document: TaskDocument) -> bytes:
        assert document.task is not None
        if document.task.status is TaskStatus.DELETED:
            return _frame("task_deleted", {"id": document.task_id})
        return _frame("task", {"task": task_members(document, self._clock.now())})


def frame_id(event_id: str) -> bytes:
    """Give what tells a client its place, by itself or in front of a frame's other lines."""
    return f"id: {event_id}\n".encode()


def _touched(records: Sequence[Stored]) -> tuple[Sequence[str], Sequence[str]]:
    """Name the tasks and the runs that records say something about, each once, in order."""
    task_ids: dict[str, None] = {}
    run_ids: dict[str, None] = {}
    for record in records:
        envelope = read_event(record)
        if not isinstance(envelope, Envelope) or isinstance(envelope.event, TaskDue):
            continue
        event = envelope.event
        task_ids[event.task_id] = None
        if isinstance(event, TaskExecuted) and event.final:
            run_ids[event.run_id] = None
        elif isinstance(event, TaskSkipped):
            run_ids[envelope.event_id] = None  # a skipped stretch is named by its event
    return list(task_ids), list(run_ids)


def _run(run: RunDocument) -> bytes:
    return _frame("run", {"run": run_members(run), "line": log_line(run)})


def _frame(kind: str, members: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode({"type": kind, **members}))


async def _turn(frames: Sequence[bytes]) -> None:
    """Let the loop turn between slices."""
    if len(frames) % RENDER_ITEMS_PER_SLICE == 0:
        await asyncio.sleep(0)
