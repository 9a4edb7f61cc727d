"""Documents as the HTTP API writes them.

Knows the fields of answers (`schemas` describes them) and JSON; not where documents come from.
Written by hand and by orjson: a list of 10,000 tasks must not hold the loop.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, TypeVar

import msgspec
import orjson

from duetime.events.types import Action, LogAction, PythonAction
from duetime.limits import RENDER_ITEMS_PER_SLICE
from duetime.recurrence.rules import Recurrence
from duetime.store.views import LastRun, RunDocument, TaskDocument

T = TypeVar("T")

_TAG_BYTES: Final = 6


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """JSON that is ready to be sent."""

    body: bytes


def encode(members: Any) -> bytes:
    """Write JSON; instants in UTC with `Z`."""
    return orjson.dumps(members, option=orjson.OPT_UTC_Z)


async def array(
    items: Sequence[T], render: Callable[[T], Any], *, size: int = RENDER_ITEMS_PER_SLICE
) -> bytes:
    """Write a JSON array, letting the loop turn between slices of this size."""
    if len(items) <= size:
        return encode([render(item) for item in items])
    parts = []
    for start in range(0, len(items), size):
        part = encode([render(item) for item in items[start : start + size]])
        parts.append(part[1:-1])
        await asyncio.sleep(0)
    return b"[" + b",".join(parts) + b"]"


def tag_of(document: TaskDocument, body: bytes) -> str:
    """Give the strong entity tag of a task's answer: its revision, and a digest of all of it.

    A run changes the answer and not the revision. Conditions of changes look at the revision alone.
    """
    assert document.task is not None
    digest = blake2b(body, digest_size=_TAG_BYTES).hexdigest()
    return f'"{document.task.revision}-{digest}"'


def task_members(document: TaskDocument, now: datetime) -> dict[str, Any]:
    """Give a task's fields as they stand at `now`. The document must hold a task."""
    task = document.task
    assert task is not None
    definition = task.definition
    return {
        "id": task.task_id,
        "description": definition.description,
        "time": definition.time,
        "recurring": definition.recurrence is not None,
        "timezone": definition.timezone,
        "recurrence": recurrence_members(definition.recurrence),
        "action": action_members(definition.action),
        "timeout_seconds": definition.timeout_seconds,
        "status": document.status(now),
        "next_due_at": document.next_due_at,
        "last_run": None if document.last_run is None else _last_run_members(document.last_run),
        "revision": task.revision,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }


def run_members(run: RunDocument) -> dict[str, Any]:
    """Give the fields of a run, or of a skipped stretch."""
    duration_seconds = (
        None if run.started_at is None else (run.finished_at - run.started_at).total_seconds()
    )
    return {
        "id": run.id,
        "task_id": run.task_id,
        "description": run.description,
        "revision": run.revision,
        "kind": run.kind,
        "attempt": run.attempt,
        "outcome": run.outcome,
        "nominal_at": run.nominal_at,
        "due_at": run.due_at,
        "accepted_at": run.accepted_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "lateness_seconds": run.lateness_seconds,
        "duration_seconds": duration_seconds,
        "action": run.action or None,
        "executor": run.executor or None,
        "result": run.result,
        "error": run.error,
        "skipped": run.skipped,
        "skipped_by": run.skipped_by or None,
        "last_due_at": run.last_due_at,
        "count": run.count,
    }


def recurrence_members(recurrence: Recurrence | None) -> dict[str, Any] | None:
    """Give the fields of a recurrence."""
    return None if recurrence is None else {"rule": "daily"}


def action_members(action: Action) -> dict[str, Any]:
    """Give the fields of an action."""
    match action:
        case LogAction():
            return {"type": "log"}
        case PythonAction():
            return {"type": "python", "name": action.name, "args": action.args}


def _last_run_members(last: LastRun) -> dict[str, Any]:
    return {
        "run_id": last.run_id,
        "nominal_at": last.nominal_at,
        "due_at": last.due_at,
        "started_at": last.started_at,
        "finished_at": last.finished_at,
        "outcome": last.outcome,
        "lateness_seconds": last.lateness_seconds,
        "error": last.error,
        "skipped": last.skipped,
    }
