"""A lane: one thread with one connection, which does one thing after another.

Knows threads, queues and the event loop; not what is asked of the connection.
No SQLite call is made on the event loop's thread, and no connection is used by two threads.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, NamedTuple, TypeVar, cast

import apsw

from duetime.limits import STORE_QUEUE_REQUESTS_MAX, STORE_WAIT_SECONDS_MAX
from duetime.store.port import StoreError

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]


class _Request(NamedTuple, Generic[T]):
    work: Work[T]
    answer: asyncio.Future[T]


class _Answered(NamedTuple):
    request: _Request[object]
    value: object
    fault: Exception | None


class Lane:
    """Answers requests in their order. With `together_max` above 1 they share a transaction."""

    def __init__(
        self, name: str, connect: Callable[[], apsw.Connection], *, together_max: int = 1
    ) -> None:
        """Start the thread, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._connect = connect
        self._together_max = together_max
        self._queue: SimpleQueue[_Request[object] | None] = SimpleQueue()
        self._waiting_count = 0
        self._closing = False
        self._ended = self._loop.create_future()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether it takes no more requests."""
        return self._closing

    async def ask(self, work: Work[T]) -> T:
        """Have `work` done with the connection. Raises StoreError; the wait is bounded."""
        if self._closing:
            raise StoreError("the read models are closed")
        if self._waiting_count >= STORE_QUEUE_REQUESTS_MAX:
            raise StoreError("the read models are asked more than they can answer")
        answer: asyncio.Future[T] = self._loop.create_future()
        self._waiting_count += 1
        self._queue.put(cast("_Request[object]", _Request(work, answer)))
        try:
            async with asyncio.timeout(STORE_WAIT_SECONDS_MAX):
                return await answer
        except TimeoutError as fault:
            raise StoreError(
                f"the read models gave no answer within {STORE_WAIT_SECONDS_MAX:.0f} s"
            ) from fault

    async def close(self) -> None:
        """Finish what was asked, then end the thread."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        with suppress(TimeoutError):
            async with asyncio.timeout(STORE_WAIT_SECONDS_MAX):
                await asyncio.shield(self._ended)

    # --- in the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        try:
            while (requests := self._taken()) is not None:
                try:
                    connection = connection or self._connect()
                    answers = _answers(connection, requests, shared=self._together_max > 1)
                except (apsw.Error, OSError, StoreError) as fault:
                    answers = [_Answered(request, None, fault) for request in requests]
                self._call_loop(self._settle, answers)
        finally:
            if connection is not None:
                connection.close()
            self._call_loop(self._end)

    def _taken(self) -> list[_Request[object]] | None:
        """Wait for a request; take what else is there. None: it is time to end."""
        first = self._queue.get()
        if first is None:
            return None
        requests = [first]
        with suppress(Empty):
            while len(requests) < self._together_max:
                request = self._queue.get_nowait()
                if request is None:
                    self._queue.put(None)
                    break
                requests.append(request)
        return requests

    def _call_loop(self, callback: Callable[..., None], *args: object) -> None:
        # The loop may be gone where a program ended without closing: then nobody waits any more.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)

    # --- on the event loop -----------------------------------------------------------------------

    def _settle(self, answers: Sequence[_Answered]) -> None:
        self._waiting_count -= len(answers)
        for (_, answer), value, fault in answers:
            if answer.done():
                continue
            if fault is None:
                answer.set_result(value)
            else:
                answer.set_exception(_store_error(fault))

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


def _answers(
    connection: apsw.Connection, requests: Sequence[_Request[object]], *, shared: bool
) -> list[_Answered]:
    """Do the requests; those of a writing lane in one transaction, which costs one commit."""
    if not shared:
        return [_answered(connection, request) for request in requests]
    try:
        with _transaction(connection):
            answers = [_Answered(request, request.work(connection), None) for request in requests]
    except Exception as fault:  # noqa: BLE001 -- whatever it is, the asker is to hear it
        if len(requests) == 1:
            return [_Answered(requests[0], None, fault)]
        # One of them spoils it for all: each by itself then.
        return [
            answer
            for request in requests
            for answer in _answers(connection, [request], shared=True)
        ]
    return answers


@contextmanager
def _transaction(connection: apsw.Connection) -> Iterator[None]:
    """Make it one transaction.

    As statements: apsw's own context manager keeps the interpreter's lock while it commits, and
    a checkpoint in the commit, with its sync, then holds up the event loop for 40 ms (measured).
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _answered(connection: apsw.Connection, request: _Request[object]) -> _Answered:
    try:
        return _Answered(request, request.work(connection), None)
    except Exception as fault:  # noqa: BLE001 -- whatever it is, the asker is to hear it
        return _Answered(request, None, fault)


def _store_error(fault: Exception) -> Exception:
    if not isinstance(fault, apsw.Error):
        return fault
    error = StoreError(f"the read models failed: {fault}")
    error.__cause__ = fault
    return error
