"""A stretch of seeds in one process: what they come to, and a report on each that failed.

Knows seeds and sums; several stretches at once are their caller's.
"""

from typing import Any, NamedTuple

from tests.simulation import report
from tests.simulation.run import run_seed
from tests.simulation.tally import Tally


class Batch(NamedTuple):
    """What a stretch of seeds came to; `tally` as JSON values."""

    begin: int
    end: int
    tally: dict[str, Any]
    failed: list[int]
    reports: list[str]


def live_through(begin: int, end: int) -> Batch:
    """Live through the seeds from `begin` up to, not including, `end`."""
    tally, failed, reports = Tally(), [], []
    for seed in range(begin, end):
        verdict = run_seed(seed)
        tally.add(verdict.evidence)
        if verdict.violations:
            failed.append(seed)
            reports.append(report.write(verdict))
    return Batch(begin, end, tally.plain(), failed, reports)
