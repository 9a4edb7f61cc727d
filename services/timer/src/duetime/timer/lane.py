"""The shell around a timer core: one partition of the log in, one transaction out.

Knows the log, the codec and the changelog's layout; decides nothing.

Taking a partition up, in this order: a new transactor (it fences the one before, so no older core
can write any more), the changelog to its end, then `tasks` and `executions` from the position
record to their ends as seen after the fencing. Only then does the core decide. Any doubt about a
write ends the lane; the worker opens it anew, with a new core.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from duetime.events.envelope import Envelope, Unreadable
from duetime.events.types import TaskDue
from duetime.limits import POLL_RECORDS_MAX
from duetime.log.port import Log, Record, Stored, TopicOffsets, Transactor
from duetime.log.reading import dead_letter, event_record, read_event
from duetime.log.topics import Topic
from duetime.runtime.clock import Clock
from duetime.timer.core import Decided, TimerCore
from duetime.timer.due_index import DueIndex
from duetime.timer.state import POSITION_KEY, decode_position, encode_position

TIMER_TOPICS: Final = (Topic.TASKS, Topic.EXECUTIONS)
TRANSACTOR_NAME: Final = "duetime.timer"


class TimerLane:
    """One partition's timer."""

    def __init__(
        self,
        *,
        partition: int,
        log: Log,
        clock: Clock,
        source: str,
        index: Callable[[int], DueIndex],
        lookahead: timedelta,
        watch: Callable[[Decided], None],
        dead: Callable[[Topic], None],
    ) -> None:
        """Make the lane.

        `watch` is told every decision that the log has accepted, `dead` every record set aside as
        unreadable.
        """
        self._partition = partition
        self._log = log
        self._clock = clock
        self._core = TimerCore(source=source, index=index(partition), lookahead=lookahead)
        self._watch = watch
        self._dead = dead
        self._transactor: Transactor | None = None
        self._ends: dict[Topic, int] = {}
        self._dead_letters: list[Record] = []

    @property
    def live(self) -> bool:
        """Whether its core decides."""
        return self._core.is_caught_up

    @property
    def pending_count(self) -> int:
        """How many tasks its core holds."""
        return self._core.pending_count

    async def open(self) -> TopicOffsets:
        """Fence, restore from the changelog, and say where `tasks` and `executions` go on."""
        self._transactor = await self._log.transactor(TRANSACTOR_NAME, self._partition)
        await self._restore()
        for topic in TIMER_TOPICS:
            self._ends[topic] = (await self._log.end_offsets(topic))[self._partition]
        folded_to = self._core.folded_to
        return {Topic.TASKS: folded_to.tasks, Topic.EXECUTIONS: folded_to.executions}

    async def step(self, inputs: Sequence[Stored], positions: TopicOffsets) -> None:
        """Fold what came, decide, and write the decision in one transaction."""
        self._core.apply([self._read(record) for record in inputs])
        self._core.advance(
            tasks=positions.get(Topic.TASKS), executions=positions.get(Topic.EXECUTIONS)
        )
        if not self._core.is_caught_up and self._at_the_ends():
            self._core.caught_up()
        decided = self._core.decide(self._clock.now())
        if decided is None:
            return
        assert self._transactor is not None
        await self._transactor.commit(self._records(decided))
        self._dead_letters = []
        self._core.accepted(decided, self._clock.now())
        self._watch(decided)

    def wake_at(self) -> datetime | None:
        """Say when the core wants to be asked again."""
        return self._core.wake_at()

    async def drain(self) -> None:
        """Nothing is under way between steps: a decision not yet written is decided again."""

    async def close(self) -> None:
        """Let go of the transactor."""
        if self._transactor is not None:
            await self._transactor.close()

    async def _restore(self) -> None:
        offset = 0
        end = (await self._log.end_offsets(Topic.SCHEDULE))[self._partition]
        while offset < end:
            records, offset = await self._log.read(
                Topic.SCHEDULE, self._partition, offset, records_max=POLL_RECORDS_MAX
            )
            for record in records:
                try:
                    self._restore_one(record)
                except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
                    # Not one of ours, so the state before it still holds.
                    self._set_aside(record, f"no state of a task: {fault}")

    def _restore_one(self, record: Stored) -> None:
        if record.key == POSITION_KEY:
            self._core.restore_position(decode_position(record.value or b""))
        elif record.key is not None:
            self._core.restore(record.key.decode(), record.value)

    def _at_the_ends(self) -> bool:
        folded_to = self._core.folded_to
        return (
            folded_to.tasks >= self._ends[Topic.TASKS]
            and folded_to.executions >= self._ends[Topic.EXECUTIONS]
        )

    def _records(self, decided: Decided) -> list[Record]:
        records = [self._due_record(envelope) for envelope in decided.facts]
        records.extend(
            Record(
                topic=Topic.SCHEDULE, partition=self._partition, key=task_id.encode(), value=value
            )
            for task_id, value in decided.states.items()
        )
        records.append(
            Record(
                topic=Topic.SCHEDULE,
                partition=self._partition,
                key=POSITION_KEY,
                value=encode_position(decided.folded_to),
            )
        )
        return [*records, *self._dead_letters]

    def _read(self, record: Stored) -> Envelope | Unreadable:
        event = read_event(record)
        if isinstance(event, Unreadable):
            self._set_aside(record, event.reason)
        return event

    def _set_aside(self, record: Stored, reason: str) -> None:
        """Keep a copy for people, in the next transaction."""
        self._dead_letters.append(dead_letter(record, reason))
        self._dead(record.topic)

    def _due_record(self, envelope: Envelope) -> Record:
        topic = Topic.DUE if isinstance(envelope.event, TaskDue) else Topic.EXECUTIONS
        return event_record(topic, self._partition, envelope)
