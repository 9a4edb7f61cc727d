"""What happened in a simulated history, as plain values: requests, starts, faults, notes.

Knows shapes only; who writes them down is the world, who judges them the checkers. Instants are
virtual seconds since the history began, unless they say `clock`: those are what a process's own
wall clock showed.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

EPOCH: Final = datetime(2030, 1, 1, tzinfo=UTC)
"""The true wall-clock instant at which every history begins."""


def instant(seconds: float) -> datetime:
    """Give the true wall-clock instant of a moment of the history."""
    return EPOCH + timedelta(seconds=seconds)


def seconds_of(moment: datetime) -> float:
    """Give the moment of the history at which a true wall clock shows an instant."""
    return (moment - EPOCH).total_seconds()


class Answer(StrEnum):
    """What a caller knows after its request."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class FaultKind(StrEnum):
    """Everything that can be done to the system."""

    # Done to a process, or to all, at a moment or for a while.
    CRASH = "crash"
    RESTART = "restart"
    SUSPEND = "suspend"
    SUSPEND_PAST_SESSION = "suspend-past-session"
    REBALANCE = "rebalance"
    FENCE = "fence"
    SLOW_READS = "slow-reads"
    STALE_READS = "stale-reads"
    STORE_AWAY = "store-away"
    LOG_AWAY = "log-away"
    POISON = "poison"
    WIPE_VIEWS = "wipe-views"
    CLOCK_JUMP = "clock-jump"
    TIMER_DISK_LOST = "timer-disk-lost"
    TIMER_DISK_OLD = "timer-disk-old"
    # Done to one call.
    APPEND_UNKNOWN_LANDED = "append-unknown-landed"
    APPEND_UNKNOWN_LOST = "append-unknown-lost"
    APPEND_LATE = "append-late"
    APPEND_TWICE = "append-twice"
    APPEND_REFUSED = "append-refused"
    COMMIT_UNKNOWN_LANDED = "commit-unknown-landed"
    COMMIT_UNKNOWN_LOST = "commit-unknown-lost"
    TORN_TRANSACTION = "torn-transaction"
    DELIVERED_TWICE = "delivered-twice"
    POSITION_NOT_COMMITTED = "position-not-committed"
    STORE_WRITE_UNKNOWN = "store-write-unknown"
    STORE_WRITE_LATE = "store-write-late"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault: what, to whom, when, and whether it changed anything."""

    kind: FaultKind
    target: str
    role: str
    at: float
    until: float
    effective: bool = False
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Request:
    """A request and its answer. `status` 0: no answer came."""

    number: int
    method: str
    path: str
    api: str
    sent_at: float
    body: dict[str, Any] | None = None
    key: str | None = None
    if_match: str | None = None
    task_id: str | None = None
    answered_at: float | None = None
    answer: Answer = Answer.UNKNOWN
    status: int = 0
    problem: str = ""
    content: Any = None
    visible: bool = False
    replayed: bool = False


@dataclass(slots=True, kw_only=True)
class Start:
    """A start as the target of the action saw it. `ended_at` None: it was cut off."""

    at: float
    clock_at: datetime
    process: str
    run_id: str
    task_id: str
    attempt: int
    nominal_at: datetime
    due_at: datetime
    description: str
    ended_at: float | None = None
    failed: bool = False
    exact: bool = True  # whether `at` is when it started, or only when that was recorded


@dataclass(slots=True)
class History:
    """Everything that was seen of one seed's run."""

    requests: list[Request] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[tuple[float, str, str]] = field(default_factory=list)
    deaths: list[tuple[float, str, str]] = field(default_factory=list)
    # (from, until, seconds of it that other programs took from the system): real machines only.
    taken: list[tuple[float, float, float]] = field(default_factory=list)
    quiet_from: float = 0.0
    ended_at: float = 0.0

    def note(self, at: float, who: str, what: str) -> None:
        """Write a line of the trace."""
        self.notes.append((at, who, what))
