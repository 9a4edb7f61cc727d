"""The executor's decisions for one partition: which run may start, what an end means, what is done.

Rule 1: holding, dedupe by (run id, attempt), due order and the settled prefix live here.
Rule 2: no log, no clock, no I/O, no action is performed here; starts and ends come in as inputs.

A run and attempt starts once: it is *held*, then *running*, then *ended* (its outcome is known but
not yet durable), then *settled* (TaskExecuted is in the log). The group's committed offset in `due`
is the contiguous prefix of settled runs; its note is the offset in `executions` from which a new
owner folds to learn what was settled beyond that prefix.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from duetime.events.envelope import Envelope, Unreadable
from duetime.events.types import Outcome, TaskDue, TaskExecuted
from duetime.limits import OUTCOMES_PER_APPEND_MAX, VOID_AFTER_SECONDS

_REMEMBERED: Final = timedelta(seconds=VOID_AFTER_SECONDS)  # starts are remembered past due

RunKey = tuple[str, int]
"""Run id and attempt."""


class Ended(NamedTuple):
    """How an attempt ended: outcome, and what it gave or what went wrong, each a short text."""

    outcome: Outcome
    result: str | None = None
    error: str | None = None


class Prefix(NamedTuple):
    """What to commit: the next offset of `due`, and from where to fold `executions`."""

    due: int
    executions: int


class ExecutorCore:
    """The runs of one partition."""

    def __init__(self, *, executor: str) -> None:
        """`executor` names this process in the events it makes."""
        self._executor = executor
        self._due_position = 0
        self._held: dict[RunKey, TaskDue] = {}
        self._order: list[tuple[datetime, str, int]] = []
        self._running: dict[RunKey, tuple[TaskDue, datetime]] = {}
        self._ended: dict[RunKey, TaskExecuted] = {}
        self._settled: dict[RunKey, int] = {}  # to the offset of its TaskExecuted
        self._forget: deque[tuple[datetime, RunKey]] = deque()
        self._ledger: deque[tuple[int, RunKey]] = deque()  # due offset and key, in offset order
        self._executions_end = 0
        self._prefix_due = 0

    # --- learn --------------------------------------------------------------------------------

    def restore(self, *, due: int, executions: int) -> None:
        """Begin at the committed prefix."""
        self._due_position = due
        self._prefix_due = due
        self._executions_end = executions

    def learn_settled(self, inputs: Sequence[Envelope | Unreadable]) -> None:
        """Fold `executions` at a take-over: what is recorded as ended is not started again."""
        for record in inputs:
            assert record.position is not None
            self._executions_end = max(self._executions_end, record.position.offset + 1)
            if isinstance(record, Envelope) and isinstance(record.event, TaskExecuted):
                event = record.event
                self._settle((event.run_id, event.attempt), record.position.offset, event.due_at)

    def apply(self, inputs: Sequence[Envelope | Unreadable]) -> None:
        """Hold what `due` brings; records already seen change nothing."""
        for record in inputs:
            at = record.position
            assert at is not None
            if at.offset < self._due_position:
                continue
            self._due_position = at.offset + 1
            if not isinstance(record, Envelope) or not isinstance(record.event, TaskDue):
                continue
            due = record.event
            key = (due.run_id, due.attempt)
            self._ledger.append((at.offset, key))
            if key in self._settled or key in self._running or key in self._ended:
                continue
            held = self._held.get(key)
            if held is None or held.based_on <= due.based_on:
                self._held[key] = due
                heapq.heappush(self._order, (due.due_at, due.run_id, due.attempt))

    # --- decide -------------------------------------------------------------------------------

    def startable(self, now: datetime, *, runs_max: int) -> Sequence[TaskDue]:
        """Give the runs that may start at `now`, in due order. A question: it changes nothing."""
        runs: list[TaskDue] = []
        put_back: list[tuple[datetime, str, int]] = []
        seen: set[RunKey] = set()
        while self._order and len(runs) < runs_max and self._order[0][0] <= now:
            entry = heapq.heappop(self._order)
            key = (entry[1], entry[2])
            held = self._held.get(key)
            if held is None or held.due_at != entry[0] or key in seen:
                continue  # replaced by a later word about the same run, or started
            seen.add(key)
            put_back.append(entry)
            runs.append(held)
        for entry in put_back:
            heapq.heappush(self._order, entry)
        return runs

    def started(self, due: TaskDue, now: datetime) -> None:
        """Note that an attempt has begun."""
        key = (due.run_id, due.attempt)
        del self._held[key]
        self._running[key] = (due, now)

    def ended(self, key: RunKey, end: Ended, now: datetime) -> TaskExecuted:
        """Note how an attempt ended; give the event that says so, to be appended."""
        due, started_at = self._running.pop(key)
        event = TaskExecuted(
            task_id=due.task_id,
            tenant=due.tenant,
            revision=due.revision,
            run_id=due.run_id,
            description=due.description,
            kind=due.kind,
            attempt=due.attempt,
            nominal_at=due.nominal_at,
            due_at=due.due_at,
            accepted_at=due.accepted_at,
            started_at=started_at,
            # A clock set back in between must not make a run end before it began.
            finished_at=max(now, started_at),
            outcome=end.outcome,
            executor=self._executor,
            action=str(due.action.__struct_config__.tag),
            next_due_at=due.next_due_at,
            result=end.result,
            error=end.error,
        )
        self._ended[key] = event
        return event

    def outcomes(self) -> Sequence[TaskExecuted]:
        """Give the ends that are not yet in the log, oldest first, as many as one append takes."""
        ended = iter(self._ended.values())
        return [event for event, _ in zip(ended, range(OUTCOMES_PER_APPEND_MAX), strict=False)]

    def accepted(self, event: TaskExecuted, offset: int) -> None:
        """Note that the log has taken an end."""
        key = (event.run_id, event.attempt)
        self._ended.pop(key, None)
        self._executions_end = max(self._executions_end, offset + 1)
        self._settle(key, offset, event.due_at)

    def prefix(self) -> Prefix:
        """Give what may be committed now.

        Ends are appended one batch at a time, so an end that is not settled yet will land at or
        after the end offset known here.
        """
        while self._ledger and self._ledger[0][1] in self._settled:
            self._prefix_due = self._ledger.popleft()[0] + 1
        if not self._ledger:
            self._prefix_due = self._due_position
        beyond = [self._settled[key] for _, key in self._ledger if key in self._settled]
        return Prefix(self._prefix_due, min(beyond, default=self._executions_end))

    def forget(self, now: datetime) -> None:
        """Drop the memory of starts that lie a minute past due and before the prefix."""
        unsettled = {key for _, key in self._ledger}
        while self._forget and self._forget[0][0] + _REMEMBERED < now:
            _, key = self._forget.popleft()
            if key in unsettled:
                self._forget.append((now, key))
                return
            self._settled.pop(key, None)

    def wake_at(self) -> datetime | None:
        """Say when the earliest held run is due."""
        while self._order:
            due_at, run_id, attempt = self._order[0]
            held = self._held.get((run_id, attempt))
            if held is not None and held.due_at == due_at:
                return due_at
            heapq.heappop(self._order)
        return None

    @property
    def held_count(self) -> int:
        """How many runs wait to start."""
        return len(self._held)

    @property
    def running_count(self) -> int:
        """How many attempts are under way."""
        return len(self._running)

    def _settle(self, key: RunKey, offset: int, due_at: datetime) -> None:
        if key not in self._settled:
            self._forget.append((due_at, key))
        self._settled[key] = offset
        self._held.pop(key, None)
