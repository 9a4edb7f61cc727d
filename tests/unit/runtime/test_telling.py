"""What a group is told of how far its lanes have come: late, seldom, and never in anyone's way."""

import asyncio
from collections.abc import Mapping, Sequence

from typing_extensions import override

from duetime.limits import LAG_TOLD_LAST_SECONDS_MAX, LAG_TOLD_SECONDS
from duetime.log.local.subscription import LocalSubscription
from duetime.log.memory import MemoryLog
from duetime.log.port import Commit, LogAwayError, Subscription
from duetime.log.topics import Topic
from tests.support.virtual_loop import run_virtual
from tests.unit.runtime.lanes import RecordingLane, Stage

LONG = 3 * LAG_TOLD_SECONDS
Told = tuple[float, int, int]
"""When, of which partition, and which offset in `tasks`."""


class TellingStage(Stage):
    """A stage whose lanes count what they have read as done, and whose log notes what is told."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.away = self.hanging = False
        super().__init__()
        stage = self

        class Noted(LocalSubscription):
            @override
            async def commit(self, partition: int, commits: Mapping[Topic, Commit]) -> None:
                now = asyncio.get_running_loop().time()
                stage.told.append((now, partition, commits[Topic.TASKS].offset))
                if stage.away:
                    raise LogAwayError("the coordinator does not answer")
                if stage.hanging:
                    await asyncio.Event().wait()
                await super().commit(partition, commits)

        class NotingLog(MemoryLog):
            @override
            async def subscribe(
                self, group: str, topics: Sequence[Topic], *, gather_seconds: float = 0.0
            ) -> Subscription:
                return Noted(self._hub, group, topics)

        async def count(lane: RecordingLane) -> None:
            lane.has_done = {Topic.TASKS: len(lane.offsets)}

        self.log = NotingLog(2, self.clock.now)
        self.worker = self.another_worker()
        self.on_step = count

    def last_told(self, partition: int) -> int:
        return [offset for _, told_of, offset in self.told if told_of == partition][-1]


def test_a_group_is_told_within_its_time_and_only_what_has_changed() -> None:
    async def story() -> None:
        stage = TellingStage()
        async with stage.running():
            for _ in range(10):
                await stage.append(3)
                await asyncio.sleep(0.1)
            await asyncio.sleep(LAG_TOLD_SECONDS)

            assert {0: 30, 1: 0} == {of: stage.last_told(of) for of in (0, 1)}
            assert 2 == len(stage.told)
            await asyncio.sleep(LONG)
            assert 2 == len(stage.told)
            await stage.append(1)
            await asyncio.sleep(LAG_TOLD_SECONDS)
            assert [(0, 31)] == [each[1:] for each in stage.told[2:]]

    run_virtual(story())


def test_what_could_not_be_told_is_told_later_and_costs_no_lane_anything() -> None:
    async def story() -> None:
        stage = TellingStage()
        stage.away = True
        async with stage.running():
            await stage.append(3)
            await asyncio.sleep(LONG)
            lanes = list(stage.lanes)
            stage.away = False
            await asyncio.sleep(LAG_TOLD_SECONDS)

            assert 3 == stage.last_told(0)
            assert lanes == stage.lanes
            assert not any(lane.closed for lane in lanes)

    run_virtual(story())


def test_a_telling_that_hangs_keeps_no_lane_from_its_work_and_no_worker_from_leaving() -> None:
    async def story() -> None:
        stage = TellingStage()
        stage.hanging = True
        loop = asyncio.get_running_loop()
        async with stage.running():
            await asyncio.sleep(LONG)
            await stage.append(1)
            await asyncio.sleep(0.1)
            stepped_at = stage.of(0)[-1].stepped_at[-1]
            leaves_at = loop.time()

        assert leaves_at - 0.1 <= stepped_at
        assert loop.time() <= leaves_at + LAG_TOLD_LAST_SECONDS_MAX + 0.01
        assert all(lane.drained for lane in stage.lanes)

    run_virtual(story())


def test_the_last_word_of_a_partition_that_goes_elsewhere_is_told_at_once() -> None:
    async def story() -> None:
        stage = TellingStage()
        async with stage.running():
            await stage.append(3)
            await asyncio.sleep(0.1)

        assert [(0, 3), (1, 0)] == sorted(each[1:] for each in stage.told)
        assert asyncio.get_running_loop().time() < LAG_TOLD_SECONDS

    run_virtual(story())


def test_a_lane_that_commits_by_itself_is_left_to_it() -> None:
    async def story() -> None:
        stage = TellingStage()

        async def nothing(lane: RecordingLane) -> None:
            lane.has_done = None

        stage.on_step = nothing
        async with stage.running():
            await stage.append(3)
            await asyncio.sleep(LONG)

        assert [] == stage.told

    run_virtual(story())
