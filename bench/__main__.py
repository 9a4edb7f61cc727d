"""`make bench ARGS="steady --on distributed"`: measure; the figures go to docs/performance.md.

`steady`     --rate tasks a second come due for --seconds: how late they start, and what it costs
`burst`      --count tasks come due at one instant
`register`   tasks are registered one by one and in batches, to the acknowledgement
`visible`    --rate tasks a second come due, then are registered too: how soon a write is seen
`backlog`    --count tasks came due while nothing could start them: how they are worked off
`pending`    --count tasks wait for next year: memory, and the lateness of 500/s beside them
`restart`    the embedded system holds --count tasks and is killed: its way back, index or none
`failover`   a timer and an executor are killed under a steady load; embedded: all of it
`peers`      as `steady`, on Duetime and on two other schedulers, one after the other in one run

`--on embedded` measures `duetime run`, `--on distributed` (the default of `peers`) `make stack`.
`--runs` says how often (three times, `peers` once). `--quick` takes small numbers and keeps
nothing; nor does `--forget`.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from bench import measures, telling
from bench.peers import paired, parts
from bench.peers.parts import PartsError
from bench.restarts import restart as measured_restart
from bench.restarts import restart_rows
from bench.systems import Distributed, Embedded
from bench.visibility import visible as measured_visible
from bench.visibility import visible_rows

_QUICK_SECONDS = 5
_QUICK_COUNT = 2_000
_CALLERS = (
    256  # at once: a lone broker syncs each append, and one after the other it takes its time
)


def main() -> None:
    """Measure what the command line names."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("bench", description=__doc__, formatter_class=formatter)
    parser.add_argument("name", choices=BENCHES)
    parser.add_argument("--on", choices=("distributed", "embedded"))
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--apis", type=int, default=None, help="of the distributed system (two)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--forget", action="store_true", help="print the figures, keep none")
    arguments = parser.parse_args()
    beside = arguments.name == "peers"
    arguments.on = arguments.on or ("distributed" if beside else "embedded")
    arguments.runs = arguments.runs or (1 if beside else 3)
    if arguments.quick:
        arguments.runs, arguments.seconds = 1, _QUICK_SECONDS
        arguments.count = min(arguments.count, _QUICK_COUNT)
    signal.signal(signal.SIGTERM, _end)
    try:
        rows, measured = BENCHES[arguments.name](arguments)
    except PartsError as refused:
        sys.exit(str(refused))
    print(telling.machine())
    print("\n".join(rows))
    sys.stdout.flush()
    if not (arguments.quick or arguments.forget):
        name = arguments.name
        if name in {"steady", "visible", "peers"}:
            name = f"{name}-{arguments.rate}"
        telling.keep(name, arguments.on, rows, measured)


def _end(*_: object) -> None:
    """End what was started too, and let nobody who asks again cut that short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit("ended before it was done")


_Told = tuple[Sequence[str], Sequence[object]]


def _system(
    arguments: argparse.Namespace, apis: int | None = None, *, killed: bool = False
) -> Distributed | Embedded:
    if arguments.on == "embedded":
        return Embedded(killed=killed)
    count = arguments.apis or apis
    return Distributed({} if count is None else {"api": count}, killed=killed)


def steady(arguments: argparse.Namespace) -> _Told:
    """Measure a steady rate, on one system that goes on between the runs."""
    with _system(arguments) as system:
        measured = []
        for _ in range(arguments.runs):
            one = measures.steady(system, rate=arguments.rate, seconds=arguments.seconds)
            measured.append(one)
    return telling.lateness_rows(measured), measured


def burst(arguments: argparse.Namespace) -> _Told:
    """Measure many tasks at one instant."""
    with _system(arguments) as system:
        measured = [measures.burst(system, count=arguments.count) for _ in range(arguments.runs)]
    return telling.lateness_rows(measured), measured


def register(arguments: argparse.Namespace) -> _Told:
    """Measure registration: single ones with one api process, batches with all."""
    size = min(10_000, arguments.count)
    singles = arguments.count // 10
    measured = []
    with _system(arguments, apis=1) as system:
        for respond_async in (True, False):
            measured += [
                measures.register_single(
                    system, count=singles, connections=_CALLERS, respond_async=respond_async
                )
                for _ in range(arguments.runs)
            ]
    for _ in range(arguments.runs):
        with _system(arguments) as system:
            one = measures.register_batch(system, count=arguments.count, size=size, connections=4)
            measured.append(one)
    return telling.registered_rows(measured), measured


def visible(arguments: argparse.Namespace) -> _Told:
    """Measure how soon a write is seen, on one system that goes on between the runs."""
    with _system(arguments) as system:
        measured = [
            measured_visible(
                system, rate=arguments.rate, seconds=arguments.seconds, registered=registered
            )
            for registered in (True, False)
            for _ in range(arguments.runs)
        ]
    return visible_rows(measured), measured


def backlog(arguments: argparse.Namespace) -> _Told:
    """Measure how what came due meanwhile is worked off."""
    with _system(arguments) as system:
        measured = [measures.backlog(system, count=arguments.count) for _ in range(arguments.runs)]
    return telling.backlog_rows(measured), measured


def pending(arguments: argparse.Namespace) -> _Told:
    """Measure a system that holds many tasks; once, since it takes minutes."""
    with _system(arguments) as system:
        measured = [measures.pending(system, count=arguments.count)]
    return telling.pending_rows(measured), [one.lateness for one in measured]


def restart(arguments: argparse.Namespace) -> _Told:
    """Measure restarts of the embedded system; once, since registering takes a while."""
    with Embedded() as system:
        measured = measured_restart(system, count=arguments.count)
    return restart_rows(measured), measured


def failover(arguments: argparse.Namespace) -> _Told:
    """Measure deaths under load, each time on a fresh system."""
    measured = []
    for _ in range(arguments.runs):
        with _system(arguments, killed=True) as system:
            one = measures.failover(system, rate=arguments.rate, seconds=arguments.seconds)
            measured.append(one)
    return telling.lateness_rows(measured), measured


def peers(arguments: argparse.Namespace) -> _Told:
    """Measure Duetime and two others, `--runs` times in this order, each alone on the machine."""
    parts.install()
    rounds = []
    for _ in range(arguments.runs):
        with _system(arguments) as system:
            one = measures.steady(system, rate=arguments.rate, seconds=arguments.seconds)
        ours = paired.beside(f"Duetime, {arguments.on}", one)
        rounds.append([ours, *paired.peers(rate=arguments.rate, seconds=arguments.seconds)])
    what = f"{arguments.rate:,} tasks due per second for {arguments.seconds} s"
    return paired.rows(rounds, what=what, told=paired.settings()), []


BENCHES: dict[str, Callable[[argparse.Namespace], _Told]] = {
    "steady": steady,
    "burst": burst,
    "register": register,
    "visible": visible,
    "backlog": backlog,
    "pending": pending,
    "restart": restart,
    "failover": failover,
    "peers": peers,
}


if __name__ == "__main__":
    main()
