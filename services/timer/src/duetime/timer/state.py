"""What the timer remembers of one task, and its bytes in the changelog.

Knows the record's shape; not what events and time do to it (`machine`).
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from duetime.task.occurrence import Progress
from duetime.task.state import Task, TaskStatus


class RunPhase(StrEnum):
    """Where an open run stands."""

    DISPATCHED = "dispatched"
    STARTED = "started"
    WAITING = "waiting"


class OpenRun(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A run from its TaskDue to its final TaskExecuted or TaskSkipped.

    Unheard of by `deadline`, it is emitted again, as the next `delivery` of the same attempt.
    A change that came before `due_at` takes it back, and the task's progress is again what it was
    `before`. `ahead`: it left before its due time. One whose target was at its limit waits until
    `deadline`, and has been given back so `deferrals` times.
    """

    run_id: str
    nominal_at: datetime
    due_at: datetime
    deadline: datetime
    accepted_at: datetime | None = None
    attempt: int = 1
    delivery: int = 1
    phase: RunPhase = RunPhase.DISPATCHED
    ahead: bool = False
    before: Progress | None = None
    deferrals: int = 0


class TaskState(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A task as the timer holds it.

    `next_at`: its next nominal time, None when none is left or while it may not run.
    `marker_until`: it only stays, as a marker against late repeats of its creation, until then.
    `unreadable`: an event of it could not be read; nothing runs until a later one can be.
    """

    task: Task
    progress: Progress | None = None
    next_at: datetime | None = None
    open_runs: tuple[OpenRun, ...] = ()
    marker_until: datetime | None = None
    unreadable: bool = False

    def wake_at(self, lookahead: timedelta) -> datetime | None:
        """Say when time alone will change it; occurrences leave `lookahead` before their time."""
        if self.marker_until is not None:
            return self.marker_until
        if self.task.status is not TaskStatus.ACTIVE:
            return None
        leaves_at = None if self.next_at is None else self.next_at - lookahead
        if not self.open_runs:
            return leaves_at
        deadline = min(run.deadline for run in self.open_runs)
        return deadline if leaves_at is None else min(deadline, leaves_at)

    @property
    def ahead_count(self) -> int:
        """How many of its runs are out and neither heard of nor taken back."""
        if not self.open_runs:  # as it is for most
            return 0
        return sum(run.ahead and run.phase is RunPhase.DISPATCHED for run in self.open_runs)


_ENCODER: Final = msgspec.json.Encoder()
_STATE: Final = msgspec.json.Decoder(TaskState)


def encode_state(state: TaskState) -> bytes:
    """Give the changelog's bytes of a task's state."""
    return _ENCODER.encode(state)


def decode_state(value: bytes) -> TaskState:
    """Read a task's state. Raises msgspec.MsgspecError for anything else."""
    return _STATE.decode(value)
