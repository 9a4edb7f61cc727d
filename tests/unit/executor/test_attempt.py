"""One attempt: any way that an action ends becomes a value."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import pytest

from duetime.events.types import LogAction, Outcome, PythonAction
from duetime.executor.actions.attempt import Actions, attempt, cut, is_immediate, summary
from duetime.executor.actions.log import LogActions
from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import PythonActions
from duetime.executor.facts import Ended
from duetime.limits import PYTHON_THREADS_MAX, SUMMARY_BYTES_MAX
from tests.support.builders import NOON, A, due, python_due

BOUND_SECONDS: Final = 10.0  # of what is never waited for unless something is wrong


class BottomlessError(BaseException):
    """Not even an Exception."""


class UnspeakableError(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Unspeakable:
    """A result that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Called:
    """An object that is called like a coroutine function, but does not look like one."""

    async def __call__(self, context: RunContext) -> str:
        await asyncio.sleep(0)
        return f"called for {context.task_id}"


async def ended(
    function: Callable[..., Any], *, timeout_seconds: float = BOUND_SECONDS, **args: Any
) -> Ended:
    """Attempt a Python action."""
    actions = PythonActions({"it": function})
    try:
        word = python_due("it", args, timeout_seconds=timeout_seconds)
        return await attempt({PythonAction: actions}, word)
    finally:
        await actions.close()


def raising(fault: BaseException) -> Callable[..., Any]:
    """Give a function that raises."""

    def function(context: RunContext) -> None:
        del context
        raise fault

    return function


def raising_soon(fault: BaseException) -> Callable[..., Awaitable[None]]:
    """Give a coroutine function that raises."""

    async def function(context: RunContext) -> None:
        del context
        await asyncio.sleep(0)
        raise fault

    return function


def giving(result: object) -> Callable[..., Any]:
    """Give a function that returns."""
    return lambda _: result


async def test_a_log_action_has_nothing_to_do() -> None:
    assert is_immediate(due())
    assert Ended(Outcome.SUCCEEDED) == await attempt({LogAction: LogActions()}, due())


async def test_an_action_that_this_executor_does_not_have_fails_by_name() -> None:
    end = await attempt({}, python_due("it"))

    assert Ended(Outcome.FAILED, error="this executor cannot perform 'python' actions") == end


async def test_a_function_is_told_about_its_run_and_gets_its_arguments() -> None:
    told: list[Any] = []

    def function(context: RunContext, *, litres: float) -> None:
        told.extend([context, litres, threading.current_thread() is threading.main_thread()])

    await ended(function, litres=1.5)
    [context, litres, on_the_loop] = told

    assert (A, 1, NOON, NOON) == (
        context.task_id,
        context.attempt,
        context.nominal_at,
        context.due_at,
    )
    assert (1.5, False) == (litres, on_the_loop)


async def test_a_coroutine_function_runs_on_the_loop() -> None:
    async def function(context: RunContext) -> bool:
        del context
        await asyncio.sleep(0)
        return threading.current_thread() is threading.main_thread()

    assert Ended(Outcome.SUCCEEDED, result="true") == await ended(function)


async def test_an_object_that_hides_a_coroutine_function_is_awaited() -> None:
    assert f"called for {A}" == (await ended(Called())).result
    assert f"called for {A}" == (await ended(partial(Called()))).result


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, None),
        ("gegossen 🌱", "gegossen 🌱"),
        ("", ""),
        ({"litres": 1.5, "room": "Küche"}, '{"litres": 1.5, "room": "Küche"}'),
        ([1, None, True], "[1, null, true]"),
        ({1}, "{1}"),
        (b"\x00", "b'\\x00'"),
        (float("nan"), "NaN"),
        ("\ud800", "?"),
        (Unspeakable(), "<Unspeakable>"),
    ],
)
async def test_a_result_becomes_a_short_text(result: object, text: str | None) -> None:
    assert Ended(Outcome.SUCCEEDED, result=text) == await ended(giving(result))


async def test_a_result_that_contains_itself_is_no_failure() -> None:
    circle: list[object] = []
    circle.append(circle)

    assert Ended(Outcome.SUCCEEDED, result="[[...]]") == await ended(giving(circle))


async def test_a_result_nested_too_deep_is_no_failure() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    end = await ended(giving(deep))

    assert Outcome.SUCCEEDED is end.outcome


@pytest.mark.parametrize("letter", ["x", "ü", "🌱"])
async def test_a_huge_result_is_cut_between_letters_and_says_so(letter: str) -> None:
    end = await ended(giving(letter * 1_000_000))

    assert end.result is not None
    assert SUMMARY_BYTES_MAX >= len(end.result.encode()) > SUMMARY_BYTES_MAX - 8
    assert {letter} == set(end.result.removesuffix(" …"))


@pytest.mark.parametrize("make", [raising, raising_soon], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (ValueError("no water"), "ValueError: no water (in function, test_attempt.py:"),
        (ValueError("two\n  lines"), "ValueError: two lines (in "),
        (ValueError(), "ValueError (in "),
        (TimeoutError("of its own"), "TimeoutError: of its own (in "),
        (asyncio.CancelledError(), "CancelledError (in "),
        (SystemExit(3), "SystemExit: 3 (in "),
        (BottomlessError("deep"), "BottomlessError: deep (in "),
        (UnspeakableError(), "UnspeakableError (in "),
        (StopIteration(1), "RuntimeError: "),
        (ExceptionGroup("both", [ValueError()]), "ExceptionGroup: both (1 sub-exception) (in "),
        (ValueError("\ud800"), "ValueError: ? (in "),
    ],
    ids=repr,
)
async def test_whatever_a_function_raises_is_a_failed_outcome(
    make: Callable[[BaseException], Callable[..., Any]], fault: BaseException, error: str
) -> None:
    end = await ended(make(fault))

    assert Outcome.FAILED is end.outcome
    assert end.error is not None
    assert end.error.startswith(error)


async def test_a_huge_message_is_cut_and_the_place_stays() -> None:
    end = await ended(raising(ValueError("x" * 1_000_000)))

    assert end.error is not None
    assert SUMMARY_BYTES_MAX >= len(end.error.encode())
    assert "(in function, test_attempt.py:" in end.error


async def test_keyboard_interrupt_in_a_thread_is_the_functions_own() -> None:
    # A signal arrives in the main thread alone: here somebody raised it.
    assert Outcome.FAILED is (await ended(giving_interrupt)).outcome


def giving_interrupt(context: RunContext) -> None:
    """Raise what no signal did."""
    del context
    raise KeyboardInterrupt


async def test_wrong_arguments_are_a_failed_outcome() -> None:
    end = await ended(giving(None), nobody="asked for it")

    assert end.error is not None
    assert "unexpected keyword argument 'nobody'" in end.error


async def test_an_unknown_function_fails_with_the_names_there_are() -> None:
    actions = PythonActions({"feed": giving(None), "water": giving(None)})
    end = await attempt({PythonAction: actions}, python_due("wäter"))

    assert end.error is not None
    assert "no python action is named 'wäter' (registered: feed, water)" in end.error


async def test_a_coroutine_that_takes_too_long_is_timed_out() -> None:
    stopped = asyncio.Event()

    async def function(context: RunContext) -> None:
        del context
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    end = await ended(function, timeout_seconds=0.01)

    assert Ended(Outcome.TIMED_OUT, error="did not end within 0.01 s") == end
    assert stopped.is_set()


async def test_a_thread_that_takes_too_long_is_timed_out_and_left() -> None:
    release = threading.Event()
    try:
        end = await ended(lambda _: release.wait(BOUND_SECONDS), timeout_seconds=0.01)
    finally:
        release.set()

    assert Outcome.TIMED_OUT is end.outcome


async def test_an_action_that_refuses_to_be_cancelled_does_not_keep_its_slot() -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        refused = asyncio.Event()

        async def function(context: RunContext) -> None:
            del context
            while not refused.is_set():
                try:
                    await refused.wait()
                except asyncio.CancelledError:
                    continue

        end = await ended(function, timeout_seconds=0.01)
        refused.set()

    assert Outcome.TIMED_OUT is end.outcome


async def test_a_coroutine_that_cancels_its_own_task_has_failed() -> None:
    async def function(context: RunContext) -> None:
        del context
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    assert Outcome.FAILED is (await ended(function)).outcome


async def test_an_attempt_that_is_cancelled_from_outside_is_cancelled() -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def function(context: RunContext) -> None:
        del context
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    attempting = asyncio.create_task(ended(function))
    await begun.wait()
    attempting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempting
    await asyncio.wait_for(stopped.wait(), BOUND_SECONDS)

    assert attempting.cancelled()


async def test_functions_that_hang_leave_threads_for_others() -> None:
    release = threading.Event()
    actions = PythonActions(
        {
            **{f"hang {number}": lambda _: release.wait(BOUND_SECONDS) for number in range(32)},
            "quick": giving("done"),
        }
    )
    kinds: Actions = {PythonAction: actions}
    hanging = [
        asyncio.create_task(attempt(kinds, python_due(f"hang {number % 32}", timeout_seconds=0.01)))
        for number in range(PYTHON_THREADS_MAX - 1)
    ]
    await asyncio.gather(*hanging)
    try:
        ends = [await attempt(kinds, python_due("quick")) for _ in range(3)]
    finally:
        release.set()
        await actions.close()

    assert [Ended(Outcome.SUCCEEDED, result="done")] * 3 == ends


def test_a_short_text_is_not_cut() -> None:
    assert "grün" == cut("grün", 5)


@pytest.mark.parametrize("bytes_max", range(4, 12))
def test_a_text_is_cut_to_so_many_bytes(bytes_max: int) -> None:
    assert bytes_max >= len(cut("ü🌱" * 9, bytes_max).encode())


def test_a_fault_that_was_never_raised_has_no_place() -> None:
    assert "ValueError: no water" == summary(ValueError("no water"))
