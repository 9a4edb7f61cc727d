"""Search anew, for each planted bug, the first seed that finds it, and keep the table.

Knows how to search several bugs at once; what a bug is, and how it is planted, is elsewhere.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.simulation.planted.bugs import BUGS, Bug
from tests.simulation.planted.plant import CAUGHT, MovedError, caught, first_catch, record
from tests.simulation.run import run_seed


def search(bugs: Sequence[Bug], seeds: int, processes: int) -> list[str]:
    """Search for these bugs in seeds from 0 on; record what finds them, name those not found."""
    if run_seed(0).violations:
        return ["seed 0 is red without any bug: nothing can be told from red"]
    table = caught() if CAUGHT.exists() else {}
    names = {bug.name for bug in BUGS}
    table = {name: entry for name, entry in table.items() if name in names}
    missed = []
    with ThreadPoolExecutor(processes) as pool:
        for bug, found in zip(bugs, pool.map(lambda bug: _found(bug, seeds), bugs), strict=True):
            if isinstance(found, str):
                print(f"{bug.name}: {found}", flush=True)
                table.pop(bug.name, None)
                missed.append(bug.name)
            else:
                print(f"{bug.name}: seed {found['seed']}, breaks {found['breaks']}", flush=True)
                table[bug.name] = found
            record(table)
    return missed


def table_of_bugs() -> str:
    """Write the planted bugs and what finds them as a Markdown table."""
    table = caught()
    lines = ["| planted bug | first found by seed | it breaks |", "| --- | ---: | --- |"]
    for bug in BUGS:
        entry = table.get(bug.name, {"seed": "not found", "breaks": ""})
        lines.append(f"| {bug.says} | {entry['seed']} | {entry['breaks']} |")
    return "\n".join(lines)


def _found(bug: Bug, seeds: int) -> dict[str, Any] | str:
    try:
        found = first_catch(bug, 0, seeds)
    except MovedError as moved:
        return str(moved)
    if found is None:
        return f"not found in {seeds} seeds"
    seed, broken = found
    return {"seed": seed, "breaks": " ".join(broken.partition(":")[0].split())}
