"""One attempt: an action performed within its timeout, any way it ends turned into a value.

Knows timeouts and how to put a fault into a line; not the log, not when to start.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from duetime.events.types import LogAction, Outcome, TaskDue
from duetime.executor.actions.bounds import Bounds
from duetime.executor.actions.port import Action, Begin
from duetime.executor.facts import Ended
from duetime.executor.targets import Target
from duetime.limits import SUMMARY_BYTES_MAX

Actions = Mapping[type[msgspec.Struct], Action]
"""Which action performs which kind of TaskDue.action."""

SUCCEEDED: Final = Ended(Outcome.SUCCEEDED)


_LET_GO_SECONDS_MAX: Final = 1.0  # how long an action may take to clean up after its timeout


def is_immediate(due: TaskDue) -> bool:
    """Whether a run has nothing to wait for, so it needs no task of its own."""
    return type(due.action) is LogAction


def target_of(actions: Actions, due: TaskDue) -> Target | None:
    """Give what a run acts on, if anything."""
    action = actions.get(type(due.action))
    return None if action is None else action.target(due)


class Attempt:
    """One attempt on its way: a task for the action, a timer for its bound, no more than that.

    The task is the action's own: whatever the action does to it, cancelling it or refusing to be
    cancelled, it does to itself.
    """

    __slots__ = (
        "_bounds",
        "_ended",
        "_on_begin",
        "_over",
        "_timed_out",
        "due",
        "look",
        "since",
        "target",
        "task",
    )

    def __init__(
        self,
        actions: Actions,
        due: TaskDue,
        *,
        target: Target | None,
        bounds: Bounds,
        look: int,
        begun: Callable[[TaskDue], None],
        ended: "Callable[[Attempt, Ended], None]",
    ) -> None:
        """Begin to perform a run's action; `ended` is told its end, once, unless it is cancelled.

        `begun` is called when its work begins, which may be later than now: until then the action
        waits, for a thread say, and the run's timeout does not count. `target` is what it acts on,
        if anything; `look` counts the looks of its lane at what is due.
        """
        loop = asyncio.get_running_loop()
        self.due = due
        self.target: Final = target
        self.since: Final = loop.time()  # seconds, of the loop's clock
        self.look: Final = look
        self._on_begin: Callable[[TaskDue], None] | None = begun
        self._ended = ended
        self._over = False
        self._timed_out = False
        self._bounds = bounds
        self.task = loop.create_task(_performed(actions, due, self._begin), name=due.run_id)
        self.task.add_done_callback(self._done)

    def cancel(self) -> None:
        """Ask the action to stop, and tell nobody how it ends. Does not wait."""
        self._over = True
        self.task.cancel()

    def _begin(self) -> None:
        begun, self._on_begin = self._on_begin, None
        if begun is not None and not self._over:
            begun(self.due)
            self._bounds.set(self, self.due.timeout_seconds)

    def expire(self) -> None:
        """Cancel it when its time has passed; wait no longer for one that refuses to be."""
        if self.task.done():
            return
        if self._timed_out:
            self._end(Ended(Outcome.TIMED_OUT))
            return
        self._timed_out = True
        self.task.cancel()
        self._bounds.set(self, _LET_GO_SECONDS_MAX)

    def _done(self, task: "asyncio.Task[Ended]") -> None:
        self._bounds.take_back(self)
        if task.cancelled():  # before it had begun at all
            end = Ended(Outcome.FAILED, error="was cancelled before it began")
        elif task.exception() is not None:
            return  # not the action's: someone stops the process, and the loop has raised it
        else:
            end = task.result()
        self._end(end)

    def _end(self, end: Ended) -> None:
        if self._over:
            return
        self._over = True
        if self._timed_out:
            error = f"did not end within {self.due.timeout_seconds:g} s"
            end = Ended(Outcome.TIMED_OUT, error=error)
        self._ended(self, end)


async def attempt(
    actions: Actions, due: TaskDue, begun: Callable[[], None] = lambda: None
) -> Ended:
    """Perform a run's action; never raises for what the action does, cancellation excepted."""
    end: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    def ended(_: Attempt, how: Ended) -> None:
        if not end.done():
            end.set_result(how)

    under_way = Attempt(
        actions, due, target=None, bounds=Bounds(), look=0, begun=lambda _: begun(), ended=ended
    )
    try:
        return await end
    except asyncio.CancelledError:
        under_way.cancel()
        raise


async def _performed(actions: Actions, due: TaskDue, begin: Begin) -> Ended:
    action = actions.get(type(due.action))
    if action is None:
        kind = due.action.__struct_config__.tag
        return Ended(Outcome.FAILED, error=f"this executor cannot perform {kind!r} actions")
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
