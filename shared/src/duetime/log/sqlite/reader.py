"""Reads of older records from the file, on a thread and connection of their own.

Knows SQL for reading; not who is at the end of the log, which memory serves.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import msgspec

from duetime import limits
from duetime.log.port import LogAwayError, Stored
from duetime.log.sqlite.rows import batch_records, latest_record
from duetime.log.sqlite.schema import BUSY_MILLISECONDS, OFFSET_MAX, place_of, slot_of
from duetime.log.sqlite.thread import Inbox, Thread
from duetime.log.topics import TOPICS, Cleanup, Topic

Found = tuple[Sequence[Stored], int]


class Reader:
    """Reads one request after the other."""

    def __init__(self, path: Path, vfs: str | None) -> None:
        """Prepare; `start` begins. The file must have been opened by the writer before."""
        self._path = path
        self._vfs = vfs
        self._inbox: Inbox[_Read] = Inbox()
        self._thread = Thread("duetime-log-reader", self._run)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    async def read(
        self, topic: Topic, partition: int, start: int, *, records_max: int, end: int
    ) -> Found:
        """Read as `Log.read`; `end` is the end offset known before. Raises LogAwayError."""
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        if self._thread.ended.done():
            raise LogAwayError("the log is closed")
        self._inbox.put(
            _Read(
                topic=topic,
                partition=partition,
                start=start,
                records_max=records_max,
                end=end,
                answer=answer,
            )
        )
        # A reader that waits for a slow disk is late, not in doubt: it may wait for long.
        either: set[asyncio.Future[Any]] = {answer, self._thread.ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise LogAwayError("the log was closed meanwhile")
        return answer.result()

    async def close(self) -> None:
        """Finish what was asked and let go. Harmless when repeated."""
        self._inbox.put(None)
        await asyncio.wait({self._thread.ended}, timeout=limits.APPEND_WAIT_SECONDS_MAX)

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        try:
            while (request := self._inbox.wait()) is not None:
                try:
                    if connection is None:
                        connection = self._connect()
                    self._thread.settle(request.answer, _read(connection, request))
                except apsw.Error as error:
                    reason = LogAwayError(f"the log cannot be read: {error}")
                    self._thread.settle(request.answer, reason)
        finally:
            if connection is not None:
                connection.close()

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._path), vfs=self._vfs)
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        connection.pragma("query_only", value=True)
        return connection


class _Read(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    topic: Topic
    partition: int
    start: int
    records_max: int
    end: int
    answer: "asyncio.Future[Found]"


def _read(connection: apsw.Connection, request: _Read) -> Found:
    compacted = TOPICS[request.topic].cleanup is Cleanup.COMPACT
    read = _latest if compacted else _batches
    records, more = read(connection, request)
    if more:
        return records, records[-1].offset + 1
    # A commit may have come between the question and this read: then the read knows better.
    last = records[-1].offset + 1 if records else request.start
    return records, max(last, request.end)


def _batches(connection: apsw.Connection, request: _Read) -> tuple[list[Stored], bool]:
    found: list[Stored] = []
    size = 0
    cursor = connection.execute(
        "SELECT place, record_count, appended_at_us, records FROM batches"
        " WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
        _bounds(request),
    )
    for row in cursor:
        size += len(row[3])
        found += batch_records(request.topic, request.partition, row, request.start)
        if len(found) >= request.records_max or size >= limits.LOG_READ_BYTES_MAX:
            cursor.close()
            return found[: request.records_max], True
    return found, False


def _latest(connection: apsw.Connection, request: _Read) -> tuple[list[Stored], bool]:
    found: list[Stored] = []
    size = 0
    cursor = connection.execute(
        "SELECT place, key, appended_at_us, value, headers FROM latest"
        " WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
        _bounds(request),
    )
    for row in cursor:
        size += len(row[3] or b"")
        found.append(latest_record(request.topic, request.partition, row))
        if len(found) >= request.records_max or size >= limits.LOG_READ_BYTES_MAX:
            cursor.close()
            return found, True
    return found, False


def _bounds(request: _Read) -> tuple[int, int, int]:
    slot = slot_of(request.topic, request.partition)
    return place_of(slot, request.start), place_of(slot, OFFSET_MAX), request.records_max
