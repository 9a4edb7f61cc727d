"""P4 on the real thing: what was acknowledged a second before due decides, whoever is dead.

Changes come at moments that are drawn, from seconds ahead to the last moment, by callers who note
every answer; the simulator's checkers judge which of them had to win.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Final

import pytest

from deploy.local.stack import Stack
from duetime.events.ids import run_id_for
from duetime.limits import TAKE_OVER_SECONDS_MAX
from tests.chaos.faults import kill, owned_all, suspended
from tests.chaos.judging import verdict
from tests.chaos.load import Callers
from tests.simulation.history import Answer
from tests.support.stack import is_settled, partitions_of, stamped, wait_for

CHANGERS: Final = 8
TASKS: Final = 160
CHANGES_SECONDS_MAX: Final = 230.0
HELD_BEFORE_SECONDS: Final = 4.0  # less than the lookahead: by then a run is with its executor

pytestmark = [pytest.mark.nightly, pytest.mark.kafka, pytest.mark.mongo, pytest.mark.timeout(240)]


@pytest.mark.promise("P2", "P3", "P4")
def test_changes_win_at_any_moment_before_due_also_while_a_timer_is_dead(
    stack: Stack, callers: Callers
) -> None:
    began = datetime.now(UTC)
    with ThreadPoolExecutor(CHANGERS) as threads:
        changing = [threads.submit(_live_and_change, callers, seed) for seed in range(TASKS)]
        time.sleep(6.0)
        victim = stack.of_role("timer")[0]
        kill(callers.history, victim)
        time.sleep(10.0)
        victim.start(stack.lines)
        for each in changing:
            each.result(CHANGES_SECONDS_MAX)
    stack.wait_ready()
    wait_for(is_settled(stack), "a share for each again")
    wrong, evidence = verdict(stack, callers)

    print(f"{len(evidence.starts)} starts, {(datetime.now(UTC) - began).total_seconds():.0f} s")
    assert len(evidence.starts) > TASKS / 4
    assert [] == wrong


@pytest.mark.promise("P4")
def test_an_executor_that_slept_while_its_held_runs_were_deleted_and_moved_starts_none_of_them(
    stack: Stack, callers: Callers
) -> None:
    sleeper, other = stack.of_role("executor")
    due_at = datetime.now(UTC) + timedelta(seconds=12.0)
    answers = [callers.register(due_at) for _ in range(CHANGERS * 4)]
    task_ids = [answer.task_id for answer in answers if answer.task_id is not None]
    time.sleep(max(0.0, (due_at - datetime.now(UTC)).total_seconds() - HELD_BEFORE_SECONDS))
    with suspended(callers.history, sleeper) as fault:
        with ThreadPoolExecutor(CHANGERS) as threads:
            numbers = range(len(task_ids))
            acknowledged = list(threads.map(_change, repeat(callers), numbers, task_ids))
        wait_for(
            owned_all(other, partitions_of(stack)), "all at the other one", TAKE_OVER_SECONDS_MAX
        )
    wait_for(is_settled(stack), "a share for each again")
    wrong, _ = verdict(stack, callers)
    in_time = due_at - timedelta(seconds=1.0)
    won = [task for task, at in zip(task_ids, acknowledged, strict=True) if at and at < in_time]
    started = stamped(callers.stamps).keys()

    assert fault.effective
    assert len(won) > 0
    assert [] == [task_id for task_id in won if run_id_for(task_id, due_at) in started]
    assert [] == wrong


def _live_and_change(callers: Callers, seed: int) -> None:
    """Register a task, and change it at a moment before its time that is drawn."""
    chance = random.Random(seed)  # noqa: S311 - a seed says when what is changed
    due_at = datetime.now(UTC) + timedelta(seconds=chance.uniform(2.0, 7.0))
    request = callers.register(due_at)
    if request.answer is not Answer.OK or request.task_id is None:
        return
    before = chance.choice([0.3, 0.9, 1.1, 1.5, 3.0])
    time.sleep(max(0.0, (due_at - datetime.now(UTC)).total_seconds() - before))
    if chance.random() < 0.4:
        callers.send("DELETE", f"/tasks/{request.task_id}")
    else:
        callers.replace(request.task_id, due_at + timedelta(seconds=chance.choice([0.0, 0.5, 3.0])))


def _change(callers: Callers, number: int, task_id: str) -> datetime | None:
    """Delete a task, or move it; say when that was acknowledged."""
    if number % 2:
        request = callers.send("DELETE", f"/tasks/{task_id}")
    else:
        request = callers.replace(task_id, datetime.now(UTC) + timedelta(seconds=30.0))
    return datetime.now(UTC) if request.answer is Answer.OK else None
