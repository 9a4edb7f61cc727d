"""An event loop whose time is virtual: waiting costs nothing, and equal calls give equal turns.

Knows asyncio's selector loop and nothing of Duetime. Its selector never blocks: where the loop
would sleep, time moves instead. No threads and no sockets inside: both would bring back real time.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

TURNS_AT_ONE_INSTANT_MAX: Final = 100_000  # more is a loop that waits for nothing


class StalledError(Exception):
    """Nothing is left that time could bring, or time does not pass any more."""


class _NeverBlocking(selectors.SelectSelector):
    """Asks no file; tells the loop to move its time by as much as it would have slept."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise StalledError("every task waits for something that nothing will bring")
        if timeout > 0:
            self.now += timeout
            self._turns = 0
        else:
            self._turns += 1
            if self._turns > TURNS_AT_ONE_INSTANT_MAX:
                raise StalledError(f"{self._turns} turns without any time passing")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0.0 seconds; `time()` is how far virtual time has come."""

    def __init__(self) -> None:
        self._virtual = _NeverBlocking()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Give virtual seconds since the loop was made."""
        return self._virtual.now

    def work(self, seconds: float) -> None:
        """Let time pass while whoever calls has the loop."""
        self._virtual.now += seconds


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a new virtual loop, without waiting for anything real."""
    with asyncio.Runner(loop_factory=VirtualLoop, debug=False) as runner:
        return runner.run(main)
