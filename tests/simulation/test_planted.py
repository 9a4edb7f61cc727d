"""The simulator finds what it must: planted bugs, each by the seed that is on record for it."""

from typing import Final

import pytest

from tests.simulation.planted.bugs import BUGS, Bug
from tests.simulation.planted.plant import caught, first_catch, planted
from tests.simulation.run import run_seed

pytestmark = pytest.mark.nightly

PLANTED_MIN: Final = 15
TRIED_SEEDS: Final = 10  # a change of the system moves what a seed does: its neighbours count too


def test_there_are_enough_planted_bugs_and_each_is_on_record() -> None:
    assert len(BUGS) >= PLANTED_MIN
    assert {bug.name for bug in BUGS} == set(caught())


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_fits_where_it_is_planted(bug: Bug) -> None:
    with planted(bug) as copy:
        assert copy.is_dir()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found_by_the_seed_on_record(bug: Bug) -> None:
    seed = int(caught()[bug.name]["seed"])
    found = first_catch(bug, seed, TRIED_SEEDS)

    assert found is not None, "search anew: python -m tests.simulation.planted " + bug.name
    assert [] == run_seed(found[0]).violations, "and without the bug the seed is green"
