"""Threads for functions that block: a bounded number, started as they are needed.

Knows how a call gets into a thread and its end back onto the event loop; not what is called.
Beyond the bound calls wait their turn in the order in which they came, and begin when it comes: the
bound of whoever called runs from there. That wait ends because every call is given up in the end;
where all threads are held by calls that were given up, nothing says when one comes free, so then
calls are refused instead.

The threads are daemons, since Python joins all others when it exits: a function that hangs must not
hold up the end of the process.
"""

import asyncio
import threading
from collections import deque
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


class NoThreadError(Exception):
    """Every thread is held by a function that did not end when it was given up."""


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
        self._free_count = threads_max
        self._given_up_count = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def call(
        self, function: Callable[[], Any], *, begin: Callable[[], None]
    ) -> Returned | Raised:
        """Call a function in a thread; `begin` is called, on the loop, when its turn has come.

        Whatever it raises is a value: some kinds stop a loop. Cancelled, it does not wait for the
        thread; a call that has not begun never will. Raises NoThreadError.
        """
        await self._turn()
        begin()
        loop = asyncio.get_running_loop()
        end: asyncio.Future[Returned | Raised] = loop.create_future()
        self._calls.put(_Call(function, loop, end))
        if not self._idle.acquire(blocking=False) and self._started_count < self._threads_max:
            self._started_count += 1
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        try:
            return await end
        except asyncio.CancelledError:
            if end.cancelled():
                self._give_up()
            raise

    def close(self) -> None:
        """Let the threads end once they are idle. Harmless when repeated."""
        for _ in range(self._started_count):
            self._calls.put(None)
        self._started_count = 0

    async def _turn(self) -> None:
        if self._free_count:
            self._free_count -= 1
            return
        self._expect_an_end()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._next_turn()  # it came in the same moment: someone else's now
            raise

    def _next_turn(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free_count += 1

    def _give_up(self) -> None:
        self._given_up_count += 1
        try:
            self._expect_an_end()
        except NoThreadError as fault:
            while self._waiting:
                turn = self._waiting.popleft()
                if not turn.done():
                    turn.set_exception(fault)

    def _expect_an_end(self) -> None:
        if self._given_up_count == self._threads_max:
            message = (
                f"all {self._threads_max} threads are held by functions that did not end in time"
            )
            raise NoThreadError(message)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            end = None if call.end.cancelled() else _performed(call.function)
            # RuntimeError: the loop is closed, so nobody waits for the end any more.
            with suppress(RuntimeError):
                call.loop.call_soon_threadsafe(self._settle, call.end, end)
            del call, end  # nothing of an ended call is held while waiting for the next one
            self._idle.release()

    def _settle(
        self, future: "asyncio.Future[Returned | Raised]", end: Returned | Raised | None
    ) -> None:
        if future.cancelled():
            self._given_up_count -= 1
        elif end is not None:
            future.set_result(end)
        self._next_turn()


def _performed(function: Callable[[], Any]) -> Returned | Raised:
    try:
        return Returned(function())
    except BaseException as fault:  # noqa: BLE001 - a thread has nobody to raise to
        return Raised(fault)
