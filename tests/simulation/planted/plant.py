"""Plant a bug while its module is imported, and see which seed finds it.

Knows how a module's text is replaced on its way in, in a process of its own: no file is touched.
Imports nothing of the system before a bug is planted, for what was imported stays as it is.
"""

import json
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from tests.simulation.planted.bugs import BUGS, Bug

ROOT: Final = Path(__file__).parents[3]
CAUGHT: Final = Path(__file__).parent / "caught.json"


class MovedError(Exception):
    """The sources have moved on: the bug no longer fits where it was planted."""


def text_with(bug: Bug) -> str:
    """Give the text of the bug's module with the bug in it. Raises MovedError."""
    text = (ROOT / bug.path).read_text(encoding="utf-8")
    if text.count(bug.before) != 1:
        raise MovedError(f"{bug.name}: what it changes is not in {bug.path} exactly once")
    return text.replace(bug.before, bug.after)


def first_catch(name: str, begin: int, seeds: int) -> tuple[int, str] | None:
    """Live through seeds with the bug until one breaks a promise; give it and what it broke.

    To be called in a fresh process. Raises MovedError, and whatever ends the simulator itself: that
    a history could not be lived through proves nothing about the promises.
    """
    (bug,) = (each for each in BUGS if each.name == name)
    sys.meta_path.insert(0, _Planter(bug))
    from tests.simulation.run import run_seed  # noqa: PLC0415 - not before the bug is planted

    assert _module_of(bug) in sys.modules, "it was imported, with the bug in it"
    for seed in range(begin, begin + seeds):
        broken = run_seed(seed, only=bug.only, story=bug.story).violations
        if broken:
            return seed, broken[0]
    return None


def caught() -> dict[str, dict[str, Any]]:
    """Give the table: for each bug the first seed that found it, and what it broke."""
    table: dict[str, dict[str, Any]] = json.loads(CAUGHT.read_text(encoding="utf-8"))
    return table


def record(table: dict[str, dict[str, Any]]) -> None:
    """Write the table."""
    CAUGHT.write_text(json.dumps(table, indent=2, sort_keys=True) + "\n", encoding="utf-8")


class _Planter(MetaPathFinder):
    """Finds the bug's module before anyone else does."""

    def __init__(self, bug: Bug) -> None:
        self._name = _module_of(bug)
        assert self._name not in sys.modules, "imported before the bug could be planted"
        self._loader = _Loader(self._name, str(ROOT / bug.path), text_with(bug))

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return spec_from_loader(fullname, self._loader, is_package=False)


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        # Neither read from a cache nor written to one.
        return compile(self._text, self.path, "exec", dont_inherit=True)


def _module_of(bug: Bug) -> str:
    """Name the module: what follows `src/`, with dots."""
    inside = bug.path.partition("/src/")[2]
    return inside.removesuffix(".py").replace("/", ".")
