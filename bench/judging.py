"""What a run of a benchmark says: acknowledged tasks against starts that the action stamped.

Knows no clock of Duetime's: what was promised comes from the answers over HTTP, what happened from
the stamps; Duetime's own metric is only laid beside them.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from bench.clients import Acknowledged, milliseconds, percentile
from bench.systems import Stamp
from duetime.events.ids import run_id_for


class Judged(NamedTuple):
    """Lateness of the starts, in seconds by due time, and what did not go as it must."""

    starts: Sequence[tuple[float, float]]  # due time and lateness, in due order
    promised: int
    missing: int
    doubled: int
    early: int
    inversion_seconds_max: float  # how long after a run a run that was due before it has started

    @property
    def lateness(self) -> Sequence[float]:
        """How late each start was, in seconds."""
        return [late for _, late in self.starts]

    @property
    def span_seconds(self) -> float:
        """From the first due time to the last start."""
        if not self.starts:
            return math.nan
        return max(due + late for due, late in self.starts) - self.starts[0][0]


def judge(acknowledged: Sequence[Acknowledged], stamps: Sequence[Stamp]) -> Judged:
    """Compare what was acknowledged with what was stamped."""
    return compare({run_id_for(task.task_id, task.due_at) for task in acknowledged}, stamps)


def compare(promised: AbstractSet[str], stamps: Sequence[Stamp]) -> Judged:
    """Compare the runs that were promised, by id, with what was stamped."""
    ours = [stamp for stamp in stamps if stamp.run_id in promised]
    counts = Counter(stamp.run_id for stamp in ours)
    inversion, latest = 0.0, -math.inf
    for stamp in sorted(ours, key=lambda it: (it.due_at, it.at)):
        inversion = max(inversion, latest - stamp.at)
        latest = max(latest, stamp.at)
    return Judged(
        starts=sorted((stamp.due_at, stamp.at - stamp.due_at) for stamp in ours),
        promised=len(promised),
        missing=len(promised - counts.keys()),
        doubled=sum(count > 1 for count in counts.values()),
        early=sum(stamp.at < stamp.due_at for stamp in ours),
        inversion_seconds_max=max(0.0, inversion),
    )


LATENESS_HEAD = "p50 | p99 | max | first second p99 | missing | doubled | early | own metric"


def lateness_cells(judged: Judged, own: Mapping[float, int]) -> str:
    """Give the cells of a table under LATENESS_HEAD."""
    late = judged.lateness
    first = [it for due, it in judged.starts if due < judged.starts[0][0] + 1.0]
    cells = [
        milliseconds(percentile(late, 0.50)),
        milliseconds(percentile(late, 0.99)),
        milliseconds(max(late, default=math.nan)),
        milliseconds(percentile(first, 0.99)),
        f"{judged.missing:,}",
        f"{judged.doubled:,}",
        f"{judged.early:,}",
        own_words(own),
    ]
    return " | ".join(cells)


def own_words(buckets: Mapping[float, int]) -> str:
    """Say what Duetime's own metric counted, and between which of its bounds p50 and p99 lie."""
    total = buckets.get(math.inf, 0)
    if not total:
        return "nothing"
    shown = []
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        bound = min(bound for bound, count in buckets.items() if count >= share * total)
        shown.append(f"{name} ≤ {bound * 1e3:g} ms")
    return f"{total:,}: {', '.join(shown)}"
