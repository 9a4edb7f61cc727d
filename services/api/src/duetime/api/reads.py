"""Answers from the read models: one task, lists of tasks, runs and log lines.

Knows the store's port and how lists are paged; nothing is written here.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from duetime.api import answers, problems
from duetime.api.outcomes import Known
from duetime.api.visibility import Visibility
from duetime.api.wording import log_line
from duetime.limits import FILTER_READ_TASKS
from duetime.runtime.clock import Clock
from duetime.store.filters import TaskFilter
from duetime.store.port import CursorError, Slice, Store, StoreError
from duetime.store.views import TaskDocument
from duetime.task.state import Task, TaskStatus

_TASK_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII
)
CURSOR_RULE: Final = "`cursor` is taken as it stands in the Link header of the page before"

T = TypeVar("T")


class Page(answers.Rendered, frozen=True, kw_only=True):
    """A rendered list and where it goes on."""

    next_cursor: str | None


class Reads:
    """What can be asked."""

    def __init__(self, *, store: Store, visibility: Visibility, clock: Clock) -> None:
        """Ask these."""
        self._store = store
        self._visibility = visibility
        self._clock = clock

    async def document(self, task_id: str) -> TaskDocument | None:
        """Give what the read models hold under an id now; deleted tasks and strays too."""
        try:
            return await self._store.task(task_id)
        except StoreError as fault:
            raise problems.read_models_unavailable() from fault

    async def documents(self, task_ids: Sequence[str]) -> Sequence[TaskDocument]:
        """Give what the read models hold under these ids now. Raises ProblemError (503)."""
        documents: list[TaskDocument] = []
        for start in range(0, len(task_ids), FILTER_READ_TASKS):
            some = task_ids[start : start + FILTER_READ_TASKS]
            try:
                found = await self._store.find(task_ids=some, run_ids=())
            except StoreError as fault:
                raise problems.read_models_unavailable() from fault
            documents += found.tasks.values()
        return documents

    async def existing(self, task_id: str) -> tuple[TaskDocument, Task]:
        """Give a task that is not deleted.

        Raises ProblemError: 404 where there is none, which is said only after the read models have
        everything; 503 where that takes too long.
        """
        if not _TASK_ID.fullmatch(task_id):
            raise problems.unknown_task()
        document = await self.document(task_id)
        if document is None or document.task is None:
            await self._visibility.expect_current(task_id)
            document = await self.document(task_id)
        return document_and_task(document)

    async def to_change(self, task_id: str) -> tuple[TaskDocument, Task]:
        """Give a task that is not deleted, as of minutes ago at most. Raises as `existing`."""
        if _TASK_ID.fullmatch(task_id):
            await self._visibility.expect_fresh(task_id)
        return await self.existing(task_id)

    async def current(self, task_id: str) -> Known:
        """Give a task that is not deleted as of now, not of a moment ago. Raises as `existing`."""
        if not _TASK_ID.fullmatch(task_id):
            raise problems.unknown_task()
        below = await self._visibility.expect_current(task_id)
        document, _ = document_and_task(await self.document(task_id))
        return Known(document, below)

    async def expect_fresh(self, task_id: str) -> None:
        """Refuse to say what a key stands for where the read models are minutes behind (503)."""
        await self._visibility.expect_fresh(task_id)

    async def task(self, task_id: str) -> TaskDocument:
        """Give a task. Raises ProblemError (404, 503)."""
        document, _ = await self.existing(task_id)
        return document

    async def tasks(self, items_max: int, cursor: str | None, wanted: TaskFilter) -> Page:
        """List tasks that are wanted: waiting ones by next due, then finished ones."""
        now = self._clock.now()
        wanted = msgspec.structs.replace(wanted, now=now)
        page = await self._page(
            lambda: self._store.tasks(items_max=items_max, cursor=cursor, wanted=wanted)
        )
        return await _rendered(page, lambda document: answers.task_members(document, now))

    async def runs(self, items_max: int, cursor: str | None, task_id: str | None = None) -> Page:
        """List runs, of one task (404 where there is none) or of all, newest first."""
        if task_id is not None:
            await self.existing(task_id)
        page = await self._page(
            lambda: self._store.runs(items_max=items_max, cursor=cursor, task_id=task_id)
        )
        return await _rendered(page, answers.run_members)

    async def logs(self, items_max: int, cursor: str | None) -> Page:
        """List what happened as lines for people, newest first."""
        page = await self._page(lambda: self._store.runs(items_max=items_max, cursor=cursor))
        return await _rendered(page, log_line)

    async def _page(self, ask: Callable[[], Awaitable[Slice[T]]]) -> Slice[T]:
        try:
            return await ask()
        except CursorError:
            raise problems.of_parameter(
                "cursor", "is none that this list has given out", CURSOR_RULE
            ) from None
        except StoreError as fault:
            raise problems.read_models_unavailable() from fault


def document_and_task(document: TaskDocument | None) -> tuple[TaskDocument, Task]:
    """Give both where there is a task that is not deleted. Raises ProblemError (404)."""
    if document is None or document.task is None or document.task.status is TaskStatus.DELETED:
        raise problems.unknown_task()
    return document, document.task


async def _rendered(page: Slice[T], render: Callable[[T], Any]) -> Page:
    items: Sequence[T] = page.items
    return Page(body=await answers.array(items, render), next_cursor=page.next_cursor)
