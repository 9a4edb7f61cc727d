"""A thread that serves the event loop: one queue in, calls on the loop out.

Knows threads and the loop; nothing of SQLite. No SQLite call may run on the loop's own thread: a
sync takes milliseconds, and every task due in them would be late.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Requests on their way to a thread. Bounded by who puts, not here. None ends it."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[T | None] = queue.SimpleQueue()

    def put(self, request: T | None) -> None:
        """Hand a request over."""
        self._queue.put(request)

    def wait(self) -> T | None:
        """Wait for a request, as long as it takes; None: there will be no more."""
        return self._queue.get()

    def next(self) -> T | None:
        """Give a request that is there already. Raises queue.Empty."""
        return self._queue.get_nowait()


class Thread:
    """Runs a function until it returns; then the loop can await `ended`."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._run = run
        self.ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon: what is acknowledged is on disk, so the end of the process need not wait.
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def call(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function on the loop. Without effect where the loop has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def settle(self, answer: "asyncio.Future[Any]", result: object) -> None:
        """Answer a future of the loop, from this thread."""
        self.call(settle, answer, result)

    def _main(self) -> None:
        try:
            self._run()
        finally:
            self.settle(self.ended, None)


def settle(answer: "asyncio.Future[Any]", result: object) -> None:
    """Answer a future, if someone still waits. On the loop."""
    if answer.done():
        return
    if isinstance(result, BaseException):
        answer.set_exception(result)
    else:
        answer.set_result(result)
