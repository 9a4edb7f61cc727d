"""Tests are claims: their names read as sentences, and none is passed over in silence."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from docs.generate.guarantees import problems
from tests.tidy.repository import ROOT, functions, tests

NAME_WORDS_MIN: Final = 4


def test_the_name_of_every_test_reads_as_a_sentence() -> None:
    terse = [
        f"{module.path}:{function.lineno} {function.name}"
        for module in tests()
        for function in functions(module.tree)
        if function.name.startswith("test_")
        and len(function.name.removeprefix("test_").split("_")) < NAME_WORDS_MIN
    ]

    assert [] == terse


def test_every_implemented_promise_is_proved_by_a_test() -> None:
    assert [] == problems(ROOT)


def test_a_skipped_test_is_named_with_its_reason(tmp_path: Path) -> None:
    code, output = _run_a_skipped_test(tmp_path, forbid="")

    assert pytest.ExitCode.OK == code
    assert "1 skipped: the reason given" in output


def test_a_skipped_test_fails_the_run_where_skips_are_forbidden(tmp_path: Path) -> None:
    code, output = _run_a_skipped_test(tmp_path, forbid="1")

    assert pytest.ExitCode.TESTS_FAILED == code
    assert "1 skipped: the reason given" in output


def _run_a_skipped_test(folder: Path, *, forbid: str) -> tuple[int, str]:
    module = folder / "test_skipped.py"
    module.write_text(
        "import pytest\n\ndef test_it():\n    pytest.skip('the reason given')\n", encoding="utf-8"
    )
    options = ["--rootdir", str(folder), "-c", os.devnull, "-p", "no:cacheprovider"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", *options, str(module)],
        cwd=ROOT,
        env=os.environ | {"FORBID_SKIPS": forbid},
        check=False,
        capture_output=True,
        text=True,
    )
    return run.returncode, run.stdout
