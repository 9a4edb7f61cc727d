"""SIGSTOP past the session: the partitions move, and what wakes up finds itself replaced."""

from collections import defaultdict

import pytest

from deploy.local.stack import Running, Stack
from duetime.limits import TAKE_OVER_SECONDS_MAX
from tests.chaos.effects import seldom_met
from tests.chaos.faults import is_fenced, owned_all, suspended
from tests.chaos.judging import verdict
from tests.chaos.load import Callers
from tests.simulation.evidence import Evidence
from tests.simulation.history import Fault
from tests.support.stack import is_settled, lines_of, partitions_of, stamped, wait_for

TASKS_PER_SECOND = 50.0
SLEEPS_MAX = 4

pytestmark = [pytest.mark.kafka, pytest.mark.mongo, pytest.mark.timeout(200)]


@pytest.mark.promise("P2", "P3", "P4")
def test_a_timer_that_slept_past_its_session_is_refused_by_the_broker_when_it_wakes(
    stack: Stack, callers: Callers
) -> None:
    sleeper, other = stack.of_role("timer")
    before = len(lines_of(stack, sleeper))
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for _ in range(SLEEPS_MAX):  # until one of them falls into a transaction
            _sleep_past_session(stack, callers, sleeper, other)
            wait_for(is_settled(stack), "a share for each again")
            if _fences(stack, sleeper, before):
                break
    wrong, _ = verdict(stack, callers)

    print(*_fences(stack, sleeper, before)[:1])
    assert [] == seldom_met(callers.history)
    assert _fences(stack, sleeper, before)
    assert [] == wrong


@pytest.mark.promise("P2", "P3", "P4")
def test_an_executor_that_slept_past_its_session_starts_nothing_that_others_have_started(
    stack: Stack, callers: Callers
) -> None:
    sleeper, other = stack.of_role("executor")
    with callers.at_work(per_second=TASKS_PER_SECOND):
        before = len(lines_of(stack, sleeper))
        fault = _sleep_past_session(stack, callers, sleeper, other)
        wait_for(
            lambda: any("thrown out" in line for line in lines_of(stack, sleeper)[before:]),
            "that it learns of it",
        )
        wait_for(is_settled(stack), "a share for each again")
    wrong, evidence = verdict(stack, callers)

    assert fault.effective
    assert [] == wrong
    assert [] == _started_again_after(evidence, fault)


def _sleep_past_session(stack: Stack, callers: Callers, sleeper: Running, other: Running) -> Fault:
    # Before the first start nothing is in anybody's hands, and who sleeps then is not missed.
    wait_for(lambda: len(stamped(callers.stamps)) > 0, "runs that have started")
    with suspended(callers.history, sleeper) as fault:
        everything = owned_all(other, partitions_of(stack))
        wait_for(everything, "all partitions at the other one", TAKE_OVER_SECONDS_MAX)
    return fault


def _fences(stack: Stack, sleeper: Running, since: int) -> list[str]:
    return [line for line in lines_of(stack, sleeper)[since:] if is_fenced(line)]


def _started_again_after(evidence: Evidence, fault: Fault) -> list[str]:
    """Give the runs that had started while one slept, and started once more after it woke up."""
    starts: dict[str, list[float]] = defaultdict(list)
    for start in evidence.starts:
        starts[start.run_id].append(start.at)
    return [
        run_id
        for run_id, times in starts.items()
        if any(fault.at <= time <= fault.until for time in times) and max(times) > fault.until
    ]
