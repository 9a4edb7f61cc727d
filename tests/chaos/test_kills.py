"""SIGKILL of each kind of process under load: nothing accepted is lost, late, or silent."""

import os
from collections import Counter

import pytest

from deploy.local.stack import ROLES, Stack
from tests.chaos.effects import seldom_met
from tests.chaos.faults import kill_and_restart
from tests.chaos.judging import verdict, worst_lateness
from tests.chaos.load import Callers

KILLS = 10
KILLS_AT_NIGHT = int(os.environ.get("DUETIME_CHAOS_KILLS", "200"))
TASKS_PER_SECOND = 15.0

pytestmark = [pytest.mark.kafka, pytest.mark.mongo]


@pytest.mark.promise("P1", "P2", "P3", "P4", "P5", "P6")
@pytest.mark.timeout(400)
def test_ten_kills_of_each_kind_of_process_lose_nothing_and_make_nothing_late(
    stack: Stack, callers: Callers
) -> None:
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for number in range(KILLS):
            kill_and_restart(stack, callers, ROLES, number)
    wrong, evidence = verdict(stack, callers)

    print(f"worst lateness {worst_lateness(evidence):.3f} s over {len(evidence.starts)} starts")
    assert [] == wrong
    killed = Counter(fault.role for fault in callers.history.faults)
    assert dict.fromkeys(ROLES, KILLS) == killed
    assert [] == seldom_met(callers.history)


@pytest.mark.nightly
@pytest.mark.promise("P1", "P2", "P3", "P4", "P5", "P6")
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("role", ROLES)
def test_two_hundred_kills_of_one_kind_of_process_lose_nothing_and_make_nothing_late(
    stack: Stack, callers: Callers, role: str
) -> None:
    with callers.at_work(per_second=TASKS_PER_SECOND):
        for number in range(KILLS_AT_NIGHT):
            kill_and_restart(stack, callers, (role,), number)
    wrong, evidence = verdict(stack, callers)

    print(f"worst lateness {worst_lateness(evidence):.3f} s over {len(evidence.starts)} starts")
    assert [] == wrong
    assert KILLS_AT_NIGHT == len(callers.history.faults)
    assert [] == seldom_met(callers.history)
