"""A wake-up for one waiting reader, with a bound on the wait.

Knows the running event loop; nothing of logs.
"""

import asyncio


class Signal:
    """Stays set until cleared, so a signal between two waits is never lost."""

    __slots__ = ("_set", "_waiting")

    def __init__(self) -> None:
        self._set = False
        self._waiting: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake the waiter, now or when it comes."""
        self._set = True
        if self._waiting is not None:
            _end(self._waiting)

    def clear(self) -> None:
        """Forget that it was set."""
        self._set = False

    async def wait(self, seconds: float) -> None:
        """Return when set, or after so many seconds."""
        if self._set or seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        waiting = self._waiting = loop.create_future()
        timer = loop.call_later(seconds, _end, waiting)
        try:
            await waiting
        finally:
            timer.cancel()
            self._waiting = None


def _end(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)
