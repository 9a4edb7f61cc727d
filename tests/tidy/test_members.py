"""The distributions of the workspace stand on their own.

A shared .venv hides an undeclared dependency, until a service is installed alone.
"""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from typing import Final

import pytest

from tests.tidy.repository import (
    Member,
    Module,
    imported_names,
    members,
    python_files,
    sources,
)

# Declared though no source imports them, and why.
USED_WITHOUT_IMPORT: Final = {
    "aws-msk-iam-sasl-signer-python": "imported by name, and only where Amazon's MSK is spoken to",
    "httptools": "uvicorn parses HTTP with it where it is installed",
    "tzdata": "zoneinfo reads it where the system has no zone database",
    "uvloop": "uvicorn and the runner take it as their event loop where it is installed",
}

# The naive twins: real adapters that serve the tests and the simulator.
TWINS: Final = re.compile(r"duetime\.(log|store)\.memory(\..+)?")


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_a_member_declares_what_its_source_imports(member: Member) -> None:
    undeclared = _imported_distributions(member) - _declared(member) - {member.name}

    assert set() == undeclared


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_a_member_imports_what_it_declares(member: Member) -> None:
    unused = _declared(member) - _imported_distributions(member) - set(USED_WITHOUT_IMPORT)

    assert set() == unused


@pytest.mark.parametrize("member", members(), ids=lambda member: member.name)
def test_a_member_is_named_after_its_folder(member: Member) -> None:
    folder = member.folder.rpartition("/")[2]

    assert ("duetime" if folder == "embedded" else f"duetime-{folder}") == member.name


def test_every_module_is_reached_from_an_entry_point() -> None:
    reached = _reached([module for module in python_files() if _is_entry_point(module)])
    dead = [module.path for module in sources() if module.name not in reached]

    assert [] == dead


def _is_entry_point(module: Module) -> bool:
    return (
        module.name.endswith(".__main__")
        or module.path.startswith(("bench/", "docs/"))
        or TWINS.fullmatch(module.name) is not None
    )


def _reached(starts: list[Module]) -> set[str]:
    """Follow imports; reaching a module reaches the packages that hold it."""
    known = {module.name: module for module in sources()}
    reached: set[str] = set()
    waiting = list(starts)
    while waiting:
        module = waiting.pop()
        reached.add(module.name)
        for name in imported_names(module) | {module.name}:
            for step in _self_and_parents(name) & known.keys() - reached:
                reached.add(step)
                waiting.append(known[step])
    return reached


def _self_and_parents(name: str) -> set[str]:
    parts = name.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def _declared(member: Member) -> set[str]:
    """Give the distributions that a member depends on, extras included, by normal name."""
    project = member.project["project"]
    extras = project.get("optional-dependencies", {}).values()
    wanted = [*project.get("dependencies", []), *(line for extra in extras for line in extra)]
    return {_normal(re.split(r"[\s\[<>=!~;@]", line, maxsplit=1)[0]) for line in wanted}


def _imported_distributions(member: Member) -> set[str]:
    owners = {module.name: owner.name for owner in members() for module in owner.modules}
    providers = packages_distributions()
    found: set[str] = set()
    for name in {name for module in member.modules for name in _statements(module)}:
        top = name.partition(".")[0]
        if top == "duetime":
            found.update({owners[step] for step in _self_and_parents(name) & owners.keys()})
        elif top not in sys.stdlib_module_names:
            found.update(_normal(provider) for provider in providers.get(top, [top])[:1])
    return found


def _statements(module: Module) -> set[str]:
    """Give the names in import statements alone: a name in a string is no dependency."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=aliases):
                names.update(alias.name for alias in aliases)
            case ast.ImportFrom(module=str(base), names=aliases):
                names.update({base}, (f"{base}.{alias.name}" for alias in aliases))
            case _:
                pass
    return names


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
