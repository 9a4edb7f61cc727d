"""Admission: registrations wait while the timers are behind, and nobody else does."""

import asyncio
from typing import Final

import pytest

from duetime.api.admission import Admission
from duetime.events.positions import POSITION_KEY, FoldedTo, encode_position
from duetime.http.problem import ProblemError
from duetime.limits import (
    ADMISSION_LOOK_SECONDS,
    ADMITTED_BATCH_SECONDS,
    ADMITTED_EVENTS,
    ADMITTED_SECONDS,
)
from duetime.log.memory import MemoryLog
from duetime.log.port import LogAwayError, Record
from duetime.log.topics import Topic
from tests.support.builders import NOON
from tests.support.virtual_loop import run_virtual

FLOOD: Final = ADMITTED_EVENTS + 1


class Stage:
    """A log of two partitions, an admission before it, and time that passes while tasks come."""

    def __init__(self) -> None:
        self.log = MemoryLog(2, lambda: NOON)
        self.admission = Admission(self.log)

    async def come_in(self, count: int, *, partition: int = 0) -> None:
        """Append so many events of tasks; what they say does not matter."""
        record = Record(topic=Topic.TASKS, partition=partition, key=b"task", value=b"{}")
        await self.log.append([record] * count)

    async def fold(self, tasks: int, *, partition: int = 0, rest: int = 0) -> None:
        """Write a timer's position, with `rest` records of a lost transaction behind it."""
        value = encode_position(FoldedTo(tasks=tasks))
        position = Record(topic=Topic.SCHEDULE, partition=partition, key=POSITION_KEY, value=value)
        state = Record(topic=Topic.SCHEDULE, partition=partition, key=b"task", value=b"{}")
        await self.log.append([state, position, *[state] * rest])

    async def pass_time(self, seconds: float) -> None:
        """Let time pass while single registrations ask now and then."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            self.batch_answer()
            await asyncio.sleep(ADMISSION_LOOK_SECONDS)
        self.batch_answer()
        await asyncio.sleep(0.01)

    def batch_answer(self) -> int:
        """Give the status that a batch gets now; 0: it is let in."""
        try:
            self.admission.expect_room_for_batch()
        except ProblemError as fault:
            return fault.problem.status
        return 0

    def answer(self, *, partition: int = 0) -> int:
        """Give the status that a single registration gets now; 0: it is let in."""
        try:
            self.admission.expect_room(partition)
        except ProblemError as fault:
            return fault.problem.status
        return 0


def test_batches_wait_first_and_single_registrations_later_while_the_timers_are_behind() -> None:
    async def scenario() -> list[tuple[int, int]]:
        stage = Stage()
        await stage.come_in(FLOOD)
        seen = []
        for seconds in (ADMITTED_BATCH_SECONDS - 1, 2.0, 2.0):
            await stage.pass_time(seconds)
            seen.append((stage.batch_answer(), stage.answer()))
        return seen

    assert [(0, 0), (429, 0), (429, 429)] == run_virtual(scenario())


def test_who_is_refused_is_told_when_to_come_again() -> None:
    async def scenario() -> dict[str, str]:
        stage = Stage()
        await stage.come_in(FLOOD)
        await stage.pass_time(ADMITTED_SECONDS + 1)
        with pytest.raises(ProblemError) as refused:
            stage.admission.expect_room(0)
        return dict(refused.value.problem.headers)

    assert {"retry-after": "1"} == run_virtual(scenario())


def test_single_registrations_of_other_partitions_pass() -> None:
    async def scenario() -> tuple[int, int]:
        stage = Stage()
        await stage.come_in(FLOOD, partition=0)
        await stage.pass_time(ADMITTED_SECONDS + 1)
        return stage.answer(partition=0), stage.answer(partition=1)

    assert (429, 0) == run_virtual(scenario())


def test_what_the_timers_have_folded_lets_others_in() -> None:
    async def scenario() -> tuple[int, int]:
        stage = Stage()
        await stage.come_in(FLOOD)
        await stage.pass_time(ADMITTED_SECONDS + 1)
        before = stage.answer()
        await stage.fold(FLOOD, rest=600)
        await stage.pass_time(2 * ADMISSION_LOOK_SECONDS)
        return before, stage.answer()

    assert (429, 0) == run_virtual(scenario())


def test_a_stream_that_the_timers_keep_up_with_is_never_refused() -> None:
    async def scenario() -> set[int]:
        stage, seen = Stage(), set()
        for number in range(1, 30):
            await stage.come_in(FLOOD)
            await stage.pass_time(1.0)
            await stage.fold(number * FLOOD)
            seen |= {stage.batch_answer(), stage.answer()}
        return seen

    assert {0} == run_virtual(scenario())


def test_a_take_over_without_a_flood_refuses_nobody() -> None:
    async def scenario() -> tuple[int, int]:
        stage = Stage()
        await stage.come_in(ADMITTED_EVENTS)
        await stage.pass_time(10.0)
        return stage.batch_answer(), stage.answer()

    assert (0, 0) == run_virtual(scenario())


def test_a_log_that_is_away_is_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_topic: Topic) -> list[int]:
        raise LogAwayError("gone")

    async def scenario() -> tuple[int, int]:
        stage = Stage()
        await stage.come_in(FLOOD)
        monkeypatch.setattr(stage.log, "end_offsets", away)
        await stage.pass_time(ADMITTED_SECONDS + 1)
        return stage.batch_answer(), stage.answer()

    assert (0, 0) == run_virtual(scenario())
