"""Search anew, for each planted bug, the first seed that finds it, and write the table.

python -m tests.simulation.planted                  every bug, up to 2,000 seeds each
python -m tests.simulation.planted NAME --seeds 300
"""

import argparse
import sys

from tests.simulation.planted.bugs import BUGS
from tests.simulation.planted.search import search


def main() -> int:
    """Search; 0 where every bug was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted")
    parser.add_argument("names", nargs="*", help="which bugs; all of them without a name")
    parser.add_argument("--seeds", type=int, default=2_000, help="how many to try")
    parser.add_argument("--processes", type=int, default=1, help="how many to search at once")
    given = parser.parse_args()
    bugs = [bug for bug in BUGS if not given.names or bug.name in given.names]
    return 1 if search(bugs, given.seeds, given.processes) else 0


if __name__ == "__main__":
    sys.exit(main())
