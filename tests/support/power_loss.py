"""A disk that loses power: what would be on it at each moment, had nothing been written since.

Knows SQLite's file system calls (an apsw VFS over the real one); nothing of the tables. A write is
on the disk for sure only once its file was synced. Until then each of its sectors may be there or
not, in any combination: an image is one such combination.

WAL over a VFS of one's own needs `locking_mode=EXCLUSIVE` (there is no shared memory), so every
connection made meanwhile gets it: one connection to a file at a time.
"""

from collections.abc import Mapping
from random import Random  # noqa: TID251 - seeded on purpose: a seed replays a failure
from typing import Final, NamedTuple, Self

import apsw

SECTOR_BYTES: Final = 512  # a disk tears a write only between sectors
CHECKPOINT_PAGES: Final = 8  # so that a short script has checkpoints too

Image = Mapping[str, bytes]
"""The bytes of files by their path."""


class Moment(NamedTuple):
    """A moment at which the power may go: what was known by then, and what the disk may hold."""

    known: int
    dropped: Image  # nothing but what was synced
    images: tuple[Image, ...]  # that, everything, and mixtures


class _Write(NamedTuple):
    offset: int
    data: bytes


class _Truncate(NamedTuple):
    size: int


class _File:
    """A file on the disk: what was synced, and what came after in its order."""

    def __init__(self) -> None:
        self.synced: bytes | None = None
        self.pending: list[_Write | _Truncate] = []

    def sync(self) -> None:
        self.synced = _after(self.synced, self.pending)
        self.pending = []


class PowerLoss(apsw.VFS):
    """The default file system while it is entered; collects moments."""

    def __init__(self, *, seed: int, mixtures: int = 2) -> None:
        self.moments: list[Moment] = []
        self.known = 0
        """How much has been acknowledged so far: kept with each moment."""
        self._files: dict[str, _File] = {}
        self._rng = Random(seed)  # noqa: S311 - the same
        self._mixtures = mixtures
        self._name = f"power-loss-{seed}-{id(self)}"
        self._default = apsw.vfs_names()[0]
        super().__init__(self._name, self._default)

    def __enter__(self) -> Self:
        apsw.set_default_vfs(self._name)
        apsw.connection_hooks.append(_exclusive)
        return self

    def __exit__(self, *_: object) -> None:
        apsw.connection_hooks.remove(_exclusive)
        apsw.set_default_vfs(self._default)
        self.unregister()

    def moment(self) -> None:
        """Take note of what the disk may hold now."""
        dropped = self._image(0.0)
        mixed = [self._image(self._rng.random()) for _ in range(self._mixtures)]
        self.moments.append(Moment(self.known, dropped, (dropped, self._image(1.0), *mixed)))

    def whole(self) -> Image:
        """Give everything that was written, synced or not."""
        return self._image(1.0)

    def file(self, name: str) -> _File:
        """Give a file by its path."""
        return self._files.setdefault(name, _File())

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_OpenFile":  # noqa: N802 - SQLite's name
        return _OpenFile(self, self._default, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's own
        super().xDelete(filename, syncdir)
        self._files.pop(filename, None)

    def _image(self, kept: float) -> Image:
        found = {}
        for name, file in self._files.items():
            content = _after(file.synced, self._some(file.pending, kept))
            if content is not None:
                found[name] = content
        return found

    def _some(self, pending: list[_Write | _Truncate], kept: float) -> list[_Write | _Truncate]:
        some: list[_Write | _Truncate] = []
        for change in pending:
            if isinstance(change, _Truncate):
                if self._rng.random() < kept:
                    some.append(change)
                continue
            some += [
                _Write(change.offset + start, change.data[start : start + SECTOR_BYTES])
                for start in range(0, len(change.data), SECTOR_BYTES)
                if self._rng.random() < kept
            ]
        return some


class _OpenFile(apsw.VFSFile):
    def __init__(
        self,
        disk: PowerLoss,
        base: str,
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk = disk
        self._file = disk.file(path) if path is not None else _File()
        super().__init__(base, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        super().xWrite(data, offset)
        self._file.pending.append(_Write(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        super().xTruncate(newsize)
        self._file.pending.append(_Truncate(newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._disk.moment()
        super().xSync(flags)
        self._file.sync()


def _after(before: bytes | None, changes: list[_Write | _Truncate]) -> bytes | None:
    if not changes:
        return before
    content = bytearray(before or b"")
    for change in changes:
        if isinstance(change, _Truncate):
            del content[change.size :]
            continue
        if len(content) < change.offset:
            content.extend(bytes(change.offset - len(content)))
        content[change.offset : change.offset + len(change.data)] = change.data
    return bytes(content)


def _exclusive(connection: apsw.Connection) -> None:
    connection.pragma("locking_mode", "exclusive")
    connection.wal_autocheckpoint(CHECKPOINT_PAGES)
