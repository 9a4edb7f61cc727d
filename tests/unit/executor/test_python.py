"""Python functions by name, and that none of them can hold up the end of the process."""

import subprocess
import sys
from typing import Final

import pytest

from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import action, load_functions

END_SECONDS_MAX: Final = 30.0

HANGS: Final = """
import asyncio, threading
from duetime.events.types import PythonAction
from duetime.executor.actions.attempt import attempt
from duetime.executor.actions.python import PythonActions
from tests.support.builders import python_due

async def main():
    actions = PythonActions({"hang": lambda context: threading.Event().wait()})
    word = python_due("hang", timeout_seconds=0.01)
    print((await attempt({PythonAction: actions}, word)).outcome)
    await actions.close()

asyncio.run(main())
"""


def test_a_registered_function_is_found_by_its_name() -> None:
    @action("test: water")
    def water(context: RunContext) -> None:
        del context

    assert water is load_functions([])["test: water"]


def test_the_same_function_may_be_registered_again() -> None:
    def feed(context: RunContext) -> None:
        del context

    action("test: feed")(feed)

    assert feed is action("test: feed")(feed)


def test_a_name_cannot_mean_two_functions() -> None:
    action("test: twice")(str)
    with pytest.raises(ValueError, match="'test: twice' is registered already"):
        action("test: twice")(repr)


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ImportError, match="gardening"):
        load_functions(["gardening"])


def test_a_function_that_hangs_does_not_hold_up_the_end_of_the_process() -> None:
    run = subprocess.run(
        [sys.executable, "-c", HANGS],
        check=True,
        capture_output=True,
        text=True,
        timeout=END_SECONDS_MAX,
    )

    assert "timed_out\n" == run.stdout
