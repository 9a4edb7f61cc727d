"""Figures as tables, and their place in docs/performance.md.

Knows the document's marks and how rows look; measures nothing.
"""

import math
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.clients import milliseconds
from bench.drawing import picture
from bench.judging import LATENESS_HEAD, lateness_cells
from bench.measures import Backlog, Lateness, Pending, Registered

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = ROOT / "docs" / "performance.md"
IMAGES: Final = ROOT / "docs" / "images"


def lateness_rows(measured: Sequence[Lateness]) -> list[str]:
    """Give a table of lateness, a row for each run, and one of what it cost."""
    return [
        f"| run | {LATENESS_HEAD} | projected after |",
        "| --- |" + " --- |" * (2 + LATENESS_HEAD.count("|")),
        *(
            f"| {number}: {one.what} | {lateness_cells(one.judged, one.own)}"
            f" | {one.projected_seconds:.1f} s |"
            for number, one in enumerate(measured, start=1)
        ),
        "",
        (
            f"Median of p50 {_median([_share(one, 0.50) for one in measured])},"
            f" of p99 {_median([_share(one, 0.99) for one in measured])}; all started"
            f" {_seconds([one.judged.span_seconds for one in measured])} after the first"
            " due time (median)."
        ),
        "",
        *cost_rows([(one.cpu_seconds, len(one.judged.starts)) for one in measured]),
    ]


def cost_rows(measured: Sequence[tuple[Mapping[str, float], int]]) -> list[str]:
    """Give a table of processor time by kind of process, and of how many tasks, for each run."""
    kinds = list(dict.fromkeys(kind for used, _ in measured for kind in used))
    return [
        "| CPU-seconds per 1,000 tasks | " + " | ".join(kinds) + " | all |",
        "| --- |" + " --- |" * (len(kinds) + 1),
        *(
            f"| {number} | {' | '.join(_cells(used, kinds, count))} |"
            for number, (used, count) in enumerate(measured, start=1)
        ),
    ]


def _cells(used: Mapping[str, float], kinds: Sequence[str], count: int) -> list[str]:
    thousands = max(1, count) / 1_000
    each = [used.get(kind, 0.0) for kind in kinds]
    return [f"{seconds / thousands:.3f}" for seconds in (*each, sum(used.values()))]


def registered_rows(measured: Sequence[Registered]) -> list[str]:
    """Give a table of registrations."""
    return [
        "| how | tasks/s | visible at | p50 | p99 | answers | largest process |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {one.what} | {one.per_second:,.0f} | {_rate(one.visible_per_second)}"
            f" | {milliseconds(one.p50_seconds)} | {milliseconds(one.p99_seconds)}"
            f" | {_counts(one.statuses)} | {_largest(one.rss_bytes)} |"
            for one in measured
        ),
    ]


def backlog_rows(measured: Sequence[Backlog]) -> list[str]:
    """Give a table of backlogs."""
    return [
        (
            "| overdue | first start, processes included | all started | runs/s"
            " | out of due order by at most | missing | doubled |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {one.judged.promised:,} | {one.first_seconds:.1f} s | {one.last_seconds:.1f} s"
            f" | {len(one.judged.starts) / max(0.001, one.last_seconds):,.0f}"
            f" | {one.judged.inversion_seconds_max:.2f} s"
            f" | {one.judged.missing:,} | {one.judged.doubled:,} |"
            for one in measured
        ),
    ]


def pending_rows(measured: Sequence[Pending]) -> list[str]:
    """Give a table of memory, and one of lateness under it."""
    names = [name for name in measured[0].rss_bytes if not name.startswith("nginx")]
    return [
        f"| pending | {' | '.join(names)} |",
        "| --- |" + " --- |" * len(names),
        *(
            f"| {one.what} | "
            + " | ".join(f"{one.rss_bytes.get(name, 0) / 1e6:.0f} MB" for name in names)
            + " |"
            for one in measured
        ),
        "",
        *lateness_rows([one.lateness for one in measured]),
    ]


def keep(name: str, system: str, rows: Sequence[str], measured: Sequence[object]) -> None:
    """Put figures between their marks in the document, and their picture beside it."""
    begin, end = marks(name, system)
    lines = [f"{machine()}", "", *rows]
    drawn = [one for one in measured if isinstance(one, Lateness) and one.judged.starts]
    if drawn:
        middle = sorted(drawn, key=lambda one: _share(one, 0.99))[len(drawn) // 2]
        IMAGES.mkdir(exist_ok=True)
        file = IMAGES / f"{name}-{system}.svg"
        title = f"{name}, {system}: {middle.what}"
        file.write_text(picture(title, middle.judged.starts), encoding="utf-8")
        lines += ["", f"![{title}](images/{file.name})"]
    text = DOCUMENT.read_text(encoding="utf-8")
    if begin not in text:
        text += f"\n### {name}, {system}\n\n{begin}\n{end}\n"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    body = "\n".join(lines)
    DOCUMENT.write_text(f"{head}{begin}\n\n{body}\n\n{end}{tail}", encoding="utf-8")


def marks(name: str, system: str) -> tuple[str, str]:
    """Give the two lines between which the figures of a benchmark stand."""
    return f"<!-- figures: {name} {system} -->", f"<!-- end of {name} {system} -->"


def machine() -> str:
    """Say when and on what it was measured, in words that name no machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = os.getloadavg()
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {memory:.0f} GB,"
        f" {platform.system()}, Python {platform.python_version()}; load over the last minute"
        f" {load[0]:.1f}, over fifteen {load[2]:.1f}, the load generator's own included."
    )


def _share(one: Lateness, share: float) -> float:
    late = sorted(one.judged.lateness)
    return late[min(len(late) - 1, int(share * len(late)))] if late else math.nan


def _median(values: Sequence[float]) -> str:
    return milliseconds(statistics.median(values))


def _seconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} s"


def _rate(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:,.0f}/s"


def _counts(statuses: Mapping[int, int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))


def _largest(rss: Mapping[str, int]) -> str:
    ours = {name: size for name, size in rss.items() if not name.startswith(("kafka", "mongod"))}
    name, size = max(ours.items(), key=lambda it: it[1])
    return f"{name} {size / 1e6:.0f} MB"
