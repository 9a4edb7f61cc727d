"""One attempt: an action performed within its timeout, any way it ends turned into a value.

Knows timeouts and how to put a fault into a line; not the log, not when to start.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from duetime.events.types import LogAction, Outcome, TaskDue
from duetime.executor.actions.port import Action, Begin
from duetime.executor.core import Ended
from duetime.limits import SUMMARY_BYTES_MAX

Actions = Mapping[type[msgspec.Struct], Action]
"""Which action performs which kind of TaskDue.action."""

SUCCEEDED: Final = Ended(Outcome.SUCCEEDED)


_LET_GO_SECONDS_MAX: Final = 1.0  # how long an action may take to clean up after its timeout


def _nobody_asks() -> None:
    """Hear that it has begun."""


def is_immediate(due: TaskDue) -> bool:
    """Whether a run has nothing to wait for, so it needs no task of its own."""
    return type(due.action) is LogAction


async def attempt(actions: Actions, due: TaskDue, begun: Begin = _nobody_asks) -> Ended:
    """Perform a run's action; never raises for what the action does, cancellation excepted.

    `begun` is called when its work begins, which may be later than now: until then the action
    waits, for a thread say, and the run's timeout does not count.
    """
    action = actions.get(type(due.action))
    if action is None:
        kind = due.action.__struct_config__.tag
        return Ended(Outcome.FAILED, error=f"this executor cannot perform {kind!r} actions")
    # A task of its own: whatever the action does to its task, cancelling it or refusing to be
    # cancelled, it does to itself.
    beginning: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin() -> None:
        if not beginning.done():
            begun()
            beginning.set_result(None)

    performing = asyncio.create_task(_performed(action, due, begin), name=f"action of {due.run_id}")
    either: tuple[asyncio.Future[Any], ...] = (performing, beginning)
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([performing], timeout=due.timeout_seconds)
        if performing.done():
            return performing.result()
        performing.cancel()
        await asyncio.wait([performing], timeout=_LET_GO_SECONDS_MAX)
        error = f"did not end within {due.timeout_seconds:g} s"
        return Ended(Outcome.TIMED_OUT, error=error)
    except asyncio.CancelledError:
        performing.cancel()
        raise


async def _performed(action: Action, due: TaskDue, begin: Begin) -> Ended:
    try:
        result = await action.perform(due, begin)
    except (KeyboardInterrupt, GeneratorExit):
        raise  # not the action's: someone stops the process
    except BaseException as fault:  # noqa: BLE001 - what a user's code raises is its end
        return Ended(Outcome.FAILED, error=summary(fault))
    return Ended(Outcome.SUCCEEDED, result=None if result is None else cut(result))


def summary(fault: BaseException) -> str:
    """Put a fault into a line: its kind, its message, and where it was raised."""
    try:
        message = " ".join(str(fault).split())
    except Exception:  # noqa: BLE001 - a user's exception may fail to say what it is
        message = ""
    text = type(fault).__name__ + (f": {message}" if message else "")
    place = fault.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is not None:
        code = place.tb_frame.f_code
        file = code.co_filename.rsplit("/", 1)[-1]
        text = f"{cut(text, SUMMARY_BYTES_MAX - 200)} (in {code.co_name}, {file}:{place.tb_lineno})"
    return cut(text)


def cut(text: str, bytes_max: int = SUMMARY_BYTES_MAX) -> str:
    """Cut a text to so many bytes of UTF-8, and say that it was cut."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= bytes_max:
        return encoded.decode()
    return encoded[: bytes_max - 4].decode(errors="ignore") + " …"
