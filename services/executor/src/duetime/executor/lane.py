"""The shell around an executor core: reads `due`, starts runs, writes `executions`.

Knows the log, the codec and how actions are performed; decides nothing.

Starting never waits for bookkeeping: runs start in the step that finds them due, ends are appended
behind them, one batch at a time, and the settled prefix is committed at most once a second.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from duetime.events.envelope import Envelope
from duetime.events.types import TaskExecuted
from duetime.executor.actions.attempt import target_of
from duetime.executor.beat import wait_for_company
from duetime.executor.core import ExecutorCore
from duetime.executor.dead_letters import DeadLetters
from duetime.executor.facts import Fact, event_id_of
from duetime.executor.freshness import Change
from duetime.executor.ledger import Prefix
from duetime.executor.parts import ExecutorParts
from duetime.executor.starting import Starting
from duetime.limits import (
    BOOKS_SECONDS,
    HANDOVER_SECONDS_MAX,
    HELD_RUNS_MAX,
    POLL_RECORDS_MAX,
    POLL_WAIT_SECONDS_MAX,
    STARTED_AFTER_SECONDS,
    STEP_RECORDS_MAX,
)
from duetime.log.port import (
    Accepted,
    Commit,
    LogAwayError,
    LogError,
    Record,
    Stored,
    Subscription,
    TopicOffsets,
)
from duetime.log.reading import event_record, read_event
from duetime.log.topics import Topic
from duetime.runtime.worker import Wake

EXECUTOR_TOPICS: Final = (Topic.DUE,)
_COMMIT_SECONDS: Final = 1.0  # what a restart reads again at most, for one small write a second


class ExecutorLane:
    """One partition's executor."""

    def __init__(
        self, parts: ExecutorParts, *, partition: int, subscription: Subscription, wake: Wake
    ) -> None:
        """Make the lane of a partition."""
        self._partition = partition
        self._log = parts.log
        self._subscription = subscription
        self._wake = wake
        self._clock = parts.clock
        self._core = ExecutorCore(
            executor=parts.name,
            target_of=lambda due: target_of(parts.actions, due),
            room=parts.targets.room,
        )
        self._executor = parts.name
        self._starting = Starting(
            self._core, parts, wake=wake, told=self._keep_books, go_on=self.ring
        )
        self._slots = parts.slots
        self._targets = parts.targets
        self._alarm = parts.alarm
        self._ends = parts.ends
        self._backoff = parts.backoff
        self._afterwards = parts.afterwards
        self._gone = False
        self._watch = parts.watch
        self._dead_letters = DeadLetters(parts.log, parts.backoff, parts.dead)
        self._runs = self._starting.tasks
        self._bookkeeping: asyncio.Task[None] | None = None
        self._freshening: asyncio.Task[None] | None = None
        self._committed_at: float = 0.0
        self._live = False
        self._paused = False
        self._committed = Prefix(0, 0)
        self._may_be_lost = False
        self._due_end: int | None = None

    @property
    def live(self) -> bool:
        """Whether it starts runs."""
        return self._live

    @property
    def held_count(self) -> int:
        """How many runs wait to start."""
        return self._core.held_count

    @property
    def overdue_count(self) -> int:
        """How many runs wait to start although they were due before this second."""
        return self._core.overdue_count(self._clock.now())

    @property
    def running_count(self) -> int:
        """How many attempts are under way."""
        return self._core.running_count

    async def open(self) -> TopicOffsets:
        """Learn what is settled beyond the committed prefix, and say where `due` goes on."""
        committed = (await self._subscription.committed(self._partition)).get(Topic.DUE)
        due = 0 if committed is None else committed.offset
        offset = 0 if committed is None or not committed.note else int(committed.note)
        self._core.restore(due=due, executions=offset)
        self._committed = Prefix(due, offset)
        self._due_end = (await self._log.end_offsets(Topic.DUE))[self._partition]
        end = (await self._log.end_offsets(Topic.EXECUTIONS))[self._partition]
        while offset < end:
            records, offset = await self._log.read(
                Topic.EXECUTIONS, self._partition, offset, records_max=POLL_RECORDS_MAX
            )
            self._core.learn_settled([read_event(record) for record in records])
        self._live = True
        return {Topic.DUE: due}

    def _note_position(self, position: int | None) -> None:
        if self._due_end is not None and position is not None and position >= self._due_end:
            self._due_end = None
            self._core.caught_up()

    async def step(self, inputs: Sequence[Stored], positions: TopicOffsets) -> None:
        """Hold what came, start what is due, keep the books."""
        self._starting.raise_fault()
        for start in range(0, len(inputs), STEP_RECORDS_MAX):
            if start:
                await asyncio.sleep(0)  # starts come between
            some = inputs[start : start + STEP_RECORDS_MAX]
            self._core.apply([self._dead_letters.read(record) for record in some])
        self._note_position(positions.get(Topic.DUE))
        self._may_be_lost |= self._core.doubt_freshness(self._clock.now())
        self._start_due()
        self._keep_fresh()
        self._keep_books()
        self._bound_memory()

    def ring(self) -> None:
        """Start what is due: all that there is to do most of the time."""
        try:
            if self._live:
                if self._core.doubt_freshness(self._clock.now()):
                    self._may_be_lost = True
                    self._wake()
                self._start_due()
        except BaseException as fault:  # noqa: BLE001 - a loop would only log it; the step raises it
            self._starting.fail(fault)

    def _start_due(self) -> None:
        self._starting.start_due()
        self._alarm.set(self, self._core.start_at() if self._slots.free else None)

    def wake_at(self) -> datetime | None:
        """Say when the core wants a step, but for starts: the alarm rings for them.

        What is under way wakes the lane itself when it ends: a start that lacks a slot, an append,
        a reading of `tasks`.
        """
        wakes = [
            self._core.defer_at(),
            self._core.lease_at() if self._bookkeeping is None else None,
            self._core.ask_at() if self._freshening is None else None,
        ]
        return min((at for at in wakes if at is not None), default=None)

    def done(self) -> None:
        """It commits its prefix by itself: what it restarts from."""

    async def drain(self) -> None:
        """Start nothing more, write down what has ended and what goes on, and let that go on.

        Whatever still runs then has its lease in the log, so the next owner leaves it alone.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + HANDOVER_SECONDS_MAX
        self._starting.stop()
        self._alarm.set(self, None)
        if self._runs:
            await asyncio.wait(self._runs, timeout=STARTED_AFTER_SECONDS + BOOKS_SECONDS)
        while (self._has_to_write() or self._bookkeeping) and loop.time() < until:
            self._keep_books()
            if self._bookkeeping is not None:
                await asyncio.wait([self._bookkeeping], timeout=until - loop.time())
                self._bookkeeping_ended()
        await self._commit()
        self._gone = True
        if self._runs:
            self._afterwards.add(self._finish(), f"what partition {self._partition} left running")

    async def _finish(self) -> None:
        """See to what goes on after the partition has gone: its leases, and its end."""
        try:
            while self._runs or self._has_to_write():
                if self._has_to_write():
                    await self._append()
                else:
                    await asyncio.wait(
                        self._runs,
                        timeout=POLL_WAIT_SECONDS_MAX,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
            self._starting.raise_fault()
        finally:
            self._starting.cancel()

    async def close(self) -> None:
        """Stop at once: what is under way is cancelled, and will be started again by an owner."""
        self._live = False
        self._alarm.set(self, None)
        behind = [task for task in (self._bookkeeping, self._freshening) if task is not None]
        if not self._gone:
            self._starting.cancel()
        await _cancelled(behind)

    # --- freshness ----------------------------------------------------------------------------

    def _keep_fresh(self) -> None:
        """Read what is new in `tasks` when held runs want it, unless that is under way."""
        if self._freshening is not None and self._freshening.done():
            task, self._freshening = self._freshening, None
            task.result()  # a fault of ours ends the process, loudly
        if self._freshening is None:
            ask_at = self._core.ask_at()
            if ask_at is not None and ask_at <= self._clock.now():
                self._freshening = asyncio.create_task(
                    self._read_tasks(), name=f"tasks of partition {self._partition}"
                )

    async def _read_tasks(self) -> None:
        """Follow `tasks` to its end as of now. While that fails, due runs wait: P4 before P2."""
        fault_count = 0
        while True:
            try:
                if self._may_be_lost:
                    # A group keeps positions for the owner alone: others have it, or it is ours.
                    await self._keep(self._committed)
                    self._may_be_lost = False
                ends = await self._ends.ask()
                await self._read_tasks_to(ends.offsets[self._partition])
            except LogError:
                fault_count += 1
                await asyncio.sleep(self._backoff.seconds(fault_count))
            else:
                self._core.fresh(ends.asked_at)
                self._wake()
                return

    async def _read_tasks_to(self, end: int) -> None:
        while (position := self._core.tasks_from()) is not None and position < end:
            records, position = await self._log.read(
                Topic.TASKS, self._partition, position, records_max=POLL_RECORDS_MAX
            )
            self._core.learn_changes(
                [
                    Change(record.key.decode(errors="replace"), record.offset, record.appended_at)
                    for record in records
                    if record.key is not None
                ],
                position,
            )

    # --- books --------------------------------------------------------------------------------

    def _keep_books(self) -> None:
        """Append the ends so far, unless an append is under way; its end asks for the next."""
        if self._bookkeeping is not None and self._bookkeeping.done():
            self._bookkeeping_ended()
        if self._bookkeeping is None and self._has_to_write():
            self._bookkeeping = asyncio.create_task(
                self._append(), name=f"executions of partition {self._partition}"
            )

    def _bookkeeping_ended(self) -> None:
        if self._bookkeeping is not None and self._bookkeeping.done():
            task, self._bookkeeping = self._bookkeeping, None
            task.result()  # a fault of ours ends the process, loudly

    async def _append(self) -> None:
        """Append ends, on the executor's common beat, until the log has all there are."""
        try:
            while self._has_to_write():
                await wait_for_company(self._slots, self._targets)
                await self._append_some()
                if asyncio.get_running_loop().time() >= self._committed_at + _COMMIT_SECONDS:
                    await self._commit()
        finally:
            self._wake()

    async def _append_some(self) -> None:
        """Append the ends so far.

        A repeat names the same run and attempt, so it is harmless to all who read it, whereas an
        end that is forgotten would start its run again.
        """
        fault_count = 0
        events = self._core.facts(self._clock.now())
        while events:
            records: list[Record] = []
            for start in range(0, len(events), STEP_RECORDS_MAX):
                if start:
                    await asyncio.sleep(0)
                now = self._clock.now()
                some = events[start : start + STEP_RECORDS_MAX]
                records += [self._record(event, now) for event in some]
            outcomes = await self._log.append(records)
            left = []
            accepted: list[TaskExecuted] = []
            for event, outcome in zip(events, outcomes, strict=True):
                if isinstance(outcome, Accepted):
                    self._core.accepted(event, outcome.offset)
                    if isinstance(event, TaskExecuted):
                        accepted.append(event)
                else:
                    left.append(event)
            self._watch(accepted)
            events = left
            if events:
                fault_count += 1
                await asyncio.sleep(self._backoff.seconds(fault_count))
        await self._dead_letters.append()

    def _has_to_write(self) -> bool:
        return not self._dead_letters.empty or self._core.has_facts(self._clock.now())

    def _record(self, event: Fact, now: datetime) -> Record:
        envelope = Envelope(
            event=event,
            event_id=event_id_of(event),
            source=self._executor,
            time=now,
        )
        return event_record(Topic.EXECUTIONS, self._partition, envelope)

    async def _commit(self) -> None:
        prefix = self._core.prefix()
        self._core.forget(self._clock.now())
        self._committed_at = asyncio.get_running_loop().time()
        if self._gone or prefix == self._committed or not self._dead_letters.empty:
            return
        try:
            await self._keep(prefix)
        except LogAwayError:
            # The prefix is a saving, not a promise: the next commit carries this one too.
            return
        self._committed = prefix

    async def _keep(self, prefix: Prefix) -> None:
        commit = Commit(prefix.due, str(prefix.executions))
        await self._subscription.commit(self._partition, {Topic.DUE: commit})

    def _bound_memory(self) -> None:
        """Pause the partition for memory alone; held runs bring it down again.

        The worker, whose own bound is the inbox, resumes it after each step; so this says it again.
        """
        if self._core.held_count > HELD_RUNS_MAX:
            self._paused = True
            self._subscription.pause(self._partition)
        elif self._paused and self._core.held_count < HELD_RUNS_MAX // 2:
            self._paused = False
            self._subscription.resume(self._partition)


async def _cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait until they have ended."""
    left = list(tasks)
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)
