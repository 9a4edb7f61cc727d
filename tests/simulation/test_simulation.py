"""Whole histories under faults: every seed keeps every promise, and equal seeds are equal."""

import pytest

from tests.simulation import report
from tests.simulation.run import run_seed
from tests.simulation.tally import Tally
from tests.simulation.trace import trace

SEEDS = 200
CHUNK = 20
REPEATED_EVERY = 100  # one seed in a hundred is lived through twice

_sum = Tally()


@pytest.mark.promise("P1", "P2", "P3", "P4", "P5", "P6")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("begin", range(0, SEEDS, CHUNK))
def test_every_promise_holds_in_every_history(begin: int) -> None:
    broken = []
    for seed in range(begin, begin + CHUNK):
        verdict = run_seed(seed)
        _sum.add(verdict.evidence)
        if verdict.violations:
            broken.append(report.write(verdict))

    assert "" == "\n\n".join(broken)


def test_every_kind_of_fault_changed_some_history() -> None:
    if _sum.histories < SEEDS:
        pytest.fail("runs after the histories: it judges all of them together")

    assert [] == _sum.unseen_kinds(), _sum.table()


@pytest.mark.parametrize("seed", range(7, SEEDS, REPEATED_EVERY))
def test_equal_seeds_give_equal_histories(seed: int) -> None:
    first, second = run_seed(seed), run_seed(seed)

    assert trace(first.evidence, []) == trace(second.evidence, [])
