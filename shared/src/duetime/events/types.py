"""The facts of the system: frozen, past tense, one class per kind of event.

Knows names and fields (DESIGN section 4); not how they become bytes (`codec`), nor what they do to
a task (`duetime.task`). All times are aware UTC datetimes; durations carry their unit in the name.
Defaults are left out on the wire, so a new optional field costs old readers nothing.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from duetime.limits import ACTION_TIMEOUT_SECONDS_DEFAULT
from duetime.recurrence.rules import Recurrence

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware datetime: one without a zone cannot be compared, so no reader lets it in."""


class LogAction(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="type", tag="log"):
    """Nothing but the record that the task ran: what the plain API does."""


class PythonAction(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    tag_field="type",
    tag="python",
    omit_defaults=True,
):
    """Call a function that was registered under `name`, with `args` as keyword arguments."""

    name: str
    args: dict[str, Any] = {}


Action = LogAction | PythonAction


class Definition(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """All that an owner says about a task. `time` is the first nominal time and never moves."""

    description: str
    time: Instant
    timezone: str = "UTC"
    recurrence: Recurrence | None = None
    action: Action = LogAction()
    timeout_seconds: float = ACTION_TIMEOUT_SECONDS_DEFAULT


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What every event says: whose, which task, and the revision it speaks of."""

    task_id: str
    tenant: str
    revision: int


class TaskCreated(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A task was registered. `fingerprint` digests the request's body; `keyed`: under a key."""

    actor: str
    definition: Definition
    fingerprint: str = ""
    keyed: bool = False


class TaskUpdated(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A task got a new definition, whole."""

    actor: str
    definition: Definition
    expected_revision: int | None = None


class TaskDeleted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A task is gone for its owner. It stays as a marker for a while (`MARKER_SECONDS`)."""

    actor: str
    expected_revision: int | None = None


class TaskPaused(Event, frozen=True, kw_only=True, omit_defaults=True):
    """No occurrence of this task starts until it is resumed."""

    actor: str
    reason: str = ""


class TaskResumed(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A paused task goes on."""

    actor: str
    reason: str = ""


class TaskTriggered(Event, frozen=True, kw_only=True, omit_defaults=True):
    """Someone asked for a run now. Raises no revision."""

    actor: str
    note: str = ""


class RunKind(StrEnum):
    """Why a run exists."""

    SCHEDULED = "scheduled"
    TRIGGERED = "triggered"
    BACKFILL = "backfill"


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


class SkipCause(StrEnum):
    """Why an occurrence, or a stretch of them, did not run (P5)."""

    MISSED = "missed"
    OVERLAPPED = "overlapped"
    PAUSED = "paused"
    LIMIT = "limit"
    CALENDAR = "calendar"
    UNREADABLE = "unreadable"


class TaskDue(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An occurrence is to start at `due_at`. Self-contained: the executor needs nothing else.

    `based_on` is the offset in `duetime.tasks` up to which the timer had folded the partition.
    `accepted_at` is there only where the task was accepted after `due_at`: lateness counts from
    the later of the two. `deferrals`: how many of its deliveries found its target at its limit.
    """

    run_id: str
    description: str
    nominal_at: Instant
    due_at: Instant
    based_on: int
    action: Action
    timeout_seconds: float
    kind: RunKind = RunKind.SCHEDULED
    attempt: int = 1
    delivery: int = 1
    accepted_at: Instant | None = None
    start_by: Instant | None = None
    next_due_at: Instant | None = None
    deferrals: int = 0


class TaskStarted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt has been running for a second; its executor holds it until `lease_until`."""

    run_id: str
    attempt: int
    executor: str
    due_at: Instant
    started_at: Instant
    lease_until: Instant
    delivery: int = 1


class TaskExecuted(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt ended. `final`: the run is closed, no further attempt follows.

    `deferred`: it was not begun at all, for its target was at its limit, and is not consumed; the
    timer emits it again at `retry_at`. Which word about it that ends, `delivery` and `based_on` of
    that TaskDue say; times and outcome (cancelled) are those of giving it back.
    """

    run_id: str
    description: str
    nominal_at: Instant
    due_at: Instant
    started_at: Instant
    finished_at: Instant
    outcome: Outcome
    executor: str
    action: str
    kind: RunKind = RunKind.SCHEDULED
    attempt: int = 1
    final: bool = True
    deferred: bool = False
    accepted_at: Instant | None = None
    retry_at: Instant | None = None
    next_due_at: Instant | None = None
    result: str | None = None
    error: str | None = None
    delivery: int = 1
    based_on: int = 0


class TaskSkipped(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of occurrences did not run, for one cause. `count` None: at least one."""

    description: str
    cause: SkipCause
    by: str
    first_due_at: Instant
    last_due_at: Instant
    run_id: str | None = None
    count: int | None = None
    next_due_at: Instant | None = None


TaskEvent = TaskCreated | TaskUpdated | TaskDeleted | TaskPaused | TaskResumed | TaskTriggered
RunEvent = TaskDue | TaskStarted | TaskExecuted | TaskSkipped
AnyEvent = TaskEvent | RunEvent
