"""Plant a bug in a copy of the sources, and see which seed finds it.

Knows how to make the copy come first on the path of another process; the tree is never touched.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.simulation.planted.bugs import Bug

ROOT: Final = Path(__file__).parents[3]
CAUGHT: Final = Path(__file__).parent / "caught.json"


class MovedError(Exception):
    """The sources have moved on: the bug no longer fits where it was planted."""


@contextlib.contextmanager
def planted(bug: Bug) -> Iterator[Path]:
    """Give a source folder with the bug in it. Raises MovedError."""
    folder, _, inside = bug.path.partition("/src/")
    with tempfile.TemporaryDirectory(prefix="duetime-planted-") as place:
        copy = Path(place) / "src"
        shutil.copytree(ROOT / folder / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / inside
        text = file.read_text(encoding="utf-8")
        if text.count(bug.before) != 1:
            raise MovedError(f"{bug.name}: what it changes is not in {bug.path} exactly once")
        file.write_text(text.replace(bug.before, bug.after), encoding="utf-8")
        yield copy


def first_catch(bug: Bug, begin: int, seeds: int) -> tuple[int, str] | None:
    """Live through seeds with the bug until one breaks a promise; give it and what it broke."""
    with planted(bug) as copy:
        path = [str(copy), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "tests.simulation"),
                *("--seeds", f"{begin}..{begin + seeds}", "--until-broken"),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            check=False,
            capture_output=True,
            text=True,
        )
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1]) if ended.stdout else {}
    if "seed" not in told:
        code, said = ended.returncode, ended.stderr[-2000:]
        raise RuntimeError(f"{bug.name}: the simulator ended ({code}) without a word\n{said}")
    return None if told["seed"] is None else (told["seed"], told["broken"])


def caught() -> dict[str, dict[str, Any]]:
    """Give the table: for each bug the first seed that found it, and what it broke."""
    table: dict[str, dict[str, Any]] = json.loads(CAUGHT.read_text(encoding="utf-8"))
    return table


def record(table: dict[str, dict[str, Any]]) -> None:
    """Write the table."""
    CAUGHT.write_text(json.dumps(table, indent=2, sort_keys=True) + "\n", encoding="utf-8")
