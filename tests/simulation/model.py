"""What the log says about tasks, read from its plain JSON by the rules of the event format.

Written from DESIGN section 4 alone, not from the code that it judges: the naive twin of the fold.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from duetime.log.port import Stored
from tests.simulation.history import seconds_of

_VOID_AFTER_SECONDS: Final = 60.0
_REMEMBERED_EVENTS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A task from one accepted change to the next. `until` None: for good."""

    revision: int
    offset: int
    event_id: str
    since: float
    until: float | None
    time: float
    timed_since: float  # since when it was to run at this time
    ruled_since: float | None  # since when it recurs, where that came after its time was set
    description: str
    recurring: bool
    deleted: bool


@dataclass(slots=True, kw_only=True)
class ModelTask:
    """A task with all its versions."""

    task_id: str
    versions: list[Version] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    unreadable: list[tuple[float, float]] = field(default_factory=list)  # from, until

    @property
    def last(self) -> Version:
        """How it stands at the end."""
        return self.versions[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A readable record: its type, its members, its time and place."""

    kind: str
    event_id: str
    made_at: float
    at: float
    partition: int
    offset: int
    said: dict[str, Any]


def facts(records: Sequence[Stored]) -> list[Fact]:
    """Read records; what cannot be read is passed over."""
    found = []
    for record in records:
        try:
            said = json.loads(record.value or b"")
            kind = record.headers["ce_type"].decode()
            if record.key is None or said["task_id"] != record.key.decode():
                continue
            made_at = datetime.fromisoformat(record.headers["ce_time"].decode())
            event_id = record.headers["ce_id"].decode()
        except (KeyError, ValueError, TypeError):
            continue
        found.append(
            Fact(
                kind=kind.split(".")[1],
                event_id=event_id,
                made_at=seconds_of(made_at),
                at=seconds_of(record.appended_at),
                partition=record.partition,
                offset=record.offset,
                said=said,
            )
        )
    return found


def fold(task_facts: Sequence[Fact], records: Sequence[Stored]) -> dict[str, ModelTask]:
    """Fold the facts of `duetime.tasks`, in the order of each partition."""
    tasks: dict[str, ModelTask] = {}
    readable = {(fact.partition, fact.offset): fact for fact in task_facts}
    for record in records:
        fact = readable.get((record.partition, record.offset))
        if fact is None:
            _quarantine(tasks, record)
        else:
            _learn(tasks, fact)
    return tasks


def _quarantine(tasks: dict[str, ModelTask], record: Stored) -> None:
    """Note that something was said of a task that nobody can read."""
    task = tasks.get((record.key or b"").decode(errors="replace"))
    if task is not None:
        task.unreadable.append((seconds_of(record.appended_at), math.inf))


def _learn(tasks: dict[str, ModelTask], fact: Fact) -> None:
    task_id = fact.said["task_id"]
    task = tasks.get(task_id)
    if task is not None:
        task.unreadable = [(since, min(until, fact.at)) for since, until in task.unreadable]
    if fact.at - fact.made_at > _VOID_AFTER_SECONDS:
        return
    if task is None:
        if fact.kind == "TaskCreated":
            task = tasks[task_id] = ModelTask(task_id=task_id)
            _append(task, fact, revision=1)
        return
    if fact.event_id in task.event_ids[-_REMEMBERED_EVENTS:]:
        return
    expected = fact.said.get("expected_revision")
    if task.last.deleted or fact.kind not in {"TaskUpdated", "TaskDeleted"}:
        return
    if expected is not None and expected != task.last.revision:
        return
    _append(task, fact, revision=task.last.revision + 1)


def _append(task: ModelTask, fact: Fact, *, revision: int) -> None:
    before = task.versions[-1] if task.versions else None
    definition = fact.said.get("definition")
    if definition is None:
        assert before is not None
        time, description, recurring = before.time, before.description, before.recurring
    else:
        time = seconds_of(datetime.fromisoformat(definition["time"]))
        description = definition["description"]
        recurring = definition.get("recurrence") is not None
    same_time = before is not None and before.time == time
    timed_since = before.timed_since if before is not None and same_time else fact.at
    ruled_since = None
    if before is not None and same_time:
        ruled_since = before.ruled_since if recurring == before.recurring else fact.at
    version = Version(
        revision=revision,
        offset=fact.offset,
        event_id=fact.event_id,
        since=fact.at,
        until=None,
        time=time,
        timed_since=timed_since,
        ruled_since=ruled_since if recurring else None,
        description=description,
        recurring=recurring,
        deleted=fact.kind == "TaskDeleted",
    )
    if before is not None:
        members = {name: getattr(before, name) for name in Version.__slots__}
        task.versions[-1] = Version(**{**members, "until": fact.at})
    task.versions.append(version)
    task.event_ids.append(fact.event_id)
