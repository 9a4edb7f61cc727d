"""The shape of the sources: small modules that say why they exist, under names that mean something.

Sizes are caps, not targets; the reasons are in CONTRIBUTING.md.
"""

import ast
import importlib
import re
from typing import Final

from tests.tidy.repository import Module, functions, python_files, sources

MODULE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 60
DOCSTRING_WORDS_MIN: Final = 5

# Buckets gather what belongs elsewhere; the others are words that we do not use for a concept.
BANNED_NAMES: Final = re.compile(
    r"_*(common|data|helpers?|info|items?|jobs?|managers?|misc|models|utils?|utilities)"
)


def test_every_module_is_short_enough_to_read_at_once() -> None:
    lengths = {module.path: len(module.text.splitlines()) for module in python_files()}
    long = {path: lines for path, lines in lengths.items() if lines > MODULE_LINES_MAX}

    assert {} == long


def test_every_function_fits_on_a_screen() -> None:
    long = {
        f"{module.path}:{function.lineno} {function.name}": lines
        for module in python_files()
        for function in functions(module.tree)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
    }

    assert {} == long


def test_every_source_module_says_why_it_exists() -> None:
    silent = [module.path for module in sources() if not _says_something(module)]

    assert [] == silent


def test_no_module_is_a_bucket() -> None:
    buckets = [
        module.path
        for module in python_files()
        if BANNED_NAMES.fullmatch(module.name.rpartition(".")[2])
    ]

    assert [] == buckets


def test_the_namespace_root_has_no_init() -> None:
    # A single one would hide the portions of all other distributions.
    inits = [module.path for module in sources() if module.name == "duetime"]

    assert [] == inits


def test_every_bound_in_limits_carries_its_reason() -> None:
    [limits] = [module for module in sources() if module.name == "duetime.limits"]
    lines = limits.text.splitlines()
    bare = [
        ast.unparse(node)
        for node in limits.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and not _commented(lines, node)
    ]

    assert [] == bare


def test_every_bound_in_limits_bounds_something() -> None:
    # What only a test reads is a number that nothing keeps to.
    [limits] = [module for module in sources() if module.name == "duetime.limits"]
    others = [*sources(), *(it for it in python_files() if it.path.startswith("deploy/"))]
    nodes = [node for module in others for node in ast.walk(module.tree)]
    loaded = [node for node in nodes if isinstance(node, ast.Name | ast.Attribute)]
    read = {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in loaded
        if isinstance(node.ctx, ast.Load)
    }
    bounds = [
        node.target.id
        for node in limits.tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]

    assert [] == [bound for bound in bounds if bound not in read]


def test_what_a_module_lists_as_public_is_there_once() -> None:
    wrong = {
        module.path: surplus
        for module in sources()
        if "\n__all__" in module.text and (surplus := _absent_or_repeated(module))
    }

    assert {} == wrong


def _absent_or_repeated(module: Module) -> list[str]:
    imported = importlib.import_module(module.name)
    listed = list(imported.__all__)
    return [name for name in listed if not hasattr(imported, name) or listed.count(name) > 1]


def _says_something(module: Module) -> bool:
    docstring = ast.get_docstring(module.tree) or ""
    first = docstring.partition("\n\n")[0]
    return len(first.split()) >= DOCSTRING_WORDS_MIN and first.endswith((".", "?", "!", ":"))


def _commented(lines: list[str], node: ast.stmt) -> bool:
    """Whether a comment stands beside the statement, or on a line of its own right above it."""
    beside = any("  # " in line for line in lines[node.lineno - 1 : node.end_lineno])
    above = lines[node.lineno - 2].startswith("# ") and not lines[node.lineno - 2].startswith("# -")
    return beside or above
