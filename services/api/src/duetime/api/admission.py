"""Whether more tasks may come in: not while the timers have not taken in what came before.

Knows the ends of `tasks` and the timers' positions; not what is registered. A flood must not make
others' tasks late, so what would only wait in the log is refused, with the word when to come again.
Changes of tasks are never refused here: a deletion takes work away, and P4 is a promise.

Positions are looked at while tasks come in, and by nobody else: each request asks for a look if the
last one is old, and none waits for it. An event counts as old from the look that first saw the log
go beyond what the timer has folded, so what is told is at most one look too young.
"""

import asyncio
from collections import deque
from typing import Final

import msgspec

from duetime.api import problems
from duetime.events.positions import POSITION_KEY, decode_position
from duetime.limits import (
    ADMISSION_LOOK_SECONDS,
    ADMISSION_STEPS_BACK,
    ADMISSION_YOUNG_SECONDS,
    ADMITTED_BATCH_SECONDS,
    ADMITTED_EVENTS,
    ADMITTED_SECONDS,
)
from duetime.log.port import Log, LogError
from duetime.log.topics import Topic

_NEVER: Final = float("-inf")


class _Partition:
    """What is known of one partition: how far it is folded, and when its end was seen where."""

    __slots__ = ("changelog_end", "end", "folded", "seen")

    def __init__(self) -> None:
        self.end = 0
        self.folded = 0
        self.changelog_end = -1  # when `folded` was read
        self.seen: deque[tuple[float, int]] = deque()  # ends beyond `folded`, oldest first

    def ends_at(self, end: int, now: float) -> None:
        if end > max(self.end, self.folded):
            self.seen.append((now, end))
        self.end = max(self.end, end)

    def folded_to(self, position: int) -> None:
        self.folded = max(self.folded, position)
        while self.seen and self.seen[0][1] <= self.folded:
            self.seen.popleft()

    def behind_seconds(self, now: float) -> float:
        """Say how old its oldest unfolded event is; few of them count as none."""
        if not self.seen or self.end - self.folded <= ADMITTED_EVENTS:
            return 0.0
        return now - self.seen[0][0]


class Admission:
    """Judges whether registrations are taken."""

    def __init__(self, log: Log) -> None:
        """Look at this log."""
        self._log = log
        self._partitions = [_Partition() for _ in range(log.partitions)]
        self._looked_at = _NEVER
        self._looking: asyncio.Task[None] | None = None

    def expect_room(self, partition: int) -> None:
        """Let a single registration pass. Raises ProblemError (429)."""
        now = self._look_if_old()
        behind = self._partitions[partition].behind_seconds(now)
        if behind > ADMITTED_SECONDS:
            raise problems.timers_behind(behind, ADMITTED_SECONDS)

    def expect_room_for_batch(self) -> None:
        """Let a batch pass: its tasks go to all partitions. Raises ProblemError (429)."""
        now = self._look_if_old()
        behind = max(each.behind_seconds(now) for each in self._partitions)
        if behind > ADMITTED_BATCH_SECONDS:
            raise problems.timers_behind(behind, ADMITTED_BATCH_SECONDS)

    def _look_if_old(self) -> float:
        now = asyncio.get_running_loop().time()
        under_way = self._looking is not None and not self._looking.done()
        if not under_way and now >= self._looked_at + ADMISSION_LOOK_SECONDS:
            if self._looking is not None:
                self._looking.result()  # a fault of ours, not of the log: told to who asks next
            self._looked_at = now
            self._looking = asyncio.create_task(self._look(), name="look at the timers' positions")
        return now

    async def _look(self) -> None:
        """See how far the log goes and how far the timers are. Where it is away nothing changes."""
        try:
            ends = await self._log.end_offsets(Topic.TASKS)
            now = asyncio.get_running_loop().time()
            for each, end in zip(self._partitions, ends, strict=True):
                each.ends_at(end, now)
            behind = [
                number
                for number, each in enumerate(self._partitions)
                if each.seen and each.seen[0][0] <= now - ADMISSION_YOUNG_SECONDS
            ]
            if behind:
                changelog_ends = await self._log.end_offsets(Topic.SCHEDULE)
                for number in behind:
                    await self._read_position(number, changelog_ends[number])
        except LogError:
            return

    async def _read_position(self, number: int, end: int) -> None:
        """Read the timer's newest position: the last record of its newest transaction.

        Behind it lie at most the log's own marks, and what a transaction left that never became
        one. Where none is found what was known before stays.
        """
        partition = self._partitions[number]
        if end == partition.changelog_end:
            return
        for steps in ADMISSION_STEPS_BACK:
            start = max(0, end - steps)
            records, _ = await self._log.read(Topic.SCHEDULE, number, start, records_max=steps)
            for record in reversed(records):
                if record.key == POSITION_KEY and record.value is not None:
                    try:
                        partition.folded_to(decode_position(record.value).tasks)
                    except msgspec.MsgspecError:
                        return  # a newer Duetime's: no reason to refuse anything
                    partition.changelog_end = end
                    return
            if start == 0:
                return
