"""Search anew, for each planted bug, the first seed that finds it, and keep the table.

Knows how to search several bugs at once; what a bug is, and how it is planted, is elsewhere.
"""

from collections.abc import Sequence
from typing import Any, Final

from tests.simulation.crew import Crew
from tests.simulation.planted.bugs import BUGS, Bug
from tests.simulation.planted.plant import CAUGHT, caught, first_catch, record
from tests.simulation.run import run_seed

_SECONDS_MAX: Final = 3_600.0  # for all seeds of one bug
_CRASHED: Final = "the api failed"  # a planted text that cannot even run shows so


def search(bugs: Sequence[Bug], seeds: int, processes: int) -> list[str]:
    """Search for these bugs in seeds from 0 on; record what finds them, name those not found."""
    table = caught() if CAUGHT.exists() else {}
    names = {bug.name for bug in BUGS}
    table = {name: entry for name, entry in table.items() if name in names}
    missed = []
    with Crew(processes, seconds_max=_SECONDS_MAX) as crew:
        searches = [(bug, crew.submit(first_catch, bug.name, 0, seeds)) for bug in bugs]
        for bug, searched in searches:
            try:
                found = _judged(bug, searched.result(), seeds)
            except RuntimeError as reason:
                found = str(reason)
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
    lines = ["| planted bug | first found by | it breaks |", "| --- | --- | --- |"]
    for bug in BUGS:
        entry = table.get(bug.name, {"seed": "not found", "breaks": ""})
        seed = f"`--seed {entry['seed']}{bug.where}`"
        lines.append(f"| {bug.says} | {seed} | {entry['breaks']} |")
    return "\n".join(lines)


def _judged(bug: Bug, found: tuple[int, str] | None, seeds: int) -> dict[str, Any] | str:
    if found is None:
        return f"not found in {seeds} seeds"
    seed, broken = found
    if _CRASHED in broken:
        return f"seed {seed}: it crashes, which is no bug that could pass a review"
    if run_seed(seed, only=bug.only, story=bug.story).violations:
        return f"seed {seed} is red without the bug too: nothing can be told from red"
    return {"seed": seed, "breaks": " ".join(broken.partition(":")[0].split())}
