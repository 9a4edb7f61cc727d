"""How documents lie in MongoDB: one JSON text each, beside the fields that the adapter asks for.

Knows rows and their fields; not how they are asked for.
The text is what every other adapter keeps: user text with `$` or dots in it, microseconds (BSON has
milliseconds) and large numbers stay as they are. A run's row carries `nominal_at`, not `due_at`, as
part of its shard key: jitter may move the due time between two deliveries of one run, and a cluster
keeps an id unique only where the shard key follows from it, as the nominal time does.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from duetime.events.ids import microseconds
from duetime.store.mongo.client import Row
from duetime.store.order import ended, task_place
from duetime.store.views import RunDocument, TaskDocument

DOCUMENT: Final = {"_id": False, "document": True}  # the projection of what is read

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_TASK: Final = msgspec.json.Decoder(TaskDocument)
_RUN: Final = msgspec.json.Decoder(RunDocument)


def task_row(document: TaskDocument, retention: timedelta) -> dict[str, Any]:
    """Give a task's row. Listed tasks have a place, ended ones an end; others lack the fields."""
    row: dict[str, Any] = {
        "_id": document.task_id,
        "task_offset": document.task_offset,
        "run_offset": document.run_offset,
        "document": _ENCODER.encode(document).decode(),
    }
    place = task_place(document)
    if place is not None:
        row["section"] = place.section
        row["placed_at"] = place.at
    updated_at = document.updated_at
    if updated_at is not None and ended(document):
        row["ended_at"] = microseconds(updated_at)
        row["expires_at"] = expiry(updated_at, retention)
    return row


def run_row(run: RunDocument, retention: timedelta) -> dict[str, Any]:
    """Give a run's row."""
    return {
        "_id": run.id,
        "task_id": run.task_id,
        "nominal_at": microseconds(run.nominal_at or run.due_at),
        "finished_at": microseconds(run.finished_at),
        "position": run.position,
        "expires_at": expiry(run.finished_at, retention),
        "document": _ENCODER.encode(run).decode(),
    }


def expiry(event_at: datetime, retention: timedelta) -> datetime:
    """Say when MongoDB may delete what ended at `event_at`, to the millisecond below."""
    return event_at + retention


def task_of(row: Row) -> TaskDocument:
    """Give the task that a row holds."""
    return _TASK.decode(row["document"])


def run_of(row: Row) -> RunDocument:
    """Give the run that a row holds."""
    return _RUN.decode(row["document"])


def storable(text: str) -> bool:
    """Whether it is text that MongoDB can hold: half a surrogate pair is in no id that we gave."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
