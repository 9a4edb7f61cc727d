"""`visible`: tasks are registered and come due all the while; how soon is a write seen.

Knows what a waiting POST says: it is answered once a read shows the task, or with the word that
none does yet. The read model has two events of each task to take in at the same time, its
registration and its run.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bench.clients import (
    Acknowledged,
    Answered,
    batch_of,
    body_of,
    milliseconds,
    percentile,
    post_all,
)
from bench.judging import LATENESS_HEAD, Judged, judge, lateness_cells
from bench.measures import projected, wait_until
from bench.systems import System, read_stamps

_BATCHES_PER_SECOND: Final = 20
_WRITES_PER_SECOND: Final = 25
_DUE_AFTER: Final = timedelta(seconds=8)  # of its registration


class Visible(NamedTuple):
    """How long single writes took to be seen, beside what else was going on."""

    what: str
    writes: Sequence[Answered]
    registered_per_second: float
    judged: Judged
    projected_seconds: float  # after the last due time, until every sampled run can be read


def visible(system: System, *, rate: int, seconds: int) -> Visible:
    """Register `rate` tasks a second for so long, each due soon, and single ones between them."""
    return asyncio.run(_visible(system, rate=rate, seconds=seconds))


async def _visible(system: System, *, rate: int, seconds: int) -> Visible:
    size = rate // _BATCHES_PER_SECOND
    first = datetime.now(UTC) + timedelta(seconds=1) + _DUE_AFTER
    times = [first + timedelta(seconds=number / rate) for number in range(rate * seconds)]
    cuts = [times[start : start + size] for start in range(0, len(times), size)]
    bodies = [batch_of([body_of(at, action="stamp") for at in cut]) for cut in cuts]
    far = first + timedelta(days=365)
    writes = [body_of(far + timedelta(seconds=it)) for it in range(_WRITES_PER_SECOND * seconds)]
    wait_until(first - _DUE_AFTER)
    batches, singles = await asyncio.gather(
        post_all(
            system.port,
            bodies,
            connections=8,
            path="/tasks/batch",
            every_seconds=1 / _BATCHES_PER_SECOND,
        ),
        post_all(system.port, writes, connections=16, every_seconds=1 / _WRITES_PER_SECOND),
    )
    acknowledged = [
        Acknowledged(one["id"], at)
        for cut, answer in zip(cuts, batches, strict=True)
        if answer.status in {200, 201}
        for one, at in zip(answer.body, cut, strict=True)
        if one["status"] == 201
    ]
    took = max(it.ended for it in batches) - min(it.began for it in batches)
    lag = await projected(system, acknowledged, times[-1])
    await asyncio.sleep(max(0.0, times[-1].timestamp() + 3 - time.time()))
    return Visible(
        what=f"{rate:,}/s for {seconds} s",
        writes=singles,
        registered_per_second=len(acknowledged) / took,
        judged=judge(acknowledged, read_stamps(system.stamps)),
        projected_seconds=lag,
    )


def visible_rows(measured: Sequence[Visible]) -> list[str]:
    """Give a table of how soon writes were seen, and one of the runs beside them."""
    return [
        (
            "| run | registered and due | single writes | seen p50 | p99 | max"
            " | not seen when answered | projected after |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {number}: {one.what} | {one.registered_per_second:,.0f}/s | {len(one.writes):,}"
            f" | {_seen(one, 0.50)} | {_seen(one, 0.99)} | {_seen(one, 1.0)}"
            f" | {sum(not _good(it) for it in one.writes):,} | {one.projected_seconds:.1f} s |"
            for number, one in enumerate(measured, start=1)
        ),
        "",
        f"| run | {LATENESS_HEAD} |",
        "| --- |" + " --- |" * (1 + LATENESS_HEAD.count("|")),
        *(
            f"| {number} | {lateness_cells(one.judged, {})} |"
            for number, one in enumerate(measured, start=1)
        ),
    ]


def _good(answer: Answered) -> bool:
    return answer.status == 201 and answer.visible


def _seen(one: Visible, share: float) -> str:
    return milliseconds(percentile([it.seconds for it in one.writes if _good(it)], share))
