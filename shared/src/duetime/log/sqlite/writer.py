"""The one writer of the file: a thread with its own connection.

Knows the order of requests, epochs and offsets; SQL is `commit`'s. Requests that wait together
share one commit and so one sync; one that comes alone is committed at once, without company.
"""

import asyncio
import queue
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import apsw
import msgspec

from duetime import limits
from duetime.log.port import (
    Accepted,
    Commit,
    FencedError,
    LogAwayError,
    LogError,
    Record,
    Refused,
    Stored,
    Unknown,
    UnknownOutcomeError,
)
from duetime.log.sqlite import schema
from duetime.log.sqlite.commit import CommitFailedError, Work, carry_out
from duetime.log.sqlite.requests import (
    Append,
    Done,
    Fence,
    Prune,
    Request,
    Result,
    Save,
    Transact,
)
from duetime.log.sqlite.rows import instant, microseconds
from duetime.log.sqlite.thread import Inbox, Thread
from duetime.log.topics import Topic


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What the file held when it was opened."""

    cluster_id: str
    ends: Mapping[tuple[Topic, int], int]
    committed: Mapping[tuple[str, int], Mapping[Topic, Commit]]


class Writer:
    """Commits requests in the order in which they were put."""

    def __init__(
        self,
        *,
        path: Path,
        partitions: int,
        now: Callable[[], datetime],
        vfs: str | None,
        report: Callable[[Done], None],
    ) -> None:
        """Prepare; `open` begins. `report` is called on the loop, once for each commit."""
        self._path = path
        self._partitions = partitions
        self._now = now
        self._vfs = vfs
        self._report = report
        self._inbox: Inbox[Request] = Inbox()
        self._thread = Thread("duetime-log-writer", self._run)
        self._opened: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        # Of the thread alone from here on.
        self._ends: dict[int, tuple[int, int]] = {}
        self._epochs: dict[tuple[str, int], int] = {}

    @property
    def ended(self) -> "asyncio.Future[None]":
        """Done when the thread has ended, whatever ended it."""
        return self._thread.ended

    async def open(self) -> Opened:
        """Open the file and begin to serve. Raises LogError."""
        self._thread.start()
        return await self._opened

    def put(self, request: Request) -> None:
        """Hand a request over; its outcome comes by `report`."""
        self._inbox.put(request)

    async def close(self) -> None:
        """Commit what was put before and let go. Harmless when repeated."""
        self._inbox.put(None)
        await asyncio.wait({self._thread.ended}, timeout=limits.APPEND_WAIT_SECONDS_MAX)

    def _run(self) -> None:
        try:
            connection = schema.connect(self._path, self._vfs)
        except apsw.Error as error:
            self._thread.settle(self._opened, LogError(f"{self._path} cannot be opened: {error}"))
            return
        try:
            opened = self._open(connection)
            self._thread.settle(self._opened, opened)
            if not isinstance(opened, LogError):
                self._serve(connection)
        finally:
            connection.close()

    def _open(self, connection: apsw.Connection) -> Opened | LogError:
        try:
            cluster_id = schema.prepare(connection, self._path, self._partitions)
            self._ends = schema.ends(connection, self._partitions)
            committed = schema.committed(connection)
        except LogError as error:
            return error
        except apsw.Error as error:
            return LogError(f"{self._path} cannot be opened: {error}")
        ends = {schema.slot_named(slot): end for slot, (end, _) in self._ends.items()}
        return Opened(cluster_id=cluster_id, ends=ends, committed=committed)

    def _serve(self, connection: apsw.Connection) -> None:
        more = True
        while more:
            requests, more = self._together()
            if requests:
                self._thread.call(self._report, self._commit(connection, requests))

    def _together(self) -> tuple[list[Request], bool]:
        """Give the requests of the next commit, and whether there can be another."""
        requests: list[Request] = []
        records = 0
        request = self._inbox.wait()
        while request is not None:
            requests.append(request)
            if isinstance(request, Append | Transact):
                records += len(request.records)
            if records >= limits.GROUP_COMMIT_RECORDS_MAX:
                return requests, True
            try:
                request = self._inbox.next()
            except queue.Empty:
                return requests, True
        return requests, False

    def _commit(self, connection: apsw.Connection, requests: list[Request]) -> Done:
        work = Work(now_us=microseconds(self._now()))
        ends: dict[int, tuple[int, int]] = {}
        results = [(request, self._staged(request, work, ends)) for request in requests]
        try:
            removed = carry_out(connection, work)
        except CommitFailedError as failure:
            failed = [(request, _failed(request, result, failure)) for request, result in results]
            return Done(stored=(), results=failed, failure=str(failure))
        self._ends.update(ends)
        pruned = iter(removed)
        return Done(
            stored=work.stored,
            results=[
                (request, next(pruned) if isinstance(request, Prune) else result)
                for request, result in results
            ],
        )

    def _staged(self, request: Request, work: Work, ends: dict[int, tuple[int, int]]) -> Result:
        """Add a request to the work; give its result, if the work is done."""
        match request:
            case Append():
                return self._placed(request.records, work, ends)
            case Transact():
                epoch = self._epochs.get((request.name, request.partition))
                if epoch != request.epoch:
                    return FencedError(
                        f"a newer transactor of {request.name},"
                        f" partition {request.partition}, exists"
                    )
                return self._placed(request.records, work, ends)
            case Fence():
                epoch = self._epochs.get((request.name, request.partition), 0) + 1
                self._epochs[request.name, request.partition] = epoch
                return epoch
            case Save():
                for topic, commit in request.commits.items():
                    slot = schema.slot_of(topic, request.partition)
                    work.positions[request.group, slot] = commit
                return None
            case Prune():
                slot = schema.slot_of(request.topic, request.partition)
                work.prunes.append((request.topic, slot, request.before_us))
                return 0

    def _placed(
        self, records: Sequence[Record], work: Work, ends: dict[int, tuple[int, int]]
    ) -> list[Accepted]:
        """Give records their offsets and times, and add them to the work."""
        accepted = []
        known_us, appended_at = work.now_us, instant(work.now_us)
        for record in records:
            slot = schema.slot_of(record.topic, record.partition)
            offset, newest_us = ends.get(slot) or self._ends[slot]
            # The clock may step back; the order in a partition may not.
            appended_at_us = max(work.now_us, newest_us)
            if appended_at_us != known_us:
                known_us, appended_at = appended_at_us, instant(appended_at_us)
            ends[slot] = (offset + 1, appended_at_us)
            stored = Stored(
                topic=record.topic,
                partition=record.partition,
                offset=offset,
                appended_at=appended_at,
                key=record.key,
                value=record.value,
                headers=dict(record.headers),
            )
            work.add(slot, stored)
            accepted.append(Accepted(offset, appended_at))
        return accepted


def _failed(request: Request, result: Result, failure: CommitFailedError) -> Result:
    """Give a request's result after the commit that it shared has failed."""
    if isinstance(result, LogError):
        return result
    reason = str(failure)
    match request:
        case Append():
            outcome = Unknown(reason) if failure.doubtful else Refused(reason)
            return [outcome] * len(request.records)
        case Fence():
            return result  # an epoch is not on disk: the newer transactor may go on
        case Transact() | Save() | Prune():
            return UnknownOutcomeError(reason) if failure.doubtful else LogAwayError(reason)
