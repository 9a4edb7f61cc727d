"""The log is the truth: what is wiped comes back equal."""

import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest
from pymongo import MongoClient

from deploy.local.stack import Stack
from duetime.events.ids import microseconds
from duetime.log.port import Accepted, Record
from duetime.log.topics import Topic
from duetime.timer.restore import Kept, headers_of
from tests.chaos.effects import seldom_met
from tests.chaos.faults import noted
from tests.chaos.judging import verdict
from tests.chaos.load import Callers
from tests.chaos.recorded import append_to, records_of, timer_states, views_of
from tests.chaos.timers_evidence import LOOKAHEAD, left_on_disk
from tests.simulation.history import FaultKind
from tests.support.stack import make_whole, partitions_of, wait_for

TASKS_PER_SECOND = 15.0
REBUILD_SECONDS_MAX = 60.0

pytestmark = [pytest.mark.kafka, pytest.mark.mongo, pytest.mark.timeout(200)]


@pytest.mark.promise("P6")
def test_read_models_that_are_wiped_come_back_equal_idle_or_at_work(
    stack: Stack, callers: Callers
) -> None:
    with callers.at_work(per_second=TASKS_PER_SECOND):
        time.sleep(5.0)
    verdict(stack, callers)
    before = views_of(stack, callers.task_ids)
    known = set(callers.task_ids)
    with noted(callers.history, FaultKind.WIPE_VIEWS):
        _wipe(stack)  # while nothing happens that would tell a projector
        wait_for(lambda: before == views_of(stack, known), "equal views", REBUILD_SECONDS_MAX)
    with callers.at_work(per_second=TASKS_PER_SECOND):
        time.sleep(1.0)
        with noted(callers.history, FaultKind.WIPE_VIEWS):
            _wipe(stack)
            wait_for(lambda: before == views_of(stack, known), "equal views", REBUILD_SECONDS_MAX)
        time.sleep(2.0)
    wrong, _ = verdict(stack, callers)

    assert 20 < len(before[1])  # of some 60, where nothing else slows the machine down
    assert [] == wrong
    assert [] == seldom_met(callers.history)
    stack.check_alive()


@pytest.mark.promise("P1", "P6")
def test_timers_that_lose_their_disks_come_back_with_equal_state(
    stack: Stack, callers: Callers
) -> None:
    for number in range(50):
        callers.register(datetime.now(UTC) + timedelta(seconds=40 + number % 7))
    wait_for(lambda: set(timer_states(stack)) >= callers.task_ids, "the states in the changelog")
    _let_go(stack, timer_states(stack)[min(callers.task_ids)])
    before = timer_states(stack)
    for timer in stack.of_role("timer"):
        timer.kill()
        shutil.rmtree(timer.environment["DUETIME_TIMER_INDEX_DIR"])
    make_whole(stack)
    after = timer_states(stack)
    # What they hold is on their disks when they have gone in peace: owner's and standby's alike.
    statuses = [timer.stop() for timer in stack.of_role("timer")]
    rebuilt = list(left_on_disk(stack, records_of(stack, Topic.SCHEDULE)))
    make_whole(stack)
    wrong, _ = verdict(stack, callers)

    mine = callers.task_ids
    assert {task: before[task] for task in mine} == {task: after[task] for task in mine}
    assert [0, 0] == statuses
    assert 2 * partitions_of(stack) == len(rebuilt)
    for _, _, held, naive in rebuilt:
        assert naive == held
    assert mine == {task for _, _, held, _ in rebuilt for task in held.order} & mine
    assert [] == wrong


def _let_go(stack: Stack, value: bytes) -> None:
    """Leave in each partition what timers leave of tasks ten minutes after their end."""
    wake = microseconds(datetime.now(UTC) + timedelta(minutes=1))
    ahead = LOOKAHEAD // timedelta.resolution
    with_gist = [
        (value, headers_of(Kept(value, wake), lookahead_us=ahead)),
        (None, headers_of(Kept(None, woke=wake), lookahead_us=ahead)),
    ]
    outcomes = append_to(
        stack,
        [
            Record(topic=Topic.SCHEDULE, partition=partition, key=key, value=kept, headers=headers)
            for partition in range(partitions_of(stack))
            for key, left in ((b"gone", with_gist), (b"long gone", [(value, {}), (None, {})]))
            for kept, headers in left
        ],
    )
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


def _wipe(stack: Stack) -> None:
    assert stack.mongod is not None
    with MongoClient[dict[str, object]](stack.mongod.uri) as client:
        client.drop_database("duetime")
