"""The python action: functions that users register by name, sync or async.

Knows the registry and how a function is called; not what a run is for.
A synchronous function runs in a bounded pool of threads. Python cannot stop a thread, so after a
timeout the attempt is recorded as timed out while the function may still be running: write
functions that end by themselves.
"""

import asyncio
import importlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from typing import Any, Final, TypeVar

from duetime.events.types import PythonAction, TaskDue
from duetime.executor.actions.port import RunContext
from duetime.limits import PYTHON_THREADS_MAX

ENTRY_POINTS: Final = "duetime.actions"

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

_registered: Final[dict[str, Function]] = {}


class UnknownActionError(LookupError):
    """No function is registered under the name that the task gives."""


def action(name: str) -> Callable[[F], F]:
    """Register a function under `name`: `@action("send_report")`.

    It is called as `function(context, **args)` with a RunContext and the task's `args`; what it
    gives back becomes the run's result. Raises ValueError where the name is taken.
    """

    def register(function: F) -> F:
        known = _registered.get(name)
        if known is not None and known is not function:
            message = f"a python action named {name!r} is registered already"
            raise ValueError(message)
        _registered[name] = function
        return function

    return register


def load_functions(modules: Iterable[str]) -> Mapping[str, Function]:
    """Import modules that register functions, add the entry points, give all by name.

    Raises ImportError with the module's name where one cannot be imported.
    """
    for module in modules:
        importlib.import_module(module)
    for entry_point in entry_points(group=ENTRY_POINTS):
        action(entry_point.name)(entry_point.load())
    return dict(_registered)


class PythonActions:
    """Performs python actions."""

    def __init__(self, functions: Mapping[str, Function]) -> None:
        """Take the functions by name."""
        self._functions = functions
        self._threads: ThreadPoolExecutor | None = None

    async def perform(self, due: TaskDue) -> str | None:
        """Call the function that the task names."""
        assert isinstance(due.action, PythonAction)
        function = self._functions.get(due.action.name)
        if function is None:
            known = ", ".join(sorted(self._functions)) or "none"
            message = f"no python action is named {due.action.name!r} (registered: {known})"
            raise UnknownActionError(message)
        context = RunContext(
            run_id=due.run_id,
            task_id=due.task_id,
            description=due.description,
            attempt=due.attempt,
            nominal_at=due.nominal_at,
            due_at=due.due_at,
        )
        if inspect.iscoroutinefunction(function):
            result = await function(context, **due.action.args)
        else:
            loop = asyncio.get_running_loop()
            args = due.action.args
            result = await loop.run_in_executor(self._pool(), lambda: function(context, **args))
        return _text(result)

    async def close(self) -> None:
        """Let the threads end; one that hangs does not hold up the process's end."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(PYTHON_THREADS_MAX, thread_name_prefix="action")
        return self._threads


def _text(result: object) -> str | None:
    if result is None or isinstance(result, str):
        return result
    try:
        return json.dumps(result, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(result)
