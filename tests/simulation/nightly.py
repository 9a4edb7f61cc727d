"""Many seeds through the night: in several processes, resumable, with the figures written down.

Knows how to split, to keep what was done in a file, and to write `docs/reliability.md`; what a seed
is, is elsewhere.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.simulation import report
from tests.simulation.batch import live_through
from tests.simulation.crew import Crew
from tests.simulation.planted.bugs import BUGS
from tests.simulation.planted.search import search, table_of_bugs
from tests.simulation.tally import Tally

STATE: Final = report.FOLDER / "nightly.json"
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
_BLOCK_SEEDS: Final = 50
_BLOCK_SECONDS_MAX: Final = 3_600.0
_PLANTED_SEEDS: Final = 2_000  # tried for each planted bug
_BEGIN, _END = "<!-- nightly: begin -->", "<!-- nightly: end -->"
_LARGE: Final = 100_000


@dataclass(slots=True)
class Night:
    """What a night has come to so far."""

    seeds: int
    tally: Tally = field(default_factory=Tally)
    done_blocks: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def save(self) -> None:
        """Keep it, so that an interrupted night goes on where it stood."""
        STATE.parent.mkdir(parents=True, exist_ok=True)
        plain = {
            "seeds": self.seeds,
            "sources": _sources(),
            "tally": self.tally.plain(),
            "done_blocks": self.done_blocks,
            "failed": self.failed,
            "seconds": self.seconds,
        }
        STATE.write_text(json.dumps(plain), encoding="utf-8")


def resume(seeds: int) -> Night:
    """Give the night that was interrupted, if it was over the same sources; else a new one."""
    if STATE.exists():
        plain: dict[str, Any] = json.loads(STATE.read_text(encoding="utf-8"))
        if plain["sources"] == _sources():
            return Night(
                seeds=max(seeds, plain["seeds"]),
                tally=Tally.of_plain(plain["tally"]),
                done_blocks=plain["done_blocks"],
                failed=plain["failed"],
                seconds=plain["seconds"],
            )
    return Night(seeds=seeds)


def run_night(seeds: int, processes: int) -> int:
    """Live through seeds 0 to `seeds` - 1, in blocks; 0 where every promise was kept."""
    night = resume(seeds)
    blocks = [block for block in _blocks(seeds) if block not in night.done_blocks]
    print(f"{len(night.done_blocks)} blocks of {_BLOCK_SEEDS} seeds done, {len(blocks)} to go")
    with Crew(processes, seconds_max=_BLOCK_SECONDS_MAX) as crew:
        began = time.perf_counter()
        under_way = [
            crew.submit(live_through, block * _BLOCK_SEEDS, (block + 1) * _BLOCK_SEEDS)
            for block in blocks
        ]
        for done in as_completed(under_way):
            batch = done.result()
            for said in batch.reports:
                print(said, flush=True)
            night.tally.merge(Tally.of_plain(batch.tally))
            night.done_blocks.append(batch.begin // _BLOCK_SEEDS)
            night.failed.extend(batch.failed)
            now = time.perf_counter()
            night.seconds += now - began
            began = now
            night.save()
            print(_progress(night), flush=True)
    print(night.tally.table())
    idle = night.tally.unseen_kinds()
    if idle:
        print(f"these faults never changed anything: {', '.join(idle)}")
    missed = search(BUGS, _PLANTED_SEEDS, processes)
    if missed:
        print(f"these planted bugs were not found: {', '.join(missed)}")
    write_document(night)
    return 1 if night.failed or idle or missed else 0


def write_document(night: Night) -> None:
    """Put the night's figures into docs/reliability.md."""
    text = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = text.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    DOCUMENT.write_text(f"{head}{_BEGIN}\n{_figures(night)}\n{_END}{tail}", encoding="utf-8")


def _figures(night: Night) -> str:
    tally = night.tally
    rate = tally.histories / max(night.seconds, 0.001)
    hours = _LARGE / rate / 3600.0
    failed = ", ".join(map(str, sorted(night.failed))) or "none"
    return "\n".join(
        [
            "",
            f"Run on {datetime.now(UTC):%Y-%m-%d} at commit {_commit()}: {_seeds(night)}.",
            "",
            "| what | figure |",
            "| ---- | -----: |",
            f"| histories | {tally.histories:,} |",
            f"| of them without any fault | {tally.faultless:,} |",
            f"| requests | {tally.requests:,} |",
            f"| occurrences that started | {tally.occurrences:,} |",
            f"| starts, repeats included | {tally.starts:,} |",
            f"| faults injected | {sum(tally.injected.values()):,} |",
            f"| faults that changed the history | {sum(tally.effective.values()):,} |",
            f"| seeds that broke a promise | {failed} |",
            f"| time | {night.seconds / 60.0:,.1f} min |",
            f"| histories a second | {rate:.1f} |",
            f"| what {_LARGE:,} would take | {hours:.1f} h |",
            "",
            tally.table(),
            "",
            "## Planted bugs",
            "",
            table_of_bugs(),
            "",
        ]
    )


def _seeds(night: Night) -> str:
    """Name the seeds that were lived through; blocks end in about the order of their numbers."""
    return (
        f"{night.tally.histories:,} seeds, 0 to {(max(night.done_blocks) + 1) * _BLOCK_SEEDS - 1}"
    )


def _progress(night: Night) -> str:
    rate = night.tally.histories / max(night.seconds, 0.001)
    return (
        f"{night.tally.histories} histories, {len(night.failed)} failed, {rate:.1f} a second; "
        f"{_LARGE:,} would take {_LARGE / rate / 3600.0:.1f} h"
    )


def _blocks(seeds: int) -> Iterator[int]:
    return iter(range(-(-seeds // _BLOCK_SEEDS)))


def _sources() -> str:
    """Name the sources that a night ran over: the commit, and whether anything was changed."""
    return f"{_git('rev-parse', 'HEAD')}|{_git('diff', '--stat', 'HEAD', '--', '*.py')}"


def _commit() -> str:
    return _git("rev-parse", "--short", "HEAD")


def _git(*arguments: str) -> str:
    root = DOCUMENT.parents[1]
    command = ["git", "-c", "safe.directory=*", *arguments]
    ended = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return ended.stdout.strip()
