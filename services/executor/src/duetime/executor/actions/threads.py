"""Threads for functions that block: a bounded number, started as they are needed.

Knows how a call gets into a thread and its end back onto the event loop; not what is called.
The threads are daemons, since Python joins all others when it exits: a function that hangs must not
hold up the end of the process.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple


class Returned(NamedTuple):
    """What a call gave."""

    value: Any


class Raised(NamedTuple):
    """What a call raised, of whatever kind."""

    fault: BaseException


class _Call(NamedTuple):
    function: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    end: "asyncio.Future[Returned | Raised]"


class Threads:
    """Up to `threads_max` threads; calls beyond that wait their turn."""

    def __init__(self, threads_max: int, *, name: str) -> None:
        """Start none yet; each will be called `name`."""
        self._threads_max = threads_max
        self._name = name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._started_count = 0
        self._idle = threading.Semaphore(0)

    async def call(self, function: Callable[[], Any]) -> Returned | Raised:
        """Call a function in a thread. Whatever it raises is a value: some kinds stop a loop.

        Cancelled, it does not wait for the thread; a call that has not begun never will.
        """
        loop = asyncio.get_running_loop()
        end: asyncio.Future[Returned | Raised] = loop.create_future()
        self._calls.put(_Call(function, loop, end))
        # A thread that hangs is never idle again, so it counts against the bound and no more.
        if not self._idle.acquire(blocking=False) and self._started_count < self._threads_max:
            self._started_count += 1
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        return await end

    def close(self) -> None:
        """Let the threads end once they are idle. Harmless when repeated."""
        for _ in range(self._started_count):
            self._calls.put(None)
        self._started_count = 0

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            if not call.end.cancelled():
                _perform(call)
            del call  # nothing of an ended call is held while waiting for the next one
            self._idle.release()


def _perform(call: _Call) -> None:
    end: Returned | Raised
    try:
        end = Returned(call.function())
    except BaseException as fault:  # noqa: BLE001 - a thread has nobody to raise to
        end = Raised(fault)
    # RuntimeError: the loop is closed, so nobody waits for the end any more.
    with suppress(RuntimeError):
        call.loop.call_soon_threadsafe(_settle, call.end, end)


def _settle(future: "asyncio.Future[Returned | Raised]", end: Returned | Raised) -> None:
    if not future.done():
        future.set_result(end)
