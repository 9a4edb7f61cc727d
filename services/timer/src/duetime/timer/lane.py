"""The shell around a timer core: one partition of the log in, one transaction out.

Knows the log, the codec and the changelog's layout; decides nothing.

Taking a partition up, in this order: a new transactor (it fences the one before, so no older core
can write any more), the changelog to its end (where the index has a head start: only what came
after it), then `tasks` and `executions` from the position record to their ends as seen after the
fencing. Only then does the core decide. Any doubt about a write ends the lane; the worker opens it
anew, with a new core, and the index takes back what the log has not accepted.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from duetime.events.envelope import Envelope, Unreadable
from duetime.events.positions import POSITION_KEY, FoldedTo, decode_position, encode_position
from duetime.events.types import TaskDue
from duetime.limits import FOLD_SHARED_RECORDS, FOLD_STEP_RECORDS
from duetime.log.port import Accepted, Log, Record, Stored, TopicOffsets, Transactor
from duetime.log.reading import dead_letter, event_record, read_event
from duetime.log.topics import Topic
from duetime.runtime.clock import Clock
from duetime.runtime.precedence import Precedence
from duetime.timer.changelog import Changelog
from duetime.timer.core import Decided, Leaving, TimerCore
from duetime.timer.due_index import Mark
from duetime.timer.indexes import Indexes
from duetime.timer.restore import FORMAT_HEADERS, Kept, headers_of, rule_of

TIMER_TOPICS: Final = (Topic.TASKS, Topic.EXECUTIONS)
TRANSACTOR_NAME: Final = "duetime.timer"


class Watch(NamedTuple):
    """Who is told of every decision that the log has accepted, and of what was set aside.

    That is the topic of every unreadable record of which the log has a copy.
    """

    decided: Callable[[Decided], None]
    dead: Callable[[Topic], None]


class TimerLane:
    """One partition's timer."""

    def __init__(
        self,
        *,
        partition: int,
        log: Log,
        clock: Clock,
        source: str,
        indexes: Indexes,
        leaving: Leaving,
        precedence: Precedence | None = None,
        watch: Watch,
    ) -> None:
        """Make the lane. One that others give way to takes its `precedence` in short turns."""
        self._partition = partition
        self._log = log
        self._clock = clock
        self._indexes = indexes
        self._index = indexes.of(partition)
        self._lookahead_us = leaving.lookahead // timedelta.resolution
        self._rule = rule_of(leaving.lookahead)
        self._core = TimerCore(source=source, index=self._index, **leaving._asdict())
        self._slice = FOLD_STEP_RECORDS if precedence is None else FOLD_SHARED_RECORDS
        self._precedence = precedence or Precedence()
        self._watch = watch
        self._transactor: Transactor | None = None
        self._ends: dict[Topic, int] = {}
        self._written_to = FoldedTo()
        self._dead_letters: list[tuple[Topic, Record]] = []
        self._taken = False

    @property
    def live(self) -> bool:
        """Whether its core decides."""
        return self._core.is_caught_up

    async def open(self) -> TopicOffsets:
        """Fence, restore from the changelog, and say where `tasks` and `executions` go on."""
        self._transactor = await self._log.transactor(TRANSACTOR_NAME, self._partition)
        self._indexes.take(self._partition)
        self._taken = True
        await self._restore()
        for topic in TIMER_TOPICS:
            self._ends[topic] = (await self._log.end_offsets(topic))[self._partition]
        self._written_to = self._core.folded_to
        return _offsets(self._written_to if self._core.owes else self._core.folded_to)

    async def step(self, inputs: Sequence[Stored], positions: TopicOffsets) -> None:
        """Fold what came, decide, and write each decision in one transaction.

        A long inbox is no reason to let what is due wait, so it is worked through in slices.
        """
        with self._precedence.taken() if len(inputs) > self._slice else nullcontext():
            for start in range(0, len(inputs), self._slice):
                if start:
                    await asyncio.sleep(0)
                    if self._core.is_urgent(self._clock.now()):
                        await self._decide()
                some = inputs[start : start + self._slice]
                self._core.apply([self._read(record) for record in some])
        self._core.advance(
            tasks=positions.get(Topic.TASKS), executions=positions.get(Topic.EXECUTIONS)
        )
        if not self._core.is_caught_up and self._at_the_ends():
            self._core.caught_up()
        await self._decide()

    async def _decide(self) -> None:
        decided = self._core.decide(self._clock.now())
        if decided is None:
            return
        assert self._transactor is not None
        records = self._records(decided)
        accepted = await self._transactor.commit(records)
        # The position record is the last one before the dead letters.
        mark = self._mark(decided, accepted[-1 - len(self._dead_letters)])
        set_aside, self._dead_letters = self._dead_letters, []
        for topic, _ in set_aside:
            self._watch.dead(topic)
        self._core.accepted(decided, self._clock.now())
        self._written_to = decided.folded_to
        # Not before: an index that is ahead of the log holds what never was.
        self._index.commit(decided.states, mark)
        self._watch.decided(decided)
        self._indexes.hurry(self._partition, behind=self._core.is_behind)

    def wake_at(self) -> datetime | None:
        """Say when the core wants to be asked again."""
        return self._core.wake_at()

    def done(self) -> TopicOffsets:
        """Say how far it has come: past what changed nothing too, of which nothing is written."""
        return _offsets(self._written_to if self._core.owes else self._core.folded_to)

    async def drain(self) -> None:
        """Nothing is under way between steps: a decision not yet written is decided again."""

    async def close(self) -> None:
        """Let go of the index and of the transactor."""
        if self._taken:
            self._taken = False
            self._indexes.give_back(self._partition)
        if self._transactor is not None:
            await self._transactor.close()

    async def _restore(self) -> None:
        changelog = Changelog(
            partition=self._partition,
            log=self._log,
            clock=self._clock,
            index=self._index,
            rule=self._rule,
            restore=self._core.restore,
            mine=lambda: True,
        )
        await changelog.catch_up(self._indexes.turns)
        mark = self._index.mark
        if mark is None:
            return
        position = FoldedTo() if mark.position is None else decode_position(mark.position)
        for record, reason in await changelog.passed_over():
            self._set_aside(record, reason)
        position = msgspec.structs.replace(position, schedule=mark.offset)
        self._core.restore_position(position, owed=bool(self._dead_letters))

    def _mark(self, decided: Decided, position: Accepted) -> Mark:
        """Say how far the index has come with a transaction: past its position record."""
        return Mark(
            cluster_id=self._log.cluster_id,
            offset=position.offset + 1,
            as_of=position.appended_at,
            position=encode_position(decided.folded_to),
            rule=self._rule,
        )

    def _at_the_ends(self) -> bool:
        folded_to = self._core.folded_to
        return (
            folded_to.tasks >= self._ends[Topic.TASKS]
            and folded_to.executions >= self._ends[Topic.EXECUTIONS]
        )

    def _records(self, decided: Decided) -> list[Record]:
        records = [self._due_record(envelope) for envelope in decided.facts]
        records.extend(
            self._state_record(task_id.encode(), kept) for task_id, kept in decided.states.items()
        )
        position = encode_position(decided.folded_to)
        records.append(self._schedule_record(POSITION_KEY, position, FORMAT_HEADERS))
        return [*records, *(letter for _, letter in self._dead_letters)]

    def _state_record(self, key: bytes, kept: Kept) -> Record:
        headers = headers_of(kept, lookahead_us=self._lookahead_us)
        return self._schedule_record(key, kept.value, headers)

    def _schedule_record(
        self, key: bytes, value: bytes | None, headers: Mapping[str, bytes]
    ) -> Record:
        return Record(
            topic=Topic.SCHEDULE,
            partition=self._partition,
            key=key,
            value=value,
            headers=headers,
        )

    def _read(self, record: Stored) -> Envelope | Unreadable:
        event = read_event(record)
        if isinstance(event, Unreadable):
            self._set_aside(record, event.reason)
        return event

    def _set_aside(self, record: Stored, reason: str) -> None:
        """Keep a copy for people, in the next transaction."""
        self._dead_letters.append((record.topic, dead_letter(record, reason)))

    def _due_record(self, envelope: Envelope) -> Record:
        topic = Topic.DUE if isinstance(envelope.event, TaskDue) else Topic.EXECUTIONS
        return event_record(topic, self._partition, envelope)


def _offsets(folded_to: FoldedTo) -> TopicOffsets:
    return {Topic.TASKS: folded_to.tasks, Topic.EXECUTIONS: folded_to.executions}
