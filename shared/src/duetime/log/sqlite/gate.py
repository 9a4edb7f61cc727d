"""The way from the event loop to the writer and back, with its bounds.

Knows how much waits and for how long an asker does; not what is asked. On the loop only.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

from duetime import limits
from duetime.log.port import UnknownOutcomeError
from duetime.log.sqlite.requests import Append, Done, Fence, Request, Transact
from duetime.log.sqlite.thread import settle
from duetime.log.sqlite.writer import Writer

T = TypeVar("T")

_LOGGER: Final = logging.getLogger("duetime.log")


class Gate:
    """Lets requests through to the writer, as many as the bounds allow."""

    def __init__(self, make_writer: Callable[[Callable[[Done], None]], Writer]) -> None:
        """Make the writer with the function that it reports to."""
        self.writer = make_writer(self._done)
        self.committed: Callable[[Done], None] = _nobody
        self._waiting: dict[asyncio.Future[Any], None] = {}
        self._requests = 0
        self._bytes = 0
        self._failing = False
        self.closed = False
        self.writer.ended.add_done_callback(self._writer_ended)

    def refusal(self, size_bytes: int) -> str | None:
        """Say why a request of this size cannot be taken now; None: it can."""
        if self.closed:
            return "the log is closed, or its writer has stopped"
        if self._requests >= limits.LOG_QUEUE_REQUESTS_MAX:
            return f"queue full: {self._requests} requests wait for the disk"
        if self._bytes + size_bytes > limits.LOG_QUEUE_BYTES_MAX:
            return f"queue full: {self._bytes} bytes wait for the disk"
        return None

    async def ask(self, request: Request, answer: "asyncio.Future[T]") -> T:
        """Put a request that `refusal` let pass, and wait for its answer.

        Raises what the writer answers, and UnknownOutcomeError where none comes in time.
        """
        self._requests += 1
        self._bytes += _size_bytes(request)
        self._waiting[answer] = None
        self.writer.put(request)
        try:
            async with asyncio.timeout(limits.APPEND_WAIT_SECONDS_MAX):
                return await answer
        except TimeoutError as error:
            raise UnknownOutcomeError(
                f"the disk did not answer within {limits.APPEND_WAIT_SECONDS_MAX:g} s"
            ) from error
        finally:
            self._waiting.pop(answer, None)

    async def close(self) -> None:
        """Take nothing more, and let the writer finish what it has. Harmless when repeated."""
        self.closed = True
        await self.writer.close()

    def _done(self, done: Done) -> None:
        if not all(isinstance(request, Fence) for request, _ in done.results):
            self._tell(done.failure)  # a new epoch writes nothing: it says nothing about the disk
        self.committed(done)  # readers first: whoever is answered finds the records there
        for request, result in done.results:
            self._requests -= 1
            self._bytes -= _size_bytes(request)
            settle(request.answer, result)

    def _tell(self, failure: str | None) -> None:
        """Say once that writing fails, and once that it works again."""
        if failure is not None and not self._failing:
            _LOGGER.error("%s; writes are refused until it can be", failure)
        if failure is None and self._failing:
            _LOGGER.warning("the log can be written again")
        self._failing = failure is not None

    def _writer_ended(self, _: object) -> None:
        self.closed = True
        for answer in list(self._waiting):
            settle(answer, UnknownOutcomeError("the log's writer has stopped"))


def _size_bytes(request: Request) -> int:
    return request.size_bytes if isinstance(request, Append | Transact) else 0


def _nobody(_: Done) -> None:
    """Nobody reads yet: nothing is committed before the log is open."""
