"""What the tidy tests look at: the files of the repository and the members of its workspace.

Knows where things lie; judges nothing.
"""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A Python file: its place in the repository and, in a source tree, its import name."""

    path: str
    name: str

    @property
    def is_package(self) -> bool:
        """Whether it is the `__init__` of a package."""
        return self.path.endswith("/__init__.py")

    @property
    def text(self) -> str:
        """The source."""
        return _text(self.path)

    @property
    def tree(self) -> ast.Module:
        """The syntax tree of the source."""
        return _tree(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A distribution of the workspace: its folder and its pyproject.toml."""

    folder: str
    project: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the distribution."""
        return str(self.project["project"]["name"])

    @property
    def modules(self) -> list[Module]:
        """What lies in its source tree."""
        return [module for module in sources() if module.path.startswith(f"{self.folder}/")]


@cache
def files() -> tuple[str, ...]:
    """List every file that is tracked or about to be, relative to the root, sorted."""
    # `safe.directory`: a gate may run as another user than the one who cloned.
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(sorted({name for name in listed.split("\0") if (ROOT / name).is_file()}))


def python_files() -> list[Module]:
    """List every Python file; outside the source trees the name follows the folders."""
    return [Module(path=path, name=_name(path)) for path in files() if path.endswith(".py")]


def sources() -> list[Module]:
    """List the modules of the source trees: what users install."""
    return [module for module in python_files() if "/src/" in module.path]


def tests() -> list[Module]:
    """List the Python files under tests/."""
    return [module for module in python_files() if module.path.startswith("tests/")]


@cache
def members() -> tuple[Member, ...]:
    """List the distributions of the workspace."""
    return tuple(
        Member(folder=path.removesuffix("/pyproject.toml"), project=_toml(path))
        for path in files()
        if path.endswith("/pyproject.toml")
    )


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a module, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported_names(module: Module) -> set[str]:
    """Give every dotted name that a module may import, submodules among them.

    `from a.b import c` gives `a.b` and `a.b.c`: whether c is a module is for the reader to judge.
    A name in a string counts too, since `uvicorn` and `importlib` take modules by name.
    """
    names: set[str] = set()
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=aliases):
                names.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=str(base), names=aliases):
                names.update({base}, (f"{base}.{alias.name}" for alias in aliases))
            case ast.Constant(value=str(text)) if text.startswith("duetime."):
                names.add(text.partition(":")[0])
            case _:
                pass
    return names


@cache
def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse(_text(path), filename=path)


def _name(path: str) -> str:
    tail = path.partition("/src/")[2] or path
    return tail.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _toml(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))
