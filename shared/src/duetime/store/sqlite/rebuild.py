"""A file of read models that is built beside the live one, and takes its place.

Knows the two files and when one may replace the other; not how it is filled.
"""

from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

from duetime.store.port import Store, StoreError

_LEFT_BEHIND: Final = ("", "-wal", "-shm")

S = TypeVar("S", bound=Store)
_S_contra = TypeVar("_S_contra", bound=Store, contravariant=True)


class Live(Protocol[_S_contra]):
    """What a rebuild asks of the store that it was begun with."""

    async def replace_by(self, views: _S_contra) -> bool:
        """Take over the file of `views` if it has been read as far; say whether it is so."""
        ...


class SqliteRebuild(Generic[S]):
    """A rebuild that was begun; `SqliteStore.rebuild` gives it."""

    def __init__(self, *, live: Live[S], views: S, path: Path) -> None:
        """Take the store on the new file."""
        self._live: Final = live
        self._views: Final = views
        self._path: Final = path
        self._given_up = False
        self._active = False

    @property
    def views(self) -> S:
        """The read models that are being built; closed once they have taken over."""
        return self._views

    async def activate(self) -> bool:
        if self._given_up:
            raise StoreError("this rebuild was given up: a newer one was begun")
        self._active = self._active or await self._live.replace_by(self._views)
        return self._active

    async def give_up(self) -> None:
        """Hear that a newer one was begun."""
        self._given_up = not self._active
        await self._views.close()

    async def close(self) -> None:
        await self._views.close()
        if not (self._active or self._given_up):
            remove(self._path)


def beside(path: Path) -> Path:
    """Name the file that is built beside one."""
    return path.with_name(path.name + ".rebuild")


def remove(path: Path) -> None:
    """Delete a file of read models, with what belongs to it."""
    for suffix in _LEFT_BEHIND:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
