"""Work for several processes at once, each of which begins fresh: nothing of ours is imported yet.

Knows processes and that they may die; not what they do. They are forked from a server that has
imported the foreign packages, which is most of what a beginning costs.
"""

import contextlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Final, Self, TypeVar

T = TypeVar("T")

_PRELOADED: Final = ["fastapi", "fastapi.responses", "msgspec", "orjson", "prometheus_client"]
_PRELOADED_TOO: Final = ["pydantic", "pydantic_settings", "structlog", "structlog.dev"]
_CONTEXT: Final = multiprocessing.get_context("forkserver")


class Crew:
    """So many processes at once; one for each piece of work."""

    def __init__(self, count: int, *, seconds_max: float) -> None:
        """Take how many, and how long one piece of work may take."""
        _CONTEXT.set_forkserver_preload([*_PRELOADED, *_PRELOADED_TOO])
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="crew")
        self._seconds_max = seconds_max

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def submit(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Have a module's function called in a process of its own, when it is its turn.

        The future raises what the function raised, as a RuntimeError that says so.
        """
        return self._threads.submit(self._call, function, arguments)

    def _call(self, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        receiver, sender = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=_tell, args=(sender, function, arguments), daemon=True)
        process.start()
        sender.close()
        try:
            if not receiver.poll(self._seconds_max):
                raise RuntimeError(f"no answer within {self._seconds_max:g} s")
            answer, fault = receiver.recv()
        except EOFError:
            raise RuntimeError("the process died without an answer") from None
        finally:
            receiver.close()
            process.kill()
            process.join()
            process.close()
        if fault is not None:
            raise RuntimeError(fault)
        result: T = answer
        return result


def _tell(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        told: tuple[Any, str | None] = (function(*arguments), None)
    except BaseException as fault:  # noqa: BLE001 - whatever it is, the other side must hear of it
        told = (None, f"{type(fault).__name__}: {fault}")
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        sender.send(told)
    sender.close()
