"""Looking into SQLite from a test: its connections, their threads and commits, its syncs.

Knows apsw's hooks; nothing of the tables.
"""

import asyncio
import threading
from typing import Self

import apsw

from tests.support.records import WAIT_SECONDS


class Watched:
    """Every connection to SQLite that is made meanwhile, and the threads on which it is used."""

    def __init__(self) -> None:
        self.connections: list[apsw.Connection] = []
        self.threads: set[str] = set()
        self.commits = 0
        self._committing = threading.Event()
        self._may_commit = threading.Event()
        self._may_commit.set()

    def __enter__(self) -> Self:
        apsw.connection_hooks.append(self.made)
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()
        apsw.connection_hooks.remove(self.made)

    @property
    def writer(self) -> apsw.Connection:
        """The writer's connection: the first one."""
        return self.connections[0]

    def hold(self) -> None:
        """Hold the next commit of the writer, and count anew."""
        self.commits = 0
        self._committing.clear()
        self._may_commit.clear()

    def let_go(self) -> None:
        """Hold commits no longer."""
        self._may_commit.set()

    async def first_commit(self) -> None:
        """Wait until the writer holds a commit."""
        assert await asyncio.to_thread(self._committing.wait, WAIT_SECONDS)

    def made(self, connection: apsw.Connection) -> None:
        self.connections.append(connection)
        self._used()
        connection.trace_v2(apsw.SQLITE_TRACE_STMT | apsw.SQLITE_TRACE_CLOSE, self._used)
        if len(self.connections) == 1:
            connection.set_commit_hook(self._commit)

    def _used(self, _: object = None) -> None:
        self.threads.add(threading.current_thread().name)

    def _commit(self) -> bool:
        self.commits += 1
        self._committing.set()
        assert self._may_commit.wait(WAIT_SECONDS)
        return False


class FailingSyncs(apsw.VFS):
    """A file system whose syncs fail while it is told to."""

    def __init__(self, name: str) -> None:
        self.failing = False
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "FailingFile":  # noqa: N802 - SQLite's name
        return FailingFile(self, name, flags)


class FailingFile(apsw.VFSFile):
    def __init__(
        self, vfs: FailingSyncs, name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        self._vfs = vfs
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        if self._vfs.failing:
            raise apsw.IOError
        super().xSync(flags)
