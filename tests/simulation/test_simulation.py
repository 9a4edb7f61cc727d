"""Whole histories under faults: every seed keeps every promise, and equal seeds are equal."""

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tests.simulation.batch import Batch, live_through
from tests.simulation.crew import Crew
from tests.simulation.run import run_seed
from tests.simulation.tally import Tally
from tests.simulation.trace import trace

SEEDS = 200
CHUNK = 20
REPEATED_EVERY = 100  # one seed in a hundred is lived through twice
PROCESSES = 2
SECONDS_MAX = 600.0  # for a chunk, on a busy machine; an idle one takes six seconds

_BEGINNINGS = range(0, SEEDS, CHUNK)

Batches = dict[int, "Future[Batch]"]


@pytest.fixture(scope="module")
def batches(request: pytest.FixtureRequest) -> Iterator[Batches]:
    """Live through the chunks that are asked for, some at once; all, where they are judged."""
    names = [item.name for item in request.session.items]
    together = any(name.startswith("test_every_kind_of_fault") for name in names)
    with Crew(PROCESSES, seconds_max=SECONDS_MAX) as crew:
        yield {
            begin: crew.submit(live_through, begin, begin + CHUNK)
            for begin in _BEGINNINGS
            if together or any(f"[{begin}]" in name for name in names)
        }


@pytest.mark.promise("P1", "P2", "P3", "P4", "P5", "P6")
@pytest.mark.timeout(2 * SECONDS_MAX)
@pytest.mark.parametrize("begin", _BEGINNINGS)
def test_every_promise_holds_in_every_history(begin: int, batches: Batches) -> None:
    batch = batches[begin].result(timeout=2 * SECONDS_MAX)

    assert "" == "\n\n".join(batch.reports)


@pytest.mark.timeout(SEEDS // CHUNK * SECONDS_MAX)
def test_every_kind_of_fault_changed_some_history(batches: Batches) -> None:
    total = Tally()
    for begin in _BEGINNINGS:
        total.merge(Tally.of_plain(batches[begin].result(timeout=SECONDS_MAX).tally))
    print(total.table())

    assert SEEDS == total.histories
    assert [] == total.unseen_kinds(), total.table()


@pytest.mark.parametrize("seed", range(7, SEEDS, REPEATED_EVERY))
def test_equal_seeds_give_equal_histories(seed: int) -> None:
    first, second = run_seed(seed), run_seed(seed)

    assert trace(first.evidence, []) == trace(second.evidence, [])
