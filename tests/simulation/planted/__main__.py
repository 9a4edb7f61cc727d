"""Search anew, for each planted bug, the first seed that finds it, and write the table.

python -m tests.simulation.planted                  every bug, up to 2,000 seeds each
python -m tests.simulation.planted NAME --seeds 300
"""

import argparse
import sys

from tests.simulation.planted.bugs import BUGS
from tests.simulation.planted.plant import CAUGHT, MovedError, caught, first_catch, record
from tests.simulation.run import run_seed


def main() -> int:
    """Search; 0 where every bug was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted")
    parser.add_argument("names", nargs="*", help="which bugs; all of them without a name")
    parser.add_argument("--seeds", type=int, default=2_000, help="how many to try")
    given = parser.parse_args()
    if run_seed(0).violations:
        print("seed 0 is red without any bug: nothing can be told from red")
        return 1
    table = caught() if CAUGHT.exists() else {}
    missed = 0
    for bug in BUGS:
        if given.names and bug.name not in given.names:
            continue
        try:
            found = first_catch(bug, 0, given.seeds)
        except MovedError as moved:
            print(moved, flush=True)
            missed += 1
            continue
        if found is None:
            print(f"{bug.name}: not found in {given.seeds} seeds", flush=True)
            table.pop(bug.name, None)
            missed += 1
            continue
        seed, broken = found
        print(f"{bug.name}: seed {seed}: {broken[:160]}", flush=True)
        table[bug.name] = {"seed": seed, "breaks": " ".join(broken.split(":")[0].split())}
        record(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
