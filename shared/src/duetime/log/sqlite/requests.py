"""What the event loop asks of the writer's thread, and what it answers.

Knows values that cross threads; neither SQLite nor how they are carried out.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from duetime.log.port import Accepted, AppendOutcome, Commit, LogError, Record, Stored
from duetime.log.topics import Topic


class Append(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Append records, each for itself. All were admitted."""

    records: Sequence[Record]
    size_bytes: int
    answer: "asyncio.Future[Sequence[AppendOutcome]]"


class Transact(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Append all records or none, if no newer transactor of the name exists."""

    name: str
    partition: int
    epoch: int
    records: Sequence[Record]
    size_bytes: int
    answer: "asyncio.Future[Sequence[Accepted]]"


class Fence(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Open a new epoch for a name and partition; answered with it."""

    name: str
    partition: int
    answer: "asyncio.Future[int]"


class Save(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Keep a group's positions."""

    group: str
    partition: int
    commits: Mapping[Topic, Commit]
    answer: "asyncio.Future[None]"


class Prune(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Remove one small step of what is old; answered with the number of rows removed."""

    topic: Topic
    partition: int
    before_us: int
    answer: "asyncio.Future[int]"


Request = Append | Transact | Fence | Save | Prune

Result = Sequence[AppendOutcome] | int | LogError | None


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """One commit's outcome: the records that are now in the log, and each request's result.

    `failure`: why nothing of it was written, or may not have been.
    """

    stored: Sequence[Stored]
    results: Sequence[tuple[Request, Result]]
    failure: str | None = None
