"""The state of one task, as folded from its events.

Knows what is remembered of a task; not how events change it (`evolve`), nor what may be asked of
it (`decide`).
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from duetime.events.types import Definition


class TaskStatus(StrEnum):
    """What an owner last said about a task: go on, hold, or be gone."""

    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"


class Task(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A task at one revision.

    `time_revision` is the revision that last set `time`, `timing_revision` the one that last
    changed anything about when it runs (the end of a pause too), `timing_changed_at` the log's time
    of that change.
    `recent_event_ids` are the last few events applied: a repeat of one of them is a duplicate.
    """

    task_id: str
    tenant: str
    revision: int
    status: TaskStatus
    definition: Definition
    created_at: datetime
    updated_at: datetime
    time_revision: int
    timing_revision: int
    timing_changed_at: datetime
    actor: str
    fingerprint: str = ""
    keyed: bool = False
    reason: str = ""
    recent_event_ids: tuple[str, ...] = ()
