"""The python action: functions that users register by name, sync or async.

Knows the registry and how a function is called; not what a run is for.
A synchronous function runs in a bounded pool of threads. Python cannot stop a thread, so after a
timeout the attempt is recorded as timed out while the function may still be running: write
functions that end by themselves.
"""

import importlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from typing import Any, Final, TypeVar

from duetime.events.types import PythonAction, TaskDue
from duetime.executor.actions.port import Begin, RunContext
from duetime.executor.actions.threads import Raised, Threads
from duetime.executor.targets import Target
from duetime.limits import PYTHON_THREADS_MAX, PYTHON_THREADS_PER_FUNCTION_MAX

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
        self._threads = Threads(
            PYTHON_THREADS_MAX, of_one_max=PYTHON_THREADS_PER_FUNCTION_MAX, name="action"
        )
        self._targets = {name: _target(name, function) for name, function in functions.items()}
        self._coroutines = frozenset(
            name for name, function in functions.items() if inspect.iscoroutinefunction(function)
        )

    def target(self, due: TaskDue) -> Target | None:
        """Name the function; one that needs a thread has fewer runs at a time."""
        assert isinstance(due.action, PythonAction)
        return self._targets.get(due.action.name)

    async def perform(self, due: TaskDue, begin: Begin) -> str | None:
        """Call the function that the task names; a synchronous one begins when it has a thread."""
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
        args = due.action.args
        if due.action.name in self._coroutines:
            begin()
            return _text(await function(context, **args))
        end = await self._threads.call(
            lambda: function(context, **args), of=due.action.name, begin=begin
        )
        if isinstance(end, Raised):
            raise _raisable(end.fault)
        # An object that is called, or a wrapper, may hide a coroutine function.
        return _text(await end.value if inspect.isawaitable(end.value) else end.value)

    async def close(self) -> None:
        """Let the threads end; one that hangs does not hold up the process's end."""
        self._threads.close()


def _target(name: str, function: Function) -> Target:
    if inspect.iscoroutinefunction(function):
        return Target(f"python {name}")
    return Target(f"python {name}", PYTHON_THREADS_PER_FUNCTION_MAX)


def _text(result: object) -> str | None:
    if result is None or isinstance(result, str):
        return result
    for text in (_json, repr):
        # A result that cannot be shown, cyclic, too deep or of a class that raises, is no failure.
        with suppress(Exception):
            return text(result)
    return f"<{type(result).__name__}>"


def _json(result: object) -> str:
    return json.dumps(result, ensure_ascii=False)


def _raisable(fault: BaseException) -> BaseException:
    """Give what a coroutine may raise of what a function in a thread did.

    StopIteration would read as its own end, and an interrupt as one of the process, though signals
    arrive in the main thread alone.
    """
    if isinstance(fault, StopIteration | KeyboardInterrupt | GeneratorExit):
        return RuntimeError(f"the function raised {type(fault).__name__}")
    return fault
