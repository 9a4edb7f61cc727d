"""The consuming loop, on virtual time: who is opened, what is handed out, what a fault costs."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import wraps
from itertools import pairwise
from typing import Any

import pytest

from duetime.limits import CLOCK_REREAD_SECONDS, POLL_RECORDS_MAX, POLL_WAIT_SECONDS_MAX
from duetime.log.port import LogAwayError, UnknownOutcomeError
from tests.support.builders import after_noon
from tests.support.virtual_loop import run_virtual
from tests.unit.runtime.lanes import BACKOFF, RecordingLane, Stage


def on_virtual_time(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test on a virtual loop: its waits cost nothing and always come out the same."""

    @wraps(test)
    def run() -> None:
        run_virtual(test())

    del run.__wrapped__  # pytest would see a coroutine function
    return run


@on_virtual_time
async def test_every_assigned_partition_gets_a_lane() -> None:
    stage = Stage()
    async with stage.running():
        assert [0, 1] == stage.worker.partitions
        assert [0, 1] == [lane.partition for lane in stage.lanes]


@on_virtual_time
async def test_a_worker_is_ready_when_all_its_lanes_are() -> None:
    stage = Stage()
    restored = asyncio.Event()

    async def restore(lane: RecordingLane) -> None:
        if lane.partition == 1:
            await restored.wait()

    stage.on_open = restore
    assert "has not joined its group yet" == stage.worker.unready()
    async with stage.running():
        assert "partitions [1] are catching up" == stage.worker.unready()
        restored.set()
        await asyncio.sleep(0.1)
        assert None is stage.worker.unready()
    assert "draining" == stage.worker.unready()


@on_virtual_time
async def test_records_are_handed_out_in_their_order_to_their_partition() -> None:
    stage = Stage()
    await stage.append(3)
    async with stage.running():
        await stage.append(2, partition=1)
        await stage.append(2)
        await asyncio.sleep(1)

        assert [[0, 1, 2, 3, 4], [0, 1]] == [lane.offsets for lane in stage.lanes]


@on_virtual_time
async def test_to_drain_ends_every_lane_and_then_the_loop() -> None:
    stage = Stage()
    async with stage.running() as run:
        pass

    assert run.done()
    assert None is run.exception()
    assert [(True, True)] * 2 == [(lane.drained, lane.closed) for lane in stage.lanes]


@on_virtual_time
async def test_a_worker_that_is_drained_before_it_runs_ends_at_once() -> None:
    stage = Stage()
    stage.worker.drain()
    await asyncio.wait_for(stage.worker.run(), 1)

    assert [] == stage.lanes


@pytest.mark.parametrize("fault", [LogAwayError("away"), UnknownOutcomeError("who knows")])
def test_a_doubtful_write_ends_a_lane_and_a_new_one_reads_anew(fault: Exception) -> None:
    async def story() -> None:
        stage = Stage(partitions=1)

        async def fail(lane: RecordingLane) -> None:
            if lane is stage.lanes[0] and lane.offsets:
                raise fault

        stage.on_step = fail
        async with stage.running():
            await stage.append(2)
            await asyncio.sleep(10)
            await stage.append(1)
            await asyncio.sleep(1)
            first, second = stage.lanes

            assert first.closed
            assert not first.drained
            assert [0, 1, 2] == second.offsets
            assert [0] == stage.worker.partitions

    run_virtual(story())


@on_virtual_time
async def test_a_lane_that_ended_in_doubt_is_closed_before_the_wait() -> None:
    stage = Stage(partitions=1)
    closed_at: list[float] = []

    async def fail(lane: RecordingLane) -> None:
        if lane is stage.lanes[0]:
            raise LogAwayError("away")

    async def note(lane: RecordingLane) -> None:
        del lane
        closed_at.append(asyncio.get_running_loop().time())

    stage.on_step, stage.on_close = fail, note
    async with stage.running():
        assert [0.0] == closed_at


@on_virtual_time
async def test_the_waits_between_faults_grow_and_a_good_while_ends_them() -> None:
    stage = Stage(partitions=1)
    opened_at: list[float] = []

    async def away(lane: RecordingLane) -> None:
        del lane
        opened_at.append(asyncio.get_running_loop().time())
        if len(opened_at) <= 4:
            raise LogAwayError("away")

    async def fail(lane: RecordingLane) -> None:
        if lane is stage.lanes[4] and lane.offsets:
            raise LogAwayError("away")

    stage.on_open, stage.on_step = away, fail
    async with stage.running():
        await asyncio.sleep(60)
        failed_at = asyncio.get_running_loop().time()
        await stage.append(1)
        await asyncio.sleep(60)
        waits = [later - earlier for earlier, later in pairwise(opened_at[:5])]
        waits.append(opened_at[5] - failed_at)
        asked = [BACKOFF.seconds(fault) for fault in (1, 2, 3, 4, 1)]

    for least, wait in zip(asked, waits, strict=True):
        assert least <= wait <= least + POLL_WAIT_SECONDS_MAX


@on_virtual_time
async def test_a_fault_that_is_not_the_logs_ends_the_worker_loudly() -> None:
    stage = Stage()

    async def fail(lane: RecordingLane) -> None:
        if lane.partition == 1:
            raise ZeroDivisionError("a fault of ours")

    stage.on_step = fail
    async with stage.running() as run:
        await asyncio.wait([run], timeout=10)

    fault = run.exception()
    assert isinstance(fault, ExceptionGroup)
    assert fault.subgroup(ZeroDivisionError) is not None
    assert [True, True] == [lane.closed for lane in stage.lanes]


@on_virtual_time
async def test_a_partition_that_goes_to_another_member_is_closed_and_opened_there() -> None:
    stage = Stage()
    await stage.append(1)
    await stage.append(1, partition=1)
    async with stage.running():
        other = stage.another_worker()
        async with stage.running(other):
            await asyncio.sleep(10)
            kept, lost, gained = stage.lanes

            assert (False, True, False) == (kept.closed, lost.closed, gained.closed)
            assert lost.partition == gained.partition
            assert [[kept.partition], [gained.partition]] == [
                list(stage.worker.partitions),
                list(other.partitions),
            ]
            assert [0] == gained.offsets


@on_virtual_time
async def test_a_member_that_was_thrown_out_begins_anew_with_new_lanes() -> None:
    stage = Stage(partitions=1)
    async with stage.running():
        await stage.append(2)
        await asyncio.sleep(1)
        stage.log.expel(stage.lanes[0].subscription)
        await asyncio.sleep(10)
        first, second = stage.lanes

        assert first.closed
        assert [0, 1] == second.offsets


@on_virtual_time
async def test_a_lane_opened_while_another_is_closed_gets_nothing_read_before() -> None:
    stage = Stage()
    await stage.append(1)
    await stage.append(1, partition=1)

    async def close_slowly(lane: RecordingLane) -> None:
        await asyncio.sleep(2 if lane.partition == 1 else 0)

    async def fail_once(lane: RecordingLane) -> None:
        if lane is stage.of(0)[0] and 1 in lane.offsets:
            raise LogAwayError("away")

    async with stage.running():
        stage.on_close, stage.on_step = close_slowly, fail_once
        # Lane 0 falls and is to return a quarter of a second later; meanwhile a poll passes ...
        await stage.append(1)
        await asyncio.sleep(0.1)
        await stage.append(1, partition=1)
        await asyncio.sleep(0.1)
        # ... and one that takes partition 1 away, whose lane closes slowly, and brings more of 0.
        other = stage.another_worker()
        run = asyncio.create_task(other.run())
        await stage.append(1)
        await asyncio.sleep(20)
        other.drain()
        await asyncio.wait([run], timeout=60)

    assert [0, 1, 2] == stage.of(0)[1].offsets
    for lane in stage.lanes:
        assert list(range(len(lane.offsets))) == lane.offsets


@on_virtual_time
async def test_a_partition_whose_lane_is_slow_is_held_and_then_goes_on() -> None:
    stage = Stage(partitions=1)
    go_on = asyncio.Event()

    async def wait(lane: RecordingLane) -> None:
        if lane.offsets:
            await go_on.wait()

    stage.on_step = wait
    count = 20 * POLL_RECORDS_MAX
    async with stage.running():
        for _ in range(20):
            await stage.append(POLL_RECORDS_MAX)
        await asyncio.sleep(10)
        inbox = stage.worker._driven[0].inbox

        assert 6 * POLL_RECORDS_MAX >= len(inbox) > 0
        go_on.set()
        await asyncio.sleep(10)
        assert list(range(count)) == stage.lanes[0].offsets


@on_virtual_time
async def test_a_lane_that_waits_for_nothing_is_left_alone() -> None:
    stage = Stage(partitions=1)
    async with stage.running():
        steps = len(stage.lanes[0].stepped_at)
        await asyncio.sleep(60)

        assert steps == len(stage.lanes[0].stepped_at)


@pytest.mark.promise("P2")
@on_virtual_time
async def test_a_lane_is_stepped_when_it_said_it_would_wake() -> None:
    stage = Stage(partitions=1)

    async def sleep_until_five(lane: RecordingLane) -> None:
        done = stage.clock.now() >= after_noon(5)
        lane.wakes_at = None if done else after_noon(5)

    stage.on_step = sleep_until_five
    async with stage.running():
        await asyncio.sleep(60)

        assert 5.0 == pytest.approx(stage.lanes[0].stepped_at[-1])


@on_virtual_time
async def test_a_clock_that_is_set_is_noticed_soon() -> None:
    stage = Stage(partitions=1)

    async def sleep_an_hour(lane: RecordingLane) -> None:
        done = stage.clock.now() >= after_noon(3_600)
        lane.wakes_at = None if done else after_noon(3_600)

    stage.on_step = sleep_an_hour
    async with stage.running():
        await asyncio.sleep(10)
        set_at = asyncio.get_running_loop().time()
        stage.clock.skew = timedelta(hours=1)
        await asyncio.sleep(10)
        [last] = [at for at in stage.lanes[0].stepped_at if at > set_at]

        assert CLOCK_REREAD_SECONDS >= last - set_at
