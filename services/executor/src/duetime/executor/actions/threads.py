"""Threads for functions that block: a bounded number, started as they are needed.

Knows how a call gets into a thread and its end back onto the event loop; not what is called.
Beyond the bound, or that of one function, calls wait their turn in the order in which they came,
and begin when it comes: the bound of whoever called runs from there. That wait ends because every
call is given up in the end; where all threads that a call may have are held by calls that were
given up, nothing says when one comes free, so then calls are refused instead.

The threads are daemons, since Python joins all others when it exits: a function that hangs must not
hold up the end of the process.
"""

import asyncio
import threading
from collections import Counter, deque
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
    """Every thread that it may have is held by a function that did not end when given up."""


class _Call(NamedTuple):
    function: Callable[[], Any]
    of: str
    loop: asyncio.AbstractEventLoop
    end: "asyncio.Future[Returned | Raised]"


class _Turn(NamedTuple):
    number: int
    come: "asyncio.Future[None]"


class Threads:
    """Up to `threads_max` threads, `of_one_max` of them for one function; the rest wait."""

    def __init__(self, threads_max: int, *, of_one_max: int, name: str) -> None:
        """Start none yet; each will be called `name`."""
        self._threads_max = threads_max
        self._of_one_max = of_one_max
        self._name = name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._started_count = 0
        self._idle = threading.Semaphore(0)
        self._taken: Counter[str] = Counter()  # by function, as are the others
        self._given_up: Counter[str] = Counter()
        self._waiting: dict[str, deque[_Turn]] = {}
        self._turns = 0

    async def call(
        self, function: Callable[[], Any], *, of: str, begin: Callable[[], None]
    ) -> Returned | Raised:
        """Call a function in a thread; `begin` is called, on the loop, when its turn has come.

        `of` names the function. Whatever it raises is a value: some kinds stop a loop. Cancelled,
        it does not wait for the thread; a call that has not begun never will. Raises NoThreadError.
        """
        await self._turn(of)
        begin()
        loop = asyncio.get_running_loop()
        end: asyncio.Future[Returned | Raised] = loop.create_future()
        self._calls.put(_Call(function, of, loop, end))
        if not self._idle.acquire(blocking=False) and self._started_count < self._threads_max:
            self._started_count += 1
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        try:
            return await end
        except asyncio.CancelledError:
            if end.cancelled():
                self._give_up(of)
            raise

    def close(self) -> None:
        """Let the threads end once they are idle. Harmless when repeated."""
        for _ in range(self._started_count):
            self._calls.put(None)
        self._started_count = 0

    async def _turn(self, of: str) -> None:
        if self._has_room(of):
            self._taken[of] += 1
            return
        fault = self._nothing_to_expect(of)
        if fault is not None:
            raise fault
        self._turns += 1
        turn = _Turn(self._turns, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(of, deque()).append(turn)
        try:
            await turn.come
        except asyncio.CancelledError:
            if turn.come.done() and not turn.come.cancelled() and turn.come.exception() is None:
                self._end_turn(of)  # it came in the same moment: someone else's now
            raise

    def _has_room(self, of: str) -> bool:
        return self._taken[of] < self._of_one_max and self._taken.total() < self._threads_max

    def _end_turn(self, of: str) -> None:
        """Free a thread; it is for whoever came first of those that may have it."""
        self._taken[of] -= 1
        if not self._taken[of]:
            del self._taken[of]
        while (first := self._first_waiting()) is not None:
            turn = self._waiting[first].popleft()
            if not turn.come.done():
                self._taken[first] += 1
                turn.come.set_result(None)

    def _first_waiting(self) -> str | None:
        for of in [of for of, turns in self._waiting.items() if not turns]:
            del self._waiting[of]
        able = (of for of in self._waiting if self._has_room(of))
        return min(able, key=lambda of: self._waiting[of][0].number, default=None)

    def _give_up(self, of: str) -> None:
        self._given_up[of] += 1
        for each, turns in self._waiting.items():
            fault = self._nothing_to_expect(each)
            while fault is not None and turns:
                turn = turns.popleft()
                if not turn.come.done():
                    turn.come.set_exception(fault)

    def _nothing_to_expect(self, of: str) -> NoThreadError | None:
        """Say why no thread may ever come free for a function, where that is so."""
        if self._given_up.total() == self._threads_max:
            held = self._threads_max
        elif self._given_up[of] == self._of_one_max:
            held = self._of_one_max
        else:
            return None
        whose = "threads" if held == self._threads_max else "threads of this function"
        return NoThreadError(f"all {held} {whose} are held by calls that did not end in time")

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            end = None if call.end.cancelled() else _performed(call.function)
            # RuntimeError: the loop is closed, so nobody waits for the end any more.
            with suppress(RuntimeError):
                call.loop.call_soon_threadsafe(self._settle, call.of, call.end, end)
            del call, end  # nothing of an ended call is held while waiting for the next one
            self._idle.release()

    def _settle(
        self,
        of: str,
        future: "asyncio.Future[Returned | Raised]",
        end: Returned | Raised | None,
    ) -> None:
        if future.cancelled():
            self._given_up[of] -= 1
        elif end is not None:
            future.set_result(end)
        self._end_turn(of)


def _performed(function: Callable[[], Any]) -> Returned | Raised:
    try:
        return Returned(function())
    except BaseException as fault:  # noqa: BLE001 - a thread has nobody to raise to
        return Raised(fault)
