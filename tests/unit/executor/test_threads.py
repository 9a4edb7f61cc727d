"""Runs that wait for a thread: when they begin, and what becomes of them where none comes free."""

import asyncio
import threading
from functools import partial
from typing import Final

from duetime.events.types import Outcome, PythonAction
from duetime.executor.actions.attempt import Actions, attempt
from duetime.executor.actions.port import RunContext
from duetime.executor.actions.python import PythonActions
from duetime.executor.actions.threads import Threads
from duetime.executor.facts import Ended
from duetime.limits import PYTHON_THREADS_MAX, PYTHON_THREADS_PER_FUNCTION_MAX
from tests.support.builders import python_due

BOUND_SECONDS: Final = 10.0  # of what is never waited for unless something is wrong
NAMES: Final = [
    f"busy {number}"
    for number in range(PYTHON_THREADS_MAX // PYTHON_THREADS_PER_FUNCTION_MAX)
    for _ in range(PYTHON_THREADS_PER_FUNCTION_MAX)
]
"""Names of functions, each as often as it may have threads: together they hold all."""


def all_busy(release: threading.Event) -> PythonActions:
    """Give functions that wait for a word, and one that is quick."""

    def busy(_: RunContext) -> None:
        release.wait(BOUND_SECONDS)

    return PythonActions({**dict.fromkeys(NAMES, busy), "quick": lambda _: "done"})


async def test_a_run_that_waits_for_a_thread_begins_when_it_has_one() -> None:
    release, begun = threading.Event(), asyncio.Event()
    actions = all_busy(release)
    kinds: Actions = {PythonAction: actions}
    busy = [asyncio.create_task(attempt(kinds, python_due(name))) for name in NAMES]
    try:
        # Its own time is shorter than its wait: only what it takes itself counts.
        waiting = asyncio.create_task(
            attempt(kinds, python_due("quick", timeout_seconds=5.0), begun.set)
        )
        await asyncio.wait([waiting], timeout=0.05)
        had_begun = begun.is_set()
        release.set()
        end = await asyncio.wait_for(waiting, BOUND_SECONDS)
        await asyncio.gather(*busy)
    finally:
        release.set()
        await actions.close()

    assert not had_begun
    assert begun.is_set()
    assert Ended(Outcome.SUCCEEDED, result="done") == end


async def test_the_time_that_a_run_waits_for_a_thread_is_not_its_own() -> None:
    release = threading.Event()
    actions = all_busy(release)
    kinds: Actions = {PythonAction: actions}
    busy = [asyncio.create_task(attempt(kinds, python_due(name))) for name in NAMES]
    try:
        waiting = asyncio.create_task(attempt(kinds, python_due("quick", timeout_seconds=0.01)))
        await asyncio.wait([waiting], timeout=0.1)
        gave_up = waiting.done()
        waiting.cancel()
    finally:
        release.set()
        await asyncio.gather(*busy)
        await actions.close()

    assert not gave_up


async def test_where_every_thread_hangs_a_run_fails_and_says_so() -> None:
    release = threading.Event()
    actions = all_busy(release)
    kinds: Actions = {PythonAction: actions}
    hanging = [
        asyncio.create_task(attempt(kinds, python_due(name, timeout_seconds=0.01)))
        for name in [*NAMES, "quick"]
    ]
    try:
        ends = [await asyncio.wait_for(run, BOUND_SECONDS) for run in hanging]
        ends.append(await attempt(kinds, python_due("quick")))
    finally:
        release.set()
        await actions.close()

    assert [Outcome.TIMED_OUT] * PYTHON_THREADS_MAX == [end.outcome for end in ends[:-2]]
    for end in ends[-2:]:
        assert Outcome.FAILED is end.outcome
        assert "all 64 threads are held by calls that did not end" in str(end.error)


async def test_a_function_that_hangs_holds_no_more_threads_than_are_its_own() -> None:
    release = threading.Event()
    actions = all_busy(release)
    kinds: Actions = {PythonAction: actions}
    hanging = [
        asyncio.create_task(attempt(kinds, python_due(NAMES[0], timeout_seconds=0.01)))
        for _ in range(PYTHON_THREADS_PER_FUNCTION_MAX + 1)
    ]
    try:
        ends = [await asyncio.wait_for(run, BOUND_SECONDS) for run in hanging]
        others = await asyncio.wait_for(
            asyncio.gather(*(attempt(kinds, python_due("quick")) for _ in range(100))),
            BOUND_SECONDS,
        )
    finally:
        release.set()
        await actions.close()

    assert "all 16 threads of this function are held" in str(ends[-1].error)
    assert {Outcome.SUCCEEDED} == {end.outcome for end in others}


async def test_who_waits_for_a_thread_is_served_in_turn_within_the_bound_of_each_function() -> None:
    release, begun = threading.Event(), list[str]()
    names = ("one", "other", "third")
    threads = Threads(2, of_one_max=1, name="action")
    calls = [
        asyncio.create_task(
            threads.call(
                partial(release.wait, BOUND_SECONDS),
                of=name,
                begin=partial(begun.append, f"{name} {number}"),
            )
        )
        for number in range(2)
        for name in names
    ]
    await asyncio.sleep(0)
    at_once = list(begun)
    release.set()
    await asyncio.wait_for(asyncio.gather(*calls), BOUND_SECONDS)
    threads.close()

    assert ["one 0", "other 0"] == at_once
    assert "third 0" == begun[2]
    assert sorted(f"{name} {number}" for name in names for number in range(2)) == sorted(begun)


async def test_threads_that_hung_serve_again_once_they_are_free() -> None:
    release = threading.Event()
    actions = all_busy(release)
    kinds: Actions = {PythonAction: actions}
    await asyncio.gather(
        *(attempt(kinds, python_due(name, timeout_seconds=0.01)) for name in NAMES)
    )
    release.set()
    async with asyncio.timeout(BOUND_SECONDS):
        while (await attempt(kinds, python_due("quick"))).outcome is Outcome.FAILED:
            pass  # the threads are still on their way back
        ends = await asyncio.gather(
            *(attempt(kinds, python_due("quick")) for _ in range(2 * PYTHON_THREADS_MAX))
        )
    await actions.close()

    assert {Outcome.SUCCEEDED} == {end.outcome for end in ends}


async def test_a_run_that_is_cancelled_while_it_waits_for_a_thread_leaves_the_turn_to_others() -> (
    None
):
    release = threading.Event()
    actions = all_busy(release)
    kinds: Actions = {PythonAction: actions}
    busy = [asyncio.create_task(attempt(kinds, python_due(name))) for name in NAMES]
    waiting = [asyncio.create_task(attempt(kinds, python_due("quick"))) for _ in range(3)]
    try:
        await asyncio.sleep(0)
        waiting[0].cancel()
        release.set()
        ends = await asyncio.wait_for(asyncio.gather(*waiting[1:]), BOUND_SECONDS)
        await asyncio.gather(*busy)
    finally:
        release.set()
        await actions.close()

    assert {Outcome.SUCCEEDED} == {end.outcome for end in ends}
