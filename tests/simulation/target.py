"""What runs act on: the outside system that sees every start, by the clock of who starts it.

Knows how to be an action of an executor; not what should start, nor when.
"""

import asyncio

from duetime.events.types import PythonAction, TaskDue
from duetime.executor.actions.port import Begin
from duetime.executor.targets import Target as TargetName
from tests.simulation.history import History, Start
from tests.simulation.process import Process

ACTION_NAME = "simulated"


class SimulatedFailureError(Exception):
    """The action was asked to fail."""


class Target:
    """One executor's way to the outside system: an action that takes time, and may fail."""

    def __init__(self, history: History, process: Process) -> None:
        """Write down what this process starts."""
        self._history = history
        self._process = process

    def target(self, due: TaskDue) -> TargetName | None:
        """Name what the task's definition names; most name nothing, and are bounded by slots."""
        assert isinstance(due.action, PythonAction)
        name = due.action.args.get("target")
        return None if name is None else TargetName(str(name))

    async def perform(self, due: TaskDue, begin: Begin) -> str | None:
        """Be started; raises SimulatedFailureError where the task's definition says so."""
        action = due.action
        assert isinstance(action, PythonAction)
        loop = asyncio.get_running_loop()
        process = self._process
        if not process.alive:
            return None
        begin()
        start = Start(
            at=loop.time(),
            clock_at=process.clock.now(),
            process=process.name,
            run_id=due.run_id,
            task_id=due.task_id,
            attempt=due.attempt,
            nominal_at=due.nominal_at,
            due_at=due.due_at,
            description=due.description,
        )
        self._history.starts.append(start)
        self._history.note(start.at, process.name, f"starts {due.run_id[-8:]} #{due.attempt}")
        process.actions_in_flight += 1
        try:
            await asyncio.sleep(float(action.args.get("seconds", 0.0)))
        finally:
            process.actions_in_flight -= 1
        if process.alive:
            start.ended_at = loop.time()
        if action.args.get("fail"):
            start.failed = True
            raise SimulatedFailureError("as asked")
        return "done"

    async def close(self) -> None:
        """Holds nothing."""
