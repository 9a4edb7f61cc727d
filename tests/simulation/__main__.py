"""Replay a seed, run many, or let them run through the night.

python -m tests.simulation --seed 7         one seed: its verdict, trace and picture
python -m tests.simulation --seeds 0..200   many: the first failures and the sums
python -m tests.simulation --nightly --seeds 5000   resumable, and written into the documents
"""

import argparse
import json
import sys
import time

from tests.simulation import report
from tests.simulation.nightly import run_night
from tests.simulation.run import run_seed
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
    parser.add_argument("--until-broken", action="store_true", help="stop at the first failure")
    given = parser.parse_args()
    if given.seed is not None:
        return _one(given.seed)
    if given.nightly:
        return run_night(int(given.seeds or 5_000), given.processes)
    begin, end = _range(given.seeds or "200")
    if given.until_broken:
        return _until_broken(begin, end)
    return _many(begin, end)


def _one(seed: int) -> int:
    verdict = run_seed(seed)
    said = report.write(verdict)
    if verdict.violations:
        print(said)
        return 1
    print(f"seed {seed} keeps every promise")
    print(said.splitlines()[-1])
    return 0


def _many(begin: int, end: int) -> int:
    tally, failed = Tally(), []
    began = time.perf_counter()
    for seed in range(begin, end):
        verdict = run_seed(seed)
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


def _until_broken(begin: int, end: int) -> int:
    """Tell the first seed that breaks a promise as a line of JSON, for other programs."""
    for seed in range(begin, end):
        try:
            broken = run_seed(seed).violations
        except Exception as fault:  # noqa: BLE001 - a bug may show in any way
            broken = [f"the simulation {type(fault).__name__}: {fault}"]
        if broken:
            print(json.dumps({"seed": seed, "broken": broken[0]}))
            return 1
    print(json.dumps({"seed": None}))
    return 0


def _range(text: str) -> tuple[int, int]:
    """Read `A..B` (B not included) or a count."""
    begin, dots, end = text.partition("..")
    return (int(begin), int(end)) if dots else (0, int(begin))


if __name__ == "__main__":
    sys.exit(main())
