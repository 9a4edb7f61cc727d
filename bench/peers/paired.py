"""`peers`: Duetime and two other schedulers, one after the other, with the same work.

Knows when what is measured of a peer, and the table of all; not how peers are started. Duetime is
measured by `measures.steady`; a peer in the same way: tasks are registered before the clock runs,
the action stamps its own start, processor time is read from six seconds before the first due time.
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from bench.clients import milliseconds, percentile
from bench.judging import Judged, compare
from bench.measures import Lateness
from bench.peers.schedulers import CeleryOnRedis, GraphileWorker, Peer
from bench.systems import read_stamps

PEERS: Final[Sequence[Callable[[], Peer]]] = (CeleryOnRedis, GraphileWorker)
WORKED_OFF_SECONDS_MAX: Final = 300.0  # what has not started so long after the last is missing
_BEFORE_SECONDS: Final = 6.0  # as `measures.steady` reads Duetime's: its lookahead and one more
_AFTER_SECONDS: Final = 3.0
_LEAD_SECONDS: Final = 12.0
_STILL_SECONDS_MAX: Final = 20.0  # no start for so long: nothing more will come
_LOOK_AGAIN_SECONDS: Final = 2.0


class Beside(NamedTuple):
    """What one scheduler did with the work."""

    name: str
    judged: Judged
    cpu_seconds: Mapping[str, float]
    load: float  # of the machine over the last minute: were they measured on the same one?


def beside(name: str, measured: Lateness) -> Beside:
    """Lay what was just measured of Duetime beside the others."""
    return Beside(name, measured.judged, measured.cpu_seconds, os.getloadavg()[0])


def measure(peer: Peer, *, rate: int, seconds: int) -> Beside:
    """Let `rate` tasks a second come due, evenly, for so long, on a peer that runs."""
    count = rate * seconds
    first = math.ceil(time.time() + _LEAD_SECONDS + count / peer.registered_per_second)
    peer.register(first, rate=rate, count=count)
    remaining = first - _BEFORE_SECONDS - time.time()
    if remaining < 0:
        print(f"  {peer.name}: registering took longer than planned, into the measured window")
    time.sleep(max(0.0, remaining))
    before = peer.cpu_seconds()
    dues = {str(number): round(first + number / rate, 6) for number in range(count)}
    last = dues[str(count - 1)]
    time.sleep(max(0.0, last + _AFTER_SECONDS - time.time()))
    stamps = read_stamps(peer.stamps)
    started, since = len(stamps), time.time()
    while len(stamps) < count and time.time() < min(
        last + WORKED_OFF_SECONDS_MAX, since + _STILL_SECONDS_MAX
    ):
        time.sleep(_LOOK_AGAIN_SECONDS)
        stamps = read_stamps(peer.stamps)
        if len(stamps) > started:
            started, since = len(stamps), time.time()
    after = peer.cpu_seconds()
    return Beside(
        name=peer.name,
        judged=compare(dues.keys(), stamps),
        cpu_seconds={kind: used - before.get(kind, 0.0) for kind, used in after.items()},
        load=os.getloadavg()[0],
    )


def settings() -> list[str]:
    """Say what each peer is, in lines of Markdown."""
    return [make().settings() for make in PEERS]


def peers(*, rate: int, seconds: int) -> list[Beside]:
    """Measure one peer after the other, each alone."""
    measured = []
    for make in PEERS:
        with make() as peer:
            measured.append(measure(peer, rate=rate, seconds=seconds))
            print(f"  {peer.name} is measured", flush=True)
    return measured


def rows(rounds: Sequence[Sequence[Beside]], *, what: str, told: Sequence[str]) -> list[str]:
    """Give the table: a row for each scheduler in each round, Duetime first; then what they are."""
    return [
        f"{what}, one scheduler after the other:",
        "",
        (
            "| run: scheduler | p50 | p99 | max | first second p99 | p99 against Duetime's"
            " | missing | doubled | early | load then | CPU-seconds per 1,000 tasks |"
        ),
        "| --- |" + " --- |" * 10,
        *(
            _row(number, one, round_[0])
            for number, round_ in enumerate(rounds, start=1)
            for one in round_
        ),
        "",
        *(f"- {line}" for line in told),
    ]


def _row(number: int, one: Beside, ours: Beside) -> str:
    judged = one.judged
    late = judged.lateness
    first = [it for due, it in judged.starts if due < judged.starts[0][0] + 1.0]
    against = percentile(late, 0.99) / percentile(ours.judged.lateness, 0.99)
    thousands = max(1, len(judged.starts)) / 1_000
    used = {kind: seconds / thousands for kind, seconds in one.cpu_seconds.items()}
    cells = [
        milliseconds(percentile(late, 0.50)),
        milliseconds(percentile(late, 0.99)),
        milliseconds(max(late, default=math.nan)),
        milliseconds(percentile(first, 0.99)),
        "1" if one is ours else f"{against:.1f}",
        f"{judged.missing:,}",
        f"{judged.doubled:,}",
        f"{judged.early:,}",
        f"{one.load:.1f}",
        f"{sum(used.values()):.3f} ("
        + ", ".join(f"{kind} {seconds:.3f}" for kind, seconds in used.items())
        + ")",
    ]
    return f"| {number}: {one.name} | {' | '.join(cells)} |"
