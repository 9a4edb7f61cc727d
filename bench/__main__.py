"""`make bench`: measure the embedded system and keep the figures in docs/performance.md.

`python -m bench` runs all; `python -m bench steady` one of steady, register, pending. `--quick`
takes smaller numbers and writes no document.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bench import embedded
from bench.clients import milliseconds

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN = "<!-- embedded figures: written by make bench -->"
END = "<!-- end of embedded figures -->"


class Size(NamedTuple):
    """How much is measured."""

    steady_seconds: int
    posts: int
    pending: int
    runs: int


FULL = Size(steady_seconds=20, posts=5_000, pending=100_000, runs=3)
QUICK = Size(steady_seconds=5, posts=1_000, pending=5_000, runs=1)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHES))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    for unknown in set(arguments.names) - set(BENCHES):
        parser.error(f"no benchmark is called {unknown}; there are {', '.join(BENCHES)}")
    size = QUICK if arguments.quick else FULL
    lines = [f"{datetime.now(UTC):%Y-%m-%d}, {machine()}."]
    for name in arguments.names or BENCHES:
        print(f"{name} …", flush=True)
        rows = BENCHES[name](size)
        print("\n".join(rows), flush=True)
        lines += ["", f"### {name}", "", *rows]
    if not arguments.quick and not arguments.names:
        keep(lines)


def steady(size: Size) -> Sequence[str]:
    """Measure 500 tasks due per second."""
    rows = [
        "| run | p50 | p99 | max | missing | doubled | early | CPU-s per 1,000 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for number in range(size.runs):
        with tempfile.TemporaryDirectory() as folder:
            got = embedded.steady(Path(folder), rate=500, seconds=size.steady_seconds)
        rows.append(
            f"| {number + 1}: 500/s for {got.seconds} s | {milliseconds(got.p50_seconds)}"
            f" | {milliseconds(got.p99_seconds)} | {milliseconds(got.seconds_max)}"
            f" | {got.missing} | {got.doubled} | {got.early}"
            f" | {got.cpu_seconds_per_thousand:.2f} |"
        )
    return rows


def register(size: Size) -> Sequence[str]:
    """Measure one-by-one POSTs."""
    rows = ["| connections | POST/s | p50 | p99 |", "| --- | --- | --- | --- |"]
    for connections in (1, 16, 64):
        with tempfile.TemporaryDirectory() as folder:
            got = embedded.register(Path(folder), count=size.posts, connections=connections)
        rows.append(
            f"| {connections} | {got.per_second:.0f} | {milliseconds(got.p50_seconds)}"
            f" | {milliseconds(got.p99_seconds)} |"
        )
    return rows


def pending(size: Size) -> Sequence[str]:
    """Measure a system with many tasks waiting, and its restart after a kill."""
    with tempfile.TemporaryDirectory() as folder:
        got = embedded.pending(Path(folder), count=size.pending)
    row = (
        f"| {got.tasks:,} | {got.rss_bytes / 1e6:.0f} MB | {got.restart_seconds:.1f} s"
        f" | {got.first_run_seconds:.1f} s |"
    )
    return [
        "| pending | memory (RSS) | `kill -9` to ready | to the first due run |",
        "| --- | --- | --- | --- |",
        row,
    ]


BENCHES: dict[str, Callable[[Size], Sequence[str]]] = {
    "steady": steady,
    "register": register,
    "pending": pending,
}


def machine() -> str:
    """Say on what it was measured, in words that name no machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores (shared, noisy), {memory:.0f} GB, {platform.system()},"
        f" Python {platform.python_version()}"
    )


def keep(lines: Sequence[str]) -> None:
    """Put the figures between their marks in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    body = "\n".join(lines)
    DOCUMENT.write_text(f"{head}{BEGIN}\n\n{body}\n\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
