"""The read-model port: what services ask of the read models, in domain verbs.

Knows documents and pages; not how events become documents, not drivers.
Every adapter passes `tests/contract/store_contract.py`; a change here starts there.

Promises of every adapter:
- `write` is idempotent: each part of a task document is guarded by the offset of its topic, runs
  by their id and position, positions never go back. A repeat changes nothing.
- Positions are written after the effects they stand for, so what `passed` confirms can be read.
- Lists are ordered and paged by cursors over that order, never by skipping.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import msgspec

from duetime.store.filters import EVERYTHING, TaskFilter
from duetime.store.views import RunDocument, TaskDocument

T = TypeVar("T")


class StoreError(Exception):
    """The read models could not do what was asked; whatever is half-done, a repeat mends."""


class CursorError(ValueError):
    """The cursor is none that this list has given out."""


class TopicPartition(msgspec.Struct, frozen=True, order=True):
    """A partition of a topic, by the topic's name."""

    topic: str
    partition: int


class Slice(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list. `next_cursor` is None on the last page; a page before it may be short."""

    items: Sequence[T]
    next_cursor: str | None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Documents by their ids: those that exist."""

    tasks: Mapping[str, TaskDocument]
    runs: Mapping[str, RunDocument]


class ViewChanges(msgspec.Struct, frozen=True, kw_only=True):
    """One flush of the projector: whole documents, runs that ended, and how far it has read.

    `positions`: the offset of the next event to read.
    """

    tasks: Sequence[TaskDocument]
    runs: Sequence[RunDocument]
    positions: Mapping[TopicPartition, int]


class TaskReads(Protocol):
    """What readers ask."""

    async def task(self, task_id: str) -> TaskDocument | None:
        """Give a task's document, deleted ones included (they say so); None where unknown."""
        ...

    async def find(self, *, task_ids: Sequence[str], run_ids: Sequence[str]) -> Found:
        """Give the documents of these tasks, and of these runs and skipped stretches."""
        ...

    async def tasks(
        self, *, items_max: int, cursor: str | None = None, wanted: TaskFilter = EVERYTHING
    ) -> Slice[TaskDocument]:
        """List visible tasks: those with a next due time by (it, id), then the rest, newest first.

        The rest (finished and paused) stand by (updated, id) downwards. Of them only those that
        are `wanted`: a page may then be short, or empty, and yet lead on. Raises CursorError.
        """
        ...

    async def runs(
        self, *, items_max: int, cursor: str | None = None, task_id: str | None = None
    ) -> Slice[RunDocument]:
        """List runs and skipped stretches, of one task or of all, newest first.

        Ordered by (finished_at, id) downwards. Raises CursorError.
        """
        ...

    async def positions(self) -> Mapping[TopicPartition, int]:
        """Give how far the read models have come: the offset of the next event, per partition."""
        ...

    async def passed(self, at: TopicPartition, offset: int, *, wait_seconds: float) -> bool:
        """Wait, bounded, until the event at `offset` is in the read models; False if it is not."""
        ...


class ViewWrites(Protocol):
    """What the projector asks."""

    async def load(self, task_ids: Sequence[str]) -> Mapping[str, TaskDocument]:
        """Give the documents of these tasks that exist."""
        ...

    async def write(self, changes: ViewChanges) -> None:
        """Write effects, then positions. Idempotent. Raises StoreError."""
        ...

    async def prune(self, before: datetime, *, items_max: int) -> int:
        """Delete runs that ended, and tasks finished or deleted, before an instant; count them.

        Oldest first, at most `items_max` in all, by the times of their events alone. Only for a
        projector that has read to the end: an event it has not read may bring a task back.
        """
        ...


class Store(TaskReads, ViewWrites, Protocol):
    """Both sides, as an adapter offers them."""

    async def close(self) -> None:
        """Let go of everything. Harmless when repeated."""
        ...


class Rebuild(Protocol):
    """Read models that are built beside the live ones, from the beginning of the log."""

    @property
    def views(self) -> Store:
        """The new read models: empty at first, and nobody reads them but who builds them."""
        ...

    async def activate(self) -> bool:
        """Put them in the place of the live ones, in one step, if they have read at least as far.

        Says whether they are live now. Who wrote to the replaced ones is refused with StoreError,
        and starts again from `positions`.
        """
        ...

    async def close(self) -> None:
        """Let go: what was not activated, and what was replaced, is dropped."""
        ...


class Rebuildable(Store, Protocol):
    """A store that can be rebuilt while it is read and written."""

    async def rebuild(self) -> Rebuild:
        """Begin a rebuild. One that was begun before and never ended is given up."""
        ...
