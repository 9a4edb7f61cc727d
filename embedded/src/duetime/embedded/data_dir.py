"""The data directory: who may use it, and in which format it is.

Knows files; not what is in the databases. An exclusive lock on the directory is the embedded
system's fence: there is no second timer, because there is no second process.
"""

import fcntl
import os
from pathlib import Path
from typing import Final, Self

FORMAT_VERSION: Final = 1
_LOCK: Final = "lock"
_FORMAT: Final = "format"


class DataDirError(Exception):
    """The data directory cannot be used; the message is a sentence for a person."""


class DataDir:
    """A data directory that this process, and no other, uses."""

    def __init__(self, path: Path, lock: int) -> None:
        """Use `open`."""
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path, *, new: bool = True) -> Self:
        """Make the directory if need be and `new` ones are welcome, lock it and check its format.

        Raises DataDirError where it is in use, in a newer format, or cannot be written.
        """
        path = path.absolute()
        if not new and not (path / _FORMAT).exists():
            message = f"There is no data of Duetime in {path}. Name its folder with --data-dir."
            raise DataDirError(message)
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as fault:
            message = f"The data directory {path} cannot be used: {fault.strerror}."
            raise DataDirError(message) from fault
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            holder = os.read(lock, 32).decode(errors="replace").strip()
            os.close(lock)
            by = f" (process {holder})" if holder else ""
            message = (
                f"Another Duetime{by} is using the data directory {path}. "
                "Stop it first, or choose another directory with --data-dir."
            )
            raise DataDirError(message) from fault
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        _check_format(path)
        return cls(path, lock)

    @property
    def log_path(self) -> Path:
        """Where the event log lives: the truth."""
        return self.path / "log.db"

    @property
    def views_path(self) -> Path:
        """Where the read models live: they can be rebuilt from the log."""
        return self.path / "views.db"

    @property
    def due_path(self) -> Path:
        """Where the due indexes live: they can be rebuilt from the log."""
        return self.path / "due"

    def close(self) -> None:
        """Let others use it. The lock also falls with the process, however it dies."""
        os.close(self._lock)


def _check_format(path: Path) -> None:
    file = path / _FORMAT
    if not file.exists():
        file.write_text(f"{FORMAT_VERSION}\n", encoding="ascii")
        return
    text = file.read_text(encoding="ascii", errors="replace").strip()
    if not text.isdecimal() or int(text) > FORMAT_VERSION:
        message = (
            f"The data directory {path} is in format {text!r}, and this Duetime reads up to format "
            f"{FORMAT_VERSION}. Use the release that wrote it, or a newer one."
        )
        raise DataDirError(message)
