"""The due index's port: a partition's tasks by id, and in the order in which time wakes them.

Knows ids, instants and opaque bytes; not what a state says, nor why it wakes.
It is a cache: the truth is the changelog. Ordered by (wake_at, task id), so ties break alike
everywhere.

What is put counts at once, and for good with `commit`; `rollback` takes back what was not
committed. So an index outlives the core that filled it: what the log did not accept is taken back,
and the mark says from where in the changelog to go on.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

import msgspec


class DueIndexError(Exception):
    """The index cannot be used; the message is a sentence for a person."""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """How far an index has folded the changelog in, and of which log.

    `offset`: of the next record to fold. `as_of`: an instant at which every tombstone from there on
    was still in the log; it is kept for `delete.retention.ms` from then. `position`: the newest
    position record. `rule`: what the wakes follow from, beside the states. `passed_over`: offsets
    of records that could not be read, for the next owner to put among the dead letters.
    """

    cluster_id: str
    offset: int
    as_of: datetime
    position: bytes | None = None
    rule: str = ""
    passed_over: tuple[int, ...] = ()


class Unknown(Enum):
    """Nothing is said about it."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


class DueIndex(Protocol):
    """A partition's tasks. Synchronous and fast; asking (`until`, `first`) changes no answer.

    Raises DueIndexError where it is broken: it is to be dropped, and built anew from the changelog.
    """

    @property
    def mark(self) -> Mark | None:
        """The mark of the last commit; None: nothing was committed."""
        ...

    def get(self, task_id: str) -> bytes | None:
        """Give a task's state, or None where it is unknown."""
        ...

    def expect(self, task_ids: Iterable[str]) -> None:
        """Say which tasks will be asked for or put next, so that they are read at once."""
        ...

    @property
    def tally(self) -> int:
        """The sum of all tasks' tallies."""
        ...

    def committed_wake(self, task_id: str) -> int | None:
        """Say when a task wakes by what is committed, in microseconds since 1970; None: never."""
        ...

    def put(
        self,
        task_id: str,
        wake: int | None,
        state: bytes,
        *,
        tally: int = 0,
        woke: int | Unknown | None = UNKNOWN,
    ) -> None:
        """Set a task's state, when to wake it (None: never by time alone), and its tally.

        `wake` is in microseconds since 1970. `woke`: its `committed_wake`, from who knows it; then
        nothing has to be read.
        """
        ...

    def remove(self, task_id: str, *, woke: int | Unknown | None = UNKNOWN) -> None:
        """Forget a task; harmless where it is unknown. `woke` as for `put`."""
        ...

    def until(self, now: datetime, *, tasks_max: int) -> Sequence[str]:
        """Give the first tasks to wake up to and including `now`, in order of (wake_at, id)."""
        ...

    def first(self) -> datetime | None:
        """Give the earliest instant at which a task wakes."""
        ...

    def commit(self, task_ids: Iterable[str], mark: Mark) -> None:
        """Keep these tasks as they are now, together with the mark: all or nothing."""
        ...

    def rollback(self) -> None:
        """Take back every put and remove that was not committed."""
        ...

    def clear(self) -> None:
        """Forget everything, the mark too."""
        ...
