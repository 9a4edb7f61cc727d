"""The simulator finds what it must: planted bugs, each by the seed that is on record for it."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final

import pytest

from tests.simulation.crew import Crew
from tests.simulation.planted.bugs import BUGS, Bug
from tests.simulation.planted.plant import caught, first_catch, text_with
from tests.simulation.run import run_seed

PLANTED_MIN: Final = 15
TRIED_SEEDS: Final = 30  # a change of the system moves what a seed does: its neighbours count too
PROCESSES: Final = 2
SECONDS_MAX: Final = 300.0  # on a busy machine; a seed takes a third of a second on an idle one

Catch = tuple[int, str] | None


@pytest.fixture(scope="module")
def catches(request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[Catch]"]]:
    """Live through every bug that is asked for, some at once, from the seed on record on."""
    table = caught()
    with Crew(PROCESSES, seconds_max=SECONDS_MAX) as crew:
        yield {
            bug.name: crew.submit(
                first_catch, bug.name, int(table.get(bug.name, {"seed": 0})["seed"]), TRIED_SEEDS
            )
            for bug in BUGS
            if any(f"[{bug.name}]" in item.name for item in request.session.items)
        }


def test_there_are_enough_planted_bugs_and_each_is_on_record() -> None:
    assert len(BUGS) >= PLANTED_MIN
    assert {bug.name for bug in BUGS} == set(caught())


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_fits_where_it_is_planted(bug: Bug) -> None:
    assert bug.after in text_with(bug)


@pytest.mark.timeout(2 * SECONDS_MAX)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found_by_the_seed_on_record(
    bug: Bug, catches: dict[str, "Future[Catch]"]
) -> None:
    found = catches[bug.name].result(timeout=2 * SECONDS_MAX)

    assert found is not None, f"search anew: python -m tests.simulation.planted {bug.name}"
    seed, _ = found
    sound = run_seed(seed, only=bug.only, story=bug.story)
    assert [] == sound.violations, "and without the bug the seed is green"
