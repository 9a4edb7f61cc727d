"""Processes inside one event loop: each can be crashed, suspended, resumed.

Knows which process a callback belongs to (a context variable that tasks and timers inherit) and
holds it back while that process is suspended. A crashed process's tasks are cancelled, and whatever
they still try on their way out meets a port that does nothing.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final, TypeVarTuple

from duetime.log.local.subscription import LocalSubscription
from duetime.runtime.clock import GuardedClock
from tests.simulation.history import instant
from tests.support.virtual_loop import VirtualLoop

_Ts = TypeVarTuple("_Ts")

PROCESS: Final[contextvars.ContextVar["Process | None"]] = contextvars.ContextVar(
    "process", default=None
)


class ProcessClock:
    """A process's wall clock: the true time, off by its skew."""

    def __init__(self, skew_seconds: float) -> None:
        """Start off by so much."""
        self.skew_seconds = skew_seconds

    def now(self) -> datetime:
        """Give what the clock shows."""
        return instant(asyncio.get_running_loop().time()) + timedelta(seconds=self.skew_seconds)


class Process:
    """One life of a process, from its start to its end."""

    def __init__(self, *, name: str, role: str, life: int, skew_seconds: float) -> None:
        """Give it a name that no other life has."""
        self.slot = name
        self.role = role
        self.name = f"{name}.{life}"
        self.wall = ProcessClock(skew_seconds)
        self.clock = GuardedClock(
            self.wall, elapsed_seconds=asyncio.get_running_loop().time, stepped=self._stepped
        )
        self.steps_noticed = 0
        self.alive = True
        self.suspended = False
        self.slow_until = 0.0
        self.calls_in_flight = 0
        self.actions_in_flight = 0
        self.subscriptions: list[LocalSubscription] = []
        self.parked: list[_Parked] = []
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self._context = contextvars.Context()
        self._context.run(PROCESS.set, self)

    def _stepped(self, _seconds: float) -> None:
        self.steps_noticed += 1

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run something inside the process."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, name=f"{self.name} {name}", context=self._context.copy())
        self.tasks[task] = None
        task.add_done_callback(self._forget, context=contextvars.Context())
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self.tasks.pop(task, None)

    def crash(self) -> None:
        """End it now: no farewell, no last write."""
        self.alive = False
        self.resume()  # so that what was held back can meet its end
        for task in list(self.tasks):
            task.cancel()

    def suspend(self) -> None:
        """Let nothing of it run until `resume`."""
        self.suspended = True

    def resume(self) -> None:
        """Let it go on where it stood, late timers first in the order in which they came."""
        self.suspended = False
        parked, self.parked = self.parked, []
        loop = asyncio.get_running_loop()
        for held in parked:
            loop.call_soon(held, context=held.context)

    @property
    def busy(self) -> bool:
        """Whether something is under way that a crash would cut off."""
        return self.calls_in_flight > 0 or self.actions_in_flight > 0


class _Parked:
    """A callback of a process, held back while that is suspended."""

    __slots__ = ("args", "callback", "context", "handle", "process")

    def __init__(
        self,
        process: Process,
        callback: Callable[..., object],
        args: tuple[object, ...],
        context: contextvars.Context,
    ) -> None:
        self.process = process
        self.callback = callback
        self.args = args
        self.context = context
        self.handle: asyncio.Handle | None = None

    def __call__(self) -> None:
        if self.handle is not None and self.handle.cancelled():
            return
        if self.process.suspended:
            self.process.parked.append(self)
        else:
            self.callback(*self.args)


class WorldLoop(VirtualLoop):
    """A virtual loop that runs nothing of a suspended process."""

    def call_soon(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is None or not process.suspended:
            return super().call_soon(callback, *args, context=context)
        held = _Parked(process, callback, args, context or contextvars.copy_context())
        held.handle = asyncio.Handle(callback, args, self, held.context)
        process.parked.append(held)
        return held.handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        process = PROCESS.get() if context is None else context.get(PROCESS)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        context = context or contextvars.copy_context()
        held = _Parked(process, callback, args, context)
        handle = super().call_at(when, held, context=context)
        held.handle = handle
        return handle
