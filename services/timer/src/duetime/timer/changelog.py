"""Bringing a due index up to the end of its partition's changelog.

Knows the log and when to start anew; what a record does to the index is its caller's to say.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
import structlog

from duetime.events.positions import POSITION_KEY, decode_position
from duetime.limits import (
    FOLD_FAR_RECORDS,
    FOLD_FAR_RECORDS_MAX,
    FOLD_RECORDS_MAX,
    PASSED_OVER_MAX,
    POLL_RECORDS_MAX,
)
from duetime.log.port import Log, Stored
from duetime.log.topics import Topic
from duetime.runtime.clock import Clock
from duetime.timer.due_index import DueIndex, Mark
from duetime.timer.restore import check_format, doubt
from duetime.timer.state import decode_state

_logger: Final = structlog.get_logger()


class Changelog:
    """One partition's changelog, on its way into an index.

    `restore` takes a task's record over and may raise msgspec.MsgspecError; what cannot be read
    is remembered in the index's mark, and the state before it still holds. Once `mine` says no,
    nothing is touched any more.
    """

    def __init__(
        self,
        *,
        partition: int,
        log: Log,
        clock: Clock,
        index: DueIndex,
        rule: str,
        restore: Callable[[str, bytes | None, Mapping[str, bytes]], None],
        mine: Callable[[], bool],
    ) -> None:
        """Take the index to bring up, and what to do with records."""
        self._partition = partition
        self._log = log
        self._clock = clock
        self._index = index
        self._rule = rule
        self._restore = restore
        self._mine = mine

    async def catch_up(self, turns: asyncio.Semaphore) -> None:
        """Fold what lies behind the index's mark, up to the end as it is now; a long way in turn.

        An index that is not to be trusted is built anew. Raises LogError, ChangelogFormatError.
        """
        asked_at = self._clock.now()
        end = (await self._log.end_offsets(Topic.SCHEDULE))[self._partition]
        if not self._mine():
            return
        mark = self._index.mark
        cluster_id = self._log.cluster_id
        reason = doubt(mark, cluster_id=cluster_id, end=end, now=asked_at, rule=self._rule)
        if mark is None or reason is not None:
            if mark is not None:
                _logger.info("due index is built anew", partition=self._partition, reason=reason)
            self._index.clear()
            mark = Mark(cluster_id=cluster_id, offset=0, as_of=asked_at, rule=self._rule)
        if end - mark.offset > POLL_RECORDS_MAX:
            # All partitions at once would starve each other's reads, until none gets through.
            async with turns:
                mark = await self._read_on(mark, end)
        else:
            mark = await self._read_on(mark, end)
        if mark.offset >= end and self._mine():
            # At the end, every tombstone that is not folded is one that was not written then.
            as_of = max(mark.as_of, asked_at)
            self._index.commit((), msgspec.structs.replace(mark, as_of=as_of))

    async def _read_on(self, mark: Mark, end: int) -> Mark:
        """Read and fold up to an end, or until it is not ours any more."""
        while mark.offset < end and self._mine():
            # Others' turns may take long: who is far behind would never arrive in small slices.
            far = end - mark.offset > FOLD_FAR_RECORDS
            read_max = FOLD_FAR_RECORDS_MAX if far else POLL_RECORDS_MAX
            slice_max = FOLD_FAR_RECORDS_MAX if far else FOLD_RECORDS_MAX
            records, following = await self._log.read(
                Topic.SCHEDULE, self._partition, mark.offset, records_max=read_max
            )
            for start in range(0, len(records), slice_max):
                if start:
                    await asyncio.sleep(0)  # others get their turn
                if not self._mine():
                    return mark
                mark = self._fold(mark, records[start : start + slice_max])
            mark = msgspec.structs.replace(mark, offset=following)
        return mark

    async def passed_over(self) -> Sequence[tuple[Stored, str]]:
        """Give the records that could not be read, and why. Raises LogError.

        Those that others of their key have replaced meanwhile are not there any more.
        """
        mark = self._index.mark
        found: list[tuple[Stored, str]] = []
        for offset in () if mark is None else mark.passed_over:
            records, _ = await self._log.read(
                Topic.SCHEDULE, self._partition, offset, records_max=1
            )
            found += [(each, _reason(each)) for each in records if each.offset == offset]
        return found

    def fold(self, records: Sequence[Stored]) -> None:
        """Fold records that follow the index's mark; those before it are passed over."""
        mark = self._index.mark
        assert mark is not None, "brought up to the end before"
        self._fold(mark, [record for record in records if record.offset >= mark.offset])

    def _fold(self, mark: Mark, records: Sequence[Stored]) -> Mark:
        if not records:
            return mark
        changed: list[str] = []
        position, passed_over = mark.position, mark.passed_over
        for record in records:
            check_format(record.headers)
            try:
                if record.key == POSITION_KEY:
                    told = decode_position(record.value or b"")
                    position = record.value
                    if passed_over:  # an owner has set aside what lies before that
                        passed_over = tuple(each for each in passed_over if each >= told.schedule)
                elif record.key is not None:
                    changed.append(record.key.decode())
                    self._restore(changed[-1], record.value, record.headers)
            except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
                # Not one of ours, so the state before it still holds.
                passed_over = self._pass_over(record, str(fault), passed_over)
        mark = Mark(
            cluster_id=mark.cluster_id,
            offset=records[-1].offset + 1,
            as_of=self._as_of(mark.as_of, records[-1].appended_at),
            position=position,
            rule=mark.rule,
            passed_over=passed_over,
        )
        self._index.commit(changed, mark)
        return mark

    def _pass_over(
        self, record: Stored, reason: str, passed_over: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Remember a record that could not be read; beyond the bound it is only told."""
        kept = len(passed_over) < PASSED_OVER_MAX
        _logger.warning(
            "record of the changelog passed over",
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            remembered=kept,
        )
        return (*passed_over, record.offset) if kept else passed_over

    def _as_of(self, before: datetime, appended_at: datetime) -> datetime:
        """Give an instant from which the tombstones that follow are kept: they are not older."""
        return max(before, min(appended_at, self._clock.now()))


def _reason(record: Stored) -> str:
    """Say why a record that was passed over cannot be read."""
    try:
        if record.key == POSITION_KEY:
            decode_position(record.value or b"")
        else:
            (record.key or b"").decode()
            decode_state(record.value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        return f"no state of a task: {fault}"
    return "no state of a task"
