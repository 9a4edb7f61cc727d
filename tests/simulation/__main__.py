"""Replay a seed, run many, or let them run through the night.

python -m tests.simulation --seed 7         one seed: its verdict, trace and picture
python -m tests.simulation --seeds 0..200   many: the first failures and the sums
python -m tests.simulation --nightly --seeds 5000   resumable, and written into the documents
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

from tests.simulation import report
from tests.simulation.history import FaultKind
from tests.simulation.nightly import run_night
from tests.simulation.run import Verdict, run_seed
from tests.simulation.stories import STORIES
from tests.simulation.tally import Tally

_SHOWN_FAILURES_MAX = 5


def main() -> int:
    """Run what the command line asks for; 0 where every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=int, help="live through one seed")
    parser.add_argument("--seeds", help="A..B, or a count")
    parser.add_argument("--nightly", action="store_true", help="resumable; writes the documents")
    parser.add_argument("--processes", type=int, default=2, help="for --nightly")
    parser.add_argument("--only", default="", help="these kinds of fault, and often: KIND,KIND")
    parser.add_argument("--story", default="", choices=["", *STORIES], help="in place of chance")
    given = parser.parse_args()
    only = tuple(FaultKind(kind) for kind in given.only.split(",") if kind)
    live = partial(run_seed, only=only, story=given.story)
    if given.seed is not None:
        return _one(live(given.seed))
    if given.nightly:
        return run_night(int(given.seeds or 5_000), given.processes)
    begin, end = _range(given.seeds or "200")
    return _many(live, begin, end)


def _one(verdict: Verdict) -> int:
    said = report.write(verdict)
    if verdict.violations:
        print(said)
        return 1
    print(f"seed {verdict.switches.seed} keeps every promise")
    print(said.splitlines()[-1])
    return 0


def _many(live: Callable[[int], Verdict], begin: int, end: int) -> int:
    tally, failed = Tally(), []
    began = time.perf_counter()
    for seed in range(begin, end):
        verdict = live(seed)
        tally.add(verdict.evidence)
        if verdict.violations:
            failed.append(seed)
            if len(failed) <= _SHOWN_FAILURES_MAX:
                print(report.write(verdict), flush=True)
    seconds = time.perf_counter() - began
    print(tally.table())
    print(
        f"{tally.histories} histories, {tally.requests} requests, {tally.occurrences} occurrences, "
        f"{tally.starts} starts in {seconds:.1f} s; {len(failed)} failed: {failed[:20]}"
    )
    idle = tally.idle_kinds()
    if idle:
        print(f"these faults were done and never changed anything: {', '.join(idle)}")
    return 1 if failed or idle else 0


def _range(text: str) -> tuple[int, int]:
    """Read `A..B` (B not included) or a count."""
    begin, dots, end = text.partition("..")
    return (int(begin), int(end)) if dots else (0, int(begin))


if __name__ == "__main__":
    sys.exit(main())
