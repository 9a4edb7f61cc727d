"""Which tasks a list is to show: what is asked for, and whether a task is meant.

Knows values of documents; not lists, pages or adapters.
"""

from datetime import datetime
from typing import Final

import msgspec

from duetime.store.views import ListedStatus, TaskDocument


class TaskFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; a default asks nothing. All that is asked must hold.

    `statuses` (any of them) as they stand at `now`, which must be there with them; `text` in the
    description, whatever its case; next due in [`due_from`, `due_to`).
    """

    statuses: frozenset[ListedStatus] = frozenset()
    text: str = ""
    due_from: datetime | None = None
    due_to: datetime | None = None
    now: datetime | None = None

    @property
    def everything(self) -> bool:
        """Whether it keeps every task."""
        return not (self.statuses or self.text or self.by_due)

    @property
    def by_due(self) -> bool:
        """Whether only tasks with a next due time are meant."""
        return self.due_from is not None or self.due_to is not None

    def keeps(self, document: TaskDocument) -> bool:
        """Say whether a visible task is meant."""
        if self.statuses:
            assert self.now is not None, "a status is one at some time"
            if document.status(self.now) not in self.statuses:
                return False
        if self.text:
            assert document.task is not None, "lists hold known tasks"
            if self.text.casefold() not in document.task.definition.description.casefold():
                return False
        if not self.by_due:
            return True
        due_at = document.next_due_at
        return (
            due_at is not None
            and (self.due_from is None or due_at >= self.due_from)
            and (self.due_to is None or due_at < self.due_to)
        )


EVERYTHING: Final = TaskFilter()
