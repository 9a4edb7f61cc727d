"""The executor's decisions for one partition: which run may start, what an end means, what is done.

Rule 1: holding, dedupe by (run id, attempt), due order and leases live here.
Rule 2: no log, no clock, no I/O, no action is performed here; starts and ends come in as inputs.

A run and attempt starts once: it is *held*, then *running*, then *ended* (its outcome is known but
not yet durable), then *settled* (TaskExecuted is in the log). A run alive after a second gets a
TaskStarted with a lease, renewed while it runs: from then on the timer's deadline guards it.

A run that waits too long for its target (`waiting`) goes back to the timer, *deferred*: it was not
begun, and comes again with a later delivery. A held run is dropped for any record of its task that
was appended before its due time (`freshness`): the timer takes it back too, and says anew what
holds.

The group's committed offset in `due` is the contiguous prefix of runs that the log knows as settled
or leased, or that were dropped; its note is the offset in `executions` from which a new owner folds
to learn which runs beyond that prefix the log knows.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import msgspec

from duetime.events.envelope import Envelope
from duetime.events.types import TaskDue, TaskExecuted, TaskStarted
from duetime.executor.backlog import Backlog
from duetime.executor.facts import LEASE, Ended, Fact, deferral_of, end_of, lease_of, word_of
from duetime.executor.freshness import Change, Freshness
from duetime.executor.ledger import Ledger, Prefix, RunKey, Word
from duetime.executor.memory import Memory
from duetime.executor.order import DueOrder
from duetime.executor.running import Running
from duetime.executor.targets import Target
from duetime.executor.waiting import Waiting
from duetime.limits import (
    LEASE_RENEW_SECONDS,
    OUTCOMES_PER_APPEND_MAX,
    PASSED_PER_STEP_MAX,
)
from duetime.runtime.core import Input

_RENEW: Final = timedelta(seconds=LEASE_RENEW_SECONDS)


class _Held(msgspec.Struct, frozen=True, gc=False):
    due: TaskDue
    offset: int  # of its TaskDue
    target: Target | None


class ExecutorCore:
    """The runs of one partition."""

    def __init__(
        self,
        *,
        executor: str,
        target_of: Callable[[TaskDue], Target | None] = lambda _: None,
        room: Callable[[Target], int] = lambda _: 1,
    ) -> None:
        """`executor` names this process in the events it makes.

        `target_of` says what a run acts on, if anything, `room` how many more that bears now.
        """
        self._executor = executor
        self._target_of = target_of
        self._room = room
        self._waiting = Waiting()
        self._passed_over: dict[Target, None] = {}
        self._held: dict[RunKey, _Held] = {}
        self._held_of: dict[str, tuple[RunKey, ...]] = {}  # by task id: one, mostly
        self._backlog = Backlog()
        self._freshness = Freshness()
        self._order = DueOrder(self._due_at_of)
        self._running = Running()
        self._ended: dict[RunKey, TaskExecuted] = {}
        self._ledger = Ledger()
        self._memory = Memory(self._ledger)

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
                self._know_end(event, offset)
            elif isinstance(event, TaskStarted):
                self._memory.lease(event, offset)

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
                word = word_of(due)
                self._ledger.read(at.offset, word)
                self._hold(_Held(due, at.offset, self._target_of(due)), word)

    def caught_up(self) -> None:
        """All of `due` that was there at the take-over has been read.

        Until then a commit must not move the note on: a settled run beyond the prefix whose TaskDue
        has not been read again yet would be started once more by the next owner.
        """
        self._ledger.caught_up()

    def _hold(self, held: _Held, word: Word) -> None:
        due, key = held.due, word.key
        if key in self._memory or key in self._running or self._has_ended(word):
            return
        if self._memory.is_leased(word):
            return
        before = self._held.get(key)
        if before is not None and before.due.based_on > due.based_on:
            self._ledger.pass_over(held.offset)
            return
        if before is not None:
            self._ledger.pass_over(before.offset)
            self._let_go(key)
        if self._freshness.changed_since(due):
            self._ledger.pass_over(held.offset)
            return
        self._backlog.add(due.due_at)
        self._held[key] = held
        self._held_of[due.task_id] = (*self._held_of.get(due.task_id, ()), key)
        self._freshness.hold(due)
        self._order.add((due.due_at, due.run_id, due.attempt))

    def _has_ended(self, word: Word) -> bool:
        """Whether a word is about what has ended, or was given back with it or a later one."""
        ended = self._ended.get(word.key)
        if ended is not None and (not ended.deferred or word <= word_of(ended)):
            return True
        return self._ledger.is_deferred(word)

    def _let_go(self, key: RunKey) -> None:
        held = self._held.pop(key, None)
        if held is None:
            return
        self._waiting.discard(key)
        self._backlog.remove(held.due.due_at)
        keys = self._held_of.pop(held.due.task_id)
        if len(keys) > 1:
            self._held_of[held.due.task_id] = tuple(each for each in keys if each != key)

    # --- freshness ----------------------------------------------------------------------------

    def tasks_from(self) -> int | None:
        """Give the offset in `tasks` from which to read on; None while nothing is held."""
        if not self._held:
            return None
        held = self._held.values()  # thousands, with the lookahead: looked at only where it must be
        return self._freshness.read_from(lambda: min(each.due.based_on for each in held))

    def learn_changes(self, changes: Sequence[Change], position: int) -> None:
        """Learn which tasks have records in `tasks`, up to `position`; drop what they void."""
        for change in changes:
            for key in self._held_of.get(change.task_id, ()):
                held = self._held[key]
                if change.voids(held.due):
                    self._ledger.pass_over(held.offset)
                    self._let_go(key)
        self._freshness.learn(changes, position)

    def fresh(self, as_of: datetime) -> None:
        """Note that `tasks` has been read to its end as it was at `as_of`."""
        self._freshness.as_of = as_of

    def doubt_freshness(self, now: datetime) -> bool:
        """Ask anew where the clock has been set back, or nobody has asked for long.

        Says whether anything was due meanwhile: then this process may have slept, and lost the
        partition to others who have started it.
        """
        due_at = self.due_at()
        return self._freshness.doubt(now) and due_at is not None and due_at <= now

    def ask_at(self) -> datetime | None:
        """Say when to ask for the end of `tasks` again."""
        due_at = self.due_at()
        return None if due_at is None else self._freshness.ask_at(due_at)

    # --- decide -------------------------------------------------------------------------------

    def startable(self, now: datetime, *, runs_max: int) -> Sequence[TaskDue]:
        """Give the runs that may start at `now`, in due order; asked again, it gives them again.

        Those whose target is at its limit are put aside, where they wait in due order.
        """
        self._order.put_back()
        runs, passed = list[TaskDue](), 0
        room: dict[Target, int] = {}
        while len(runs) < runs_max and passed < PASSED_PER_STEP_MAX:
            place = self._order.take(now)
            if place is None:
                break
            key = (place[1], place[2])
            held = self._held[key]
            if not self._freshness.knows(place[0]):
                self._order.offer(place)
                break  # P4 goes before P2: what may have changed waits until it is known
            target = held.target
            if target is not None:
                if target not in room:
                    room[target] = self._room(target)
                if room[target] < 1 or not self._waiting.goes_first(target, key):
                    self._waiting.add(target, place, now)
                    self._passed_over[target] = None
                    passed += 1
                    continue
                room[target] -= 1
            self._order.offer(place)
            runs.append(held.due)
        return runs

    def passed_over(self) -> Sequence[tuple[Target, datetime | None]]:
        """Give the targets of runs put aside or called since asked, and when the first was due.

        None where nobody waits any more. Whoever asks calls them when there is room.
        """
        earliest = [(target, self._waiting.earliest(target)) for target in self._passed_over]
        self._passed_over.clear()
        return earliest

    def call(self, target: Target, room: int) -> None:
        """Let the earliest of those that wait for a target be looked at again, for it has room."""
        for place in self._waiting.call(target, room):
            self._order.add(place)
        self._passed_over[target] = None

    def defer(self, now: datetime, *, at_limit: Callable[[Target], bool]) -> Sequence[Target]:
        """Give back what waited too long for a target at its limit; name the targets looked at."""
        gone, looked = self._waiting.impatient(now, at_limit)
        for key in gone:
            held = self._held[key]
            self._let_go(key)
            self._ended[key] = deferral_of(held.due, now=now, executor=self._executor)
        return looked

    def facts(self, now: datetime) -> Sequence[Fact]:
        """Give what is to be appended: ends not yet in the log, oldest first, and leases."""
        facts: list[Fact] = list(islice(self._ended.values(), OUTCOMES_PER_APPEND_MAX))
        facts += (
            lease_of(run.due, started_at=run.started_at, now=now, executor=self._executor)
            for run in self._running.lacking_lease(now)
        )
        return facts

    def has_facts(self, now: datetime) -> bool:
        """Whether there is anything to be appended."""
        return bool(self._ended) or bool(self._running.lacking_lease(now))

    def wake_at(self) -> datetime | None:
        """Say when the earliest held run may start, be given back, or have its lease written."""
        wakes = (self.start_at(), self.lease_at(), self.defer_at())
        return min((at for at in wakes if at is not None), default=None)

    def defer_at(self) -> datetime | None:
        """Say when to look for what has waited too long for its target."""
        return self._waiting.look_at()

    def start_at(self) -> datetime | None:
        """Say when the earliest held run may start; None while its freshness is not known."""
        due_at = self.due_at()
        return due_at if due_at is not None and self._freshness.knows(due_at) else None

    def due_at(self) -> datetime | None:
        """Say when the earliest held run is due."""
        return self._order.first()

    def _due_at_of(self, key: RunKey) -> datetime | None:
        held = self._held.get(key)
        return None if held is None else held.due.due_at

    def lease_at(self) -> datetime | None:
        """Say when the earliest TaskStarted is to be written."""
        return self._running.lease_at()

    # --- what happened ------------------------------------------------------------------------

    def started(self, due: TaskDue, now: datetime) -> None:
        """Note that an attempt is under way."""
        key = (due.run_id, due.attempt)
        self._let_go(key)
        self._running.start(key, due, now)

    def begun(self, key: RunKey, now: datetime) -> None:
        """Note that its work begins only now: it had to wait, for a thread say."""
        self._running.begun(key, now)

    def ended(self, key: RunKey, end: Ended, now: datetime) -> TaskExecuted:
        """Note how an attempt ended; give the event that says so, to be appended."""
        run = self._running.end(key)
        event = end_of(run.due, end, started_at=run.started_at, now=now, executor=self._executor)
        self._ended[key] = event
        return event

    def accepted(self, event: Fact, offset: int) -> None:
        """Note that the log has taken a fact."""
        self._ledger.executions_reach(offset)
        key = (event.run_id, event.attempt)
        if isinstance(event, TaskExecuted):
            if self._ended.get(key) is event:  # a later delivery may have ended meanwhile
                del self._ended[key]
            self._know_end(event, offset)
            return
        self._ledger.know(key, offset)
        self._running.leased(key, event.lease_until - LEASE + _RENEW)

    # --- the settled prefix -------------------------------------------------------------------

    def prefix(self) -> Prefix:
        """Give what may be committed now."""
        return self._ledger.prefix()

    def forget(self, now: datetime) -> None:
        """Drop the memory of some runs that ended long enough ago."""
        self._memory.forget(now, is_running=self._running.__contains__)

    def _know_end(self, event: TaskExecuted, offset: int) -> None:
        if self._memory.end(event, offset):
            self._let_go((event.run_id, event.attempt))

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
