"""`visible`: how soon is a write seen, while tasks come due, or are registered and come due.

Knows what a waiting POST says: it is answered once a read shows the task, or with the word that
none does yet. In the harder case the read model has two events of each task to take in at the same
time, its registration and its run.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bench.clients import (
    Acknowledged,
    Answered,
    acknowledged_in,
    batch_of,
    body_of,
    milliseconds,
    percentile,
    post_all,
    register,
)
from bench.judging import LATENESS_HEAD, Judged, judge, lateness_cells
from bench.measures import REGISTERED_PER_SECOND, projected, wait_until
from bench.systems import System, cpu_seconds, read_stamps
from bench.telling import cost_rows

_BATCHES_PER_SECOND: Final = 20
_WRITES_PER_SECOND: Final = 25
_DUE_AFTER: Final = timedelta(seconds=8)  # of its registration


class Visible(NamedTuple):
    """How long single writes took to be seen, beside what else was going on."""

    what: str
    writes: Sequence[Answered]
    judged: Judged
    cpu_seconds: Mapping[str, float]  # by kind of process, from the first POST to the last run
    projected_seconds: float  # after the last due time, until every sampled run can be read


def visible(system: System, *, rate: int, seconds: int, registered: bool) -> Visible:
    """Write single tasks while `rate` others a second come due, for so long.

    `registered`: the others were registered before; else they are at the same rate meanwhile.
    """
    return asyncio.run(_visible(system, rate=rate, seconds=seconds, registered=registered))


async def _visible(system: System, *, rate: int, seconds: int, registered: bool) -> Visible:
    count = rate * seconds
    ahead = _DUE_AFTER
    if registered:
        ahead += timedelta(seconds=count / REGISTERED_PER_SECOND[system.name])
    first = datetime.now(UTC) + timedelta(seconds=1) + ahead
    times = [first + timedelta(seconds=number / rate) for number in range(count)]
    far = first + timedelta(days=365)
    writes = [body_of(far + timedelta(seconds=it)) for it in range(_WRITES_PER_SECOND * seconds)]
    if registered:
        acknowledged = await asyncio.to_thread(register, system.port, times, action="stamp")
        await asyncio.to_thread(wait_until, first)
        cpu = cpu_seconds(system)
        singles = await _write_singly(system, writes)
    else:
        await asyncio.to_thread(wait_until, first - ahead)
        cpu = cpu_seconds(system)
        singles, acknowledged = await asyncio.gather(
            _write_singly(system, writes), _register_steadily(system, times, rate)
        )
    lag = await projected(system, acknowledged, times[-1])
    await asyncio.sleep(max(0.0, times[-1].timestamp() + 3 - time.time()))
    return Visible(
        what=f"{rate:,}/s {'' if registered else 'registered and '}due for {seconds} s",
        writes=singles,
        judged=judge(acknowledged, read_stamps(system.stamps)),
        cpu_seconds={kind: it - cpu.get(kind, 0.0) for kind, it in cpu_seconds(system).items()},
        projected_seconds=lag,
    )


async def _write_singly(system: System, writes: Sequence[bytes]) -> list[Answered]:
    return await post_all(system.port, writes, connections=16, every_seconds=1 / _WRITES_PER_SECOND)


async def _register_steadily(
    system: System, times: Sequence[datetime], rate: int
) -> list[Acknowledged]:
    size = rate // _BATCHES_PER_SECOND
    cuts = [times[start : start + size] for start in range(0, len(times), size)]
    answers = await post_all(
        system.port,
        [batch_of([body_of(at, action="stamp") for at in cut]) for cut in cuts],
        connections=32,  # each waits for a second at most
        path="/tasks/batch",
        every_seconds=1 / _BATCHES_PER_SECOND,
    )
    return acknowledged_in(answers, cuts)


def visible_rows(measured: Sequence[Visible]) -> list[str]:
    """Give a table of how soon writes were seen, and one of the runs beside them."""
    return [
        (
            "| run | single writes | seen p50 | p99 | max"
            " | not seen when answered | projected after |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {number}: {one.what} | {len(one.writes):,}"
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
        "",
        *cost_rows([(one.cpu_seconds, len(one.judged.starts)) for one in measured]),
    ]


def _good(answer: Answered) -> bool:
    return answer.status == 201 and answer.visible


def _seen(one: Visible, share: float) -> str:
    return milliseconds(percentile([it.seconds for it in one.writes if _good(it)], share))
