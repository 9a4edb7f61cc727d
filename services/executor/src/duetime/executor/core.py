"""The executor's decisions for one partition: which run may start, what an end means, what is done.

Rule 1: holding, dedupe by (run id, attempt), due order, leases and the settled prefix live here.
Rule 2: no log, no clock, no I/O, no action is performed here; starts and ends come in as inputs.

A run and attempt starts once: it is *held*, then *running*, then *ended* (its outcome is known but
not yet durable), then *settled* (TaskExecuted is in the log). A run alive after a second gets a
TaskStarted with a lease, renewed while it runs: from then on the timer's deadline guards it.

A held run is dropped for any record of its task that was appended before its due time: the timer
takes it back for the same reason and says anew what still holds. Whether there is such a record is
for `freshness` to know.

The group's committed offset in `due` is the contiguous prefix of runs that the log knows as settled
or leased, or that were dropped; its note is the offset in `executions` from which a new owner folds
to learn which runs beyond that prefix the log knows.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple

from duetime.events.envelope import Envelope
from duetime.events.types import Outcome, TaskDue, TaskExecuted, TaskStarted
from duetime.executor.backlog import Backlog
from duetime.executor.freshness import Change, Freshness
from duetime.executor.ledger import Ledger, Prefix, RunKey
from duetime.limits import (
    LEASE_RENEW_SECONDS,
    LEASE_SECONDS,
    OUTCOMES_PER_APPEND_MAX,
    STARTED_AFTER_SECONDS,
    VOID_AFTER_SECONDS,
)
from duetime.runtime.core import Input

_REMEMBERED: Final = timedelta(seconds=VOID_AFTER_SECONDS)  # starts are remembered past their end
_STARTED_AFTER: Final = timedelta(seconds=STARTED_AFTER_SECONDS)
_LEASE: Final = timedelta(seconds=LEASE_SECONDS)
_RENEW: Final = timedelta(seconds=LEASE_RENEW_SECONDS)

Fact = TaskExecuted | TaskStarted
"""What an executor says about a run."""


class Ended(NamedTuple):
    """How an attempt ended: outcome, and what it gave or what went wrong, each a short text."""

    outcome: Outcome
    result: str | None = None
    error: str | None = None


class _Held(NamedTuple):
    due: TaskDue
    offset: int  # of its TaskDue


class _Running(NamedTuple):
    due: TaskDue
    started_at: datetime
    lease_at: datetime  # when its next TaskStarted is to be written


class ExecutorCore:
    """The runs of one partition."""

    def __init__(self, *, executor: str) -> None:
        """`executor` names this process in the events it makes."""
        self._executor = executor
        self._held: dict[RunKey, _Held] = {}
        self._held_of: dict[str, set[RunKey]] = {}  # by task id
        self._backlog = Backlog()
        self._freshness = Freshness()
        self._order: list[tuple[datetime, str, int]] = []
        self._running: dict[RunKey, _Running] = {}
        self._lease_order: list[tuple[datetime, str, int]] = []
        self._ended: dict[RunKey, TaskExecuted] = {}
        self._settled: set[RunKey] = set()
        self._leased: dict[RunKey, int] = {}  # by an executor before this one, to the delivery
        self._until: dict[RunKey, datetime] = {}  # what is remembered, and how long at least
        self._forget: deque[tuple[datetime, RunKey]] = deque()
        self._ledger = Ledger()

    # --- learn --------------------------------------------------------------------------------

    def restore(self, *, due: int, executions: int) -> None:
        """Begin at the committed prefix."""
        self._ledger.restore(Prefix(due, executions))

    def learn_settled(self, inputs: Sequence[Input]) -> None:
        """Fold `executions` at a take-over.

        What is recorded as ended is not started again; what runs under a lease is left alone until
        the timer, after the lease, emits it again.
        """
        for record in inputs:
            assert record.position is not None
            offset = record.position.offset
            self._ledger.executions_reach(offset)
            event = record.event if isinstance(record, Envelope) else None
            if isinstance(event, TaskExecuted):
                self._settle(event, offset)
            elif isinstance(event, TaskStarted):
                key = (event.run_id, event.attempt)
                self._leased[key] = event.delivery
                self._ledger.know(key, offset)
                self._remember(key, event.lease_until)

    def apply(self, inputs: Sequence[Input]) -> None:
        """Hold what `due` brings; records already seen change nothing."""
        for record in inputs:
            at = record.position
            assert at is not None
            if at.offset < self._ledger.due_position:
                continue
            due = record.event if isinstance(record, Envelope) else None
            if not isinstance(due, TaskDue):
                self._ledger.read(at.offset, None)
            else:
                self._ledger.read(at.offset, (due.run_id, due.attempt))
                self._hold(_Held(due, at.offset))

    def caught_up(self) -> None:
        """All of `due` that was there at the take-over has been read.

        Until then a commit must not move the note on: a settled run beyond the prefix whose TaskDue
        has not been read again yet would be started once more by the next owner.
        """
        self._ledger.caught_up()

    def _hold(self, word: _Held) -> None:
        due = word.due
        key = (due.run_id, due.attempt)
        if key in self._settled or key in self._running or key in self._ended:
            return
        if self._leased.get(key, 0) >= due.delivery:
            return
        if self._leased.pop(key, None) is not None:
            # The lease spoke for an earlier delivery: this one is to be started, and until it has
            # been, no prefix may pass it.
            self._ledger.unknow(key)
        held = self._held.get(key)
        if held is not None and held.due.based_on > due.based_on:
            self._ledger.pass_over(word.offset)
            return
        if held is not None:
            self._ledger.pass_over(held.offset)
            self._let_go(key)
        if self._freshness.changed_since(due):
            self._ledger.pass_over(word.offset)
            return
        self._backlog.add(due.due_at)
        self._held[key] = word
        self._held_of.setdefault(due.task_id, set()).add(key)
        self._freshness.hold(due)
        heapq.heappush(self._order, (due.due_at, due.run_id, due.attempt))

    def _let_go(self, key: RunKey) -> None:
        held = self._held.pop(key, None)
        if held is None:
            return
        self._backlog.remove(held.due.due_at)
        keys = self._held_of[held.due.task_id]
        keys.discard(key)
        if not keys:
            del self._held_of[held.due.task_id]

    # --- freshness ----------------------------------------------------------------------------

    def tasks_from(self) -> int | None:
        """Give the offset in `tasks` from which to read on; None while nothing is held."""
        if not self._held:
            return None
        return self._freshness.read_from(min(held.due.based_on for held in self._held.values()))

    def learn_changes(self, changes: Sequence[Change], position: int) -> None:
        """Learn which tasks have records in `tasks`, up to `position`; drop what they void."""
        for change in changes:
            for key in list(self._held_of.get(change.task_id, ())):
                held = self._held[key]
                if change.voids(held.due):
                    self._ledger.pass_over(held.offset)
                    self._let_go(key)
        self._freshness.learn(changes, position)

    def fresh(self, as_of: datetime) -> None:
        """Note that `tasks` has been read to its end as it was at `as_of`."""
        self._freshness.as_of = as_of

    def doubt_freshness(self, now: datetime) -> None:
        """Ask anew after the clock has been set back: what it said then says nothing now."""
        self._freshness.doubt(now)

    def ask_at(self) -> datetime | None:
        """Say when to ask for the end of `tasks` again."""
        due_at = self.due_at()
        return None if due_at is None else self._freshness.ask_at(due_at)

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
            if held is None or held.due.due_at != entry[0] or key in seen:
                continue  # replaced by a later word about the same run, dropped, or started
            put_back.append(entry)
            if not self._freshness.knows(held.due.due_at):
                break  # P4 goes before P2: what may have changed waits until it is known
            seen.add(key)
            runs.append(held.due)
        for entry in put_back:
            heapq.heappush(self._order, entry)
        return runs

    def facts(self, now: datetime) -> Sequence[Fact]:
        """Give what is to be appended: ends not yet in the log, oldest first, and leases."""
        facts: list[Fact] = list(islice(self._ended.values(), OUTCOMES_PER_APPEND_MAX))
        if self._lease_order and self._lease_order[0][0] > now:
            return facts
        due = [entry for entry in self._lease_order if entry[0] <= now]
        for lease_at, run_id, attempt in due:
            running = self._running.get((run_id, attempt))
            if running is not None and running.lease_at == lease_at:
                facts.append(self._lease(running, now))
        return facts

    def _lease(self, running: _Running, now: datetime) -> TaskStarted:
        due = running.due
        return TaskStarted(
            task_id=due.task_id,
            tenant=due.tenant,
            revision=due.revision,
            run_id=due.run_id,
            attempt=due.attempt,
            delivery=due.delivery,
            executor=self._executor,
            due_at=due.due_at,
            started_at=running.started_at,
            lease_until=now + _LEASE,
        )

    def wake_at(self) -> datetime | None:
        """Say when the earliest held run may start, or the earliest lease is to be written."""
        wakes = [at for at in (self.start_at(), self.lease_at()) if at is not None]
        return min(wakes, default=None)

    def start_at(self) -> datetime | None:
        """Say when the earliest held run may start; None while its freshness is not known."""
        due_at = self.due_at()
        return due_at if due_at is not None and self._freshness.knows(due_at) else None

    def due_at(self) -> datetime | None:
        """Say when the earliest held run is due."""
        while self._order:
            due_at, run_id, attempt = self._order[0]
            held = self._held.get((run_id, attempt))
            if held is not None and held.due.due_at == due_at:
                return due_at
            heapq.heappop(self._order)
        return None

    def lease_at(self) -> datetime | None:
        """Say when the earliest TaskStarted is to be written."""
        while self._lease_order:
            lease_at, run_id, attempt = self._lease_order[0]
            running = self._running.get((run_id, attempt))
            if running is not None and running.lease_at == lease_at:
                return lease_at
            heapq.heappop(self._lease_order)
        return None

    # --- what happened ------------------------------------------------------------------------

    def started(self, due: TaskDue, now: datetime) -> None:
        """Note that an attempt is under way."""
        key = (due.run_id, due.attempt)
        self._let_go(key)
        self._run(key, _Running(due, now, now + _STARTED_AFTER))

    def begun(self, key: RunKey, now: datetime) -> None:
        """Note that its work begins only now: it had to wait, for a thread say."""
        running = self._running.get(key)
        if running is not None:
            self._running[key] = running._replace(started_at=max(now, running.started_at))

    def _run(self, key: RunKey, running: _Running) -> None:
        self._running[key] = running
        heapq.heappush(self._lease_order, (running.lease_at, *key))
        if len(self._lease_order) > 2 * len(self._running) + 64:
            # Most runs end before their lease is due, and leave their entry behind.
            self._lease_order = [(known.lease_at, *run) for run, known in self._running.items()]
            heapq.heapify(self._lease_order)

    def ended(self, key: RunKey, end: Ended, now: datetime) -> TaskExecuted:
        """Note how an attempt ended; give the event that says so, to be appended."""
        due, started_at, _ = self._running.pop(key)
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

    def accepted(self, event: Fact, offset: int) -> None:
        """Note that the log has taken a fact."""
        self._ledger.executions_reach(offset)
        key = (event.run_id, event.attempt)
        if isinstance(event, TaskExecuted):
            self._ended.pop(key, None)
            self._settle(event, offset)
            return
        self._ledger.know(key, offset)
        running = self._running.get(key)
        if running is not None:
            lease_at = event.lease_until - _LEASE + _RENEW
            self._run(key, running._replace(lease_at=lease_at))

    # --- the settled prefix -------------------------------------------------------------------

    def prefix(self) -> Prefix:
        """Give what may be committed now."""
        return self._ledger.prefix()

    def forget(self, now: datetime) -> None:
        """Drop the memory of runs a minute after they ended, once they lie before the prefix.

        At a take-over nothing is forgotten before `caught_up`: until then the TaskDue of a settled
        run may still be read again, and would start it once more.
        """
        if not self._ledger.is_caught_up:
            return
        beyond = self._ledger.beyond()
        kept: list[tuple[datetime, RunKey]] = []
        while self._forget and self._forget[0][0] < now - _REMEMBERED:
            until, key = self._forget.popleft()
            if self._until.get(key) != until:
                continue  # something later was heard of it
            if key in beyond:
                kept.append((until, key))
            elif key not in self._running:
                del self._until[key]
                self._settled.discard(key)
                self._leased.pop(key, None)
                self._ledger.unknow(key)
        self._forget.extendleft(reversed(kept))

    def _settle(self, event: TaskExecuted, offset: int) -> None:
        key = (event.run_id, event.attempt)
        # A repeat by deadline may come long after due, so memory counts from the end.
        self._remember(key, max(event.due_at, event.finished_at))
        self._settled.add(key)
        self._ledger.know(key, offset)
        self._let_go(key)

    def _remember(self, key: RunKey, until: datetime) -> None:
        self._until[key] = until
        self._forget.append((until, key))

    @property
    def held_count(self) -> int:
        """How many runs wait to start."""
        return len(self._held)

    def overdue_count(self, now: datetime) -> int:
        """Give how many runs wait to start although they were due before this second."""
        return self._backlog.overdue_count(now)

    @property
    def running_count(self) -> int:
        """How many attempts are under way."""
        return len(self._running)
