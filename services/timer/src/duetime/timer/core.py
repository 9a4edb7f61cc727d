"""The timer's decisions for one partition.

Rule 1: what is due, what of it is said, and how far the inputs are folded in, live here.
Rule 2: no log, no clock, no I/O. `decide` changes nothing; a decision becomes state in `accepted`,
when the log has taken it, so a failed transaction needs no undo (the core is dropped instead).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from duetime.events.envelope import Envelope, Unreadable
from duetime.events.ids import microseconds
from duetime.events.positions import FoldedTo
from duetime.events.types import TaskDue, TaskSkipped
from duetime.limits import (
    ADMITTED_EVENTS,
    AHEAD_RUNS_MAX,
    DUE_PER_DECISION_MAX,
    STATES_PER_DECISION_MAX,
    TICK_SECONDS,
    TICK_SECONDS_MIN,
    URGENT_SECONDS,
)
from duetime.runtime.core import Input
from duetime.timer import machine
from duetime.timer.due_index import DueIndex
from duetime.timer.restore import Kept, restore
from duetime.timer.state import TaskState, decode_state, encode_state

_TICK: Final = timedelta(seconds=TICK_SECONDS)
_TICK_MIN: Final = timedelta(seconds=TICK_SECONDS_MIN)
_URGENT: Final = timedelta(seconds=URGENT_SECONDS)
_NOT_AHEAD: Final = timedelta(0)
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)  # "at once"
_EXECUTIONS: Final = "duetime.executions"
_NO_HEADERS: Final[Mapping[str, bytes]] = {}


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction is to hold: facts, changed states, the position.

    `fired`: the tasks whose states follow from the decision itself; the index has the others.
    """

    facts: Sequence[Envelope]
    states: Mapping[str, Kept]
    fired: Sequence[str]
    folded_to: FoldedTo


class Leaving(NamedTuple):
    """How tasks leave: up to `lookahead` before their time, in decisions of `due_max` at most."""

    lookahead: timedelta
    due_max: int = DUE_PER_DECISION_MAX
    ahead_max: int = AHEAD_RUNS_MAX


class TimerCore:
    """The tasks of one partition and what is due among them."""

    def __init__(
        self,
        *,
        source: str,
        index: DueIndex,
        lookahead: timedelta,
        due_max: int = DUE_PER_DECISION_MAX,
        ahead_max: int = AHEAD_RUNS_MAX,
    ) -> None:
        """Begin with an index; `source` names this timer in the events it makes.

        TaskDue leaves up to `lookahead` before its time, while less than `ahead_max` are out; a
        decision takes `due_max` tasks that are due at most, and what is left the next one.
        """
        self._source = source
        self._index = index
        self._lookahead = lookahead
        self._due_max = due_max
        self._ahead_max = ahead_max
        self._was_cut_short = False  # the last decision: more was due than it took
        self._folded_to = FoldedTo()
        self._told_to = 0  # how far in `tasks` the newest position record says it is
        self._changed: dict[str, Kept] = {}  # folded but not yet in the changelog, in order
        self._owes_position = False
        self._written_at: datetime | None = None
        self._caught_up = False

    # --- restore ------------------------------------------------------------------------------

    def restore(
        self, task_id: str, value: bytes | None, headers: Mapping[str, bytes] = _NO_HEADERS
    ) -> None:
        """Take over one record of the changelog, in its order. Raises msgspec.MsgspecError."""
        restore(self._index, task_id, value, headers, lookahead=self._lookahead)

    def restore_position(self, folded_to: FoldedTo, *, owed: bool = False) -> None:
        """Take over the position record; `owed`: it is to be written anew, whatever comes."""
        self._folded_to = folded_to
        self._told_to = folded_to.tasks
        self._owes_position = owed

    @property
    def folded_to(self) -> FoldedTo:
        """How far the inputs are folded in: the offsets of the next records to apply."""
        return self._folded_to

    @property
    def owes(self) -> bool:
        """Whether something is folded that has yet to be written."""
        return bool(self._changed) or self._owes_position

    # --- learn --------------------------------------------------------------------------------

    def apply(self, inputs: Sequence[Input]) -> None:
        """Fold records of `tasks` and `executions`; those already folded in change nothing."""
        self._index.expect(
            {record.event.task_id for record in inputs if isinstance(record, Envelope)}
        )
        for record in inputs:
            if not self._moved_past(record):
                continue
            if isinstance(record, Envelope):
                self._learn(record)
            else:
                self._learn_unreadable(record)
        if self._folded_to.tasks >= self._told_to + ADMITTED_EVENTS:
            # Nothing of it may have changed any state, and yet whoever admits tasks has to know.
            self._owes_position = True

    def advance(self, *, tasks: int | None, executions: int | None) -> None:
        """Note that delivery has passed marks in the log that are no records."""
        position = self._folded_to
        self._folded_to = FoldedTo(
            tasks=max(position.tasks, tasks or 0),
            executions=max(position.executions, executions or 0),
            schedule=position.schedule,
        )

    def caught_up(self) -> None:
        """The ends, as seen after fencing, are folded in: from now on it decides."""
        self._caught_up = True

    @property
    def is_caught_up(self) -> bool:
        """Whether it decides."""
        return self._caught_up

    # --- decide -------------------------------------------------------------------------------

    def decide(self, now: datetime) -> Decided | None:
        """Say what is due and what has changed, or None where nothing is to be written yet.

        Facts are written as soon as there are any; folded states alone wait for the tick, since
        transactions cost and records do not.
        """
        if not self._caught_up:
            return self._folded_so_far()
        decide_at = self.wake_at()
        if decide_at is None or (decide_at > now and not self._clock_was_set_back(now)):
            return None
        lookahead = self._room_ahead()
        due = self._index.until(now - self._lookahead + lookahead, tasks_max=self._due_max)
        self._index.expect(due)
        facts: list[Envelope] = []
        states: dict[str, Kept] = {}
        for task_id in due:
            fired = machine.fire(
                self._state(task_id), now, based_on=self._folded_to.tasks, lookahead=lookahead
            )
            facts.extend(self._envelope(fact, now) for fact in fired.facts)
            states[task_id] = self._kept(task_id, fired.state)
        for task_id, kept in self._changed.items():
            states.setdefault(task_id, kept)
        return Decided(facts=facts, states=states, fired=due, folded_to=self._folded_to)

    def accepted(self, decided: Decided, now: datetime) -> None:
        """Make a decision state: the log has taken it whole."""
        for task_id in decided.fired:
            kept = decided.states[task_id]
            if kept.value is None:
                self._index.remove(task_id, woke=kept.woke)
            else:
                self._index.put(task_id, kept.wake, kept.value, tally=kept.tally, woke=kept.woke)
        self._changed.clear()
        self._owes_position = False
        self._told_to = decided.folded_to.tasks
        self._written_at = now
        self._was_cut_short = len(decided.fired) >= self._due_max

    @property
    def is_behind(self) -> bool:
        """Whether the last decision left something that was to leave by then."""
        return self._was_cut_short

    def wake_at(self) -> datetime | None:
        """Say when to decide again without news.

        Transactions cost, records do not: what is not urgent waits for the tick. What is due within
        URGENT_SECONDS (or already) does not, but comes in decisions TICK_SECONDS_MIN apart. A
        decision that was cut short goes on at once.
        """
        if not self._caught_up:
            return None
        now_or_tick = _BEGINNING if self._written_at is None else self._written_at + _TICK
        wakes = [now_or_tick] if self.owes else []
        leaves_at = self._leaves_at()
        if leaves_at is not None:
            urgent_at = self._urgent_at(leaves_at)
            goes_on_at = _BEGINNING if self._was_cut_short else min(now_or_tick, urgent_at)
            wakes.append(max(leaves_at, goes_on_at))
        return min(wakes, default=None)

    def is_urgent(self, now: datetime) -> bool:
        """Whether something is due that must not wait until more inputs are folded."""
        leaves_at = self._leaves_at() if self._caught_up else None
        return leaves_at is not None and self._urgent_at(leaves_at) <= now

    def _urgent_at(self, leaves_at: datetime) -> datetime:
        return max(leaves_at + self._room_ahead() - _URGENT, self._soonest())

    def _leaves_at(self) -> datetime | None:
        """Say when the next task leaves the index: its time, less how far ahead runs may leave."""
        first = self._index.first()
        return None if first is None else first + (self._lookahead - self._room_ahead())

    def _soonest(self) -> datetime:
        """Say when the next decision may be at all, however urgent."""
        if self._written_at is None or not self._lookahead:
            return _BEGINNING
        return self._written_at + _TICK_MIN

    def _room_ahead(self) -> timedelta:
        """Give how far ahead runs may leave now: not at all while too many are out."""
        return self._lookahead if self._index.tally < self._ahead_max else _NOT_AHEAD

    def _folded_so_far(self) -> Decided | None:
        """Give folded states alone, while catching up, when they fill a transaction.

        Nothing is said to be due before the ends are reached, but a long way there is written in
        pieces: one transaction for all of it could be larger than the log takes.
        """
        if len(self._changed) < STATES_PER_DECISION_MAX:
            return None
        states = dict(self._changed)
        return Decided(facts=[], states=states, fired=(), folded_to=self._folded_to)

    def _clock_was_set_back(self, now: datetime) -> bool:
        return self._written_at is not None and now < self._written_at

    # --- its own ------------------------------------------------------------------------------

    def _moved_past(self, record: Input) -> bool:
        """Move the position over a record; False where it was folded in before."""
        at = record.position
        assert at is not None
        position = self._folded_to
        if at.topic == _EXECUTIONS:
            if at.offset < position.executions:
                return False
            self._folded_to = FoldedTo(
                tasks=position.tasks, executions=at.offset + 1, schedule=position.schedule
            )
        else:
            if at.offset < position.tasks:
                return False
            self._folded_to = FoldedTo(
                tasks=at.offset + 1, executions=position.executions, schedule=position.schedule
            )
        return True

    def _learn(self, envelope: Envelope) -> None:
        task_id = envelope.event.task_id
        known = self._index.get(task_id)
        before = None if known is None else decode_state(known)
        after = machine.learn(before, envelope)
        if after is not before and after is not None:
            self._changed_to(task_id, after)

    def _learn_unreadable(self, record: Unreadable) -> None:
        # The position moves on only with the record's copy among the dead letters, which the
        # shell adds to the transaction that this asks for.
        self._owes_position = True
        at = record.position
        known = None if record.key is None else self._index.get(record.key)
        if known is None or record.key is None or at is None or at.topic == _EXECUTIONS:
            return
        before = decode_state(known)
        after = machine.learn_unreadable(before, record.appended_at or _BEGINNING)
        if after is not before:
            self._changed_to(record.key, after)

    def _changed_to(self, task_id: str, state: TaskState) -> None:
        kept = self._kept(task_id, state)
        assert kept.value is not None
        self._index.put(task_id, kept.wake, kept.value, tally=kept.tally, woke=kept.woke)
        self._changed[task_id] = kept

    def _kept(self, task_id: str, state: TaskState | None) -> Kept:
        woke = self._index.committed_wake(task_id)
        if state is None:
            return Kept(None, woke=woke)
        wake_at = state.wake_at(self._lookahead)
        wake = None if wake_at is None else microseconds(wake_at)
        return Kept(encode_state(state), wake, state.ahead_count, woke)

    def _state(self, task_id: str) -> TaskState:
        value = self._index.get(task_id)
        assert value is not None, "the index named a task that it does not hold"
        return decode_state(value)

    def _envelope(self, fact: TaskDue | TaskSkipped, now: datetime) -> Envelope:
        return Envelope(
            event=fact,
            event_id=_event_id(fact),
            source=self._source,
            time=now,
        )


def _event_id(fact: TaskDue | TaskSkipped) -> str:
    """Name a fact by what it says, so that a repeat of it has the same name."""
    if isinstance(fact, TaskDue):
        return f"{fact.run_id}.{fact.attempt}.{fact.delivery}.{fact.based_on}"
    return f"{fact.task_id}.{fact.cause}.{fact.first_due_at:%Y%m%dT%H%M%S.%f}"
