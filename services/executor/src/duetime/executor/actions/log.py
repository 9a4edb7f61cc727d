"""The log action: nothing but the record that the task ran."""

from duetime.events.types import TaskDue
from duetime.executor.actions.port import Begin
from duetime.executor.targets import Target


class LogActions:
    """Performs log actions: there is nothing to do, TaskExecuted is the record."""

    def target(self, due: TaskDue) -> Target | None:
        """Act on nothing."""
        del due
        return None

    async def perform(self, due: TaskDue, begin: Begin) -> str | None:
        """Give no result: the run's description already says what it was."""
        del due
        begin()
        return None

    async def close(self) -> None:
        """Holds nothing."""
