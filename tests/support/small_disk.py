"""A disk of a few megabytes: a tmpfs in a mount namespace of its own, no privileges needed.

Knows `unshare`, `nsenter` and how to fill a disk; not what is kept on it. Seen from outside through
the namespace's keeper, so what is on it outlives any process of the test.
"""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import pytest

MISSING: Final = "no disk of its own for a test: needs unshare, nsenter and user namespaces (Linux)"
_WAIT_SECONDS: Final = 10.0
_CHUNK_BYTES: Final = 64 * 1024


class NoDiskError(Exception):
    """This machine does not let us make one."""


class SmallDisk:
    """A file system of so many bytes at `path`, for what is run `within` it."""

    def __init__(self, path: Path, *, size_bytes: int) -> None:
        """Make it. Raises NoDiskError where the machine does not allow that."""
        if shutil.which("unshare") is None or shutil.which("nsenter") is None:
            raise NoDiskError
        path.mkdir()
        script = 'mount -t tmpfs -o size="$1" none "$2" && echo ready && exec cat'
        self._keeper = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", script, "sh", str(size_bytes), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != b"ready\n":
            self.close()
            raise NoDiskError
        self.path = path
        self.within = (
            *("nsenter", "--target", str(self._keeper.pid), "--user", "--mount"),
            *("--preserve-credentials", "--"),
        )
        self._ballast = self.seen(path / "ballast")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seen(self, path: Path) -> Path:
        """Give where a file of the disk is seen from outside."""
        return Path(f"/proc/{self._keeper.pid}/root{path}")

    def fill(self) -> None:
        """Leave no byte free."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (_CHUNK_BYTES, 1):
                with contextlib.suppress(_Full):
                    while True:
                        _write(ballast.fileno(), b"x" * size)

    def empty(self) -> None:
        """Give the room back."""
        self._ballast.unlink()

    def close(self) -> None:
        """Let it go, with all that is on it."""
        self._keeper.send_signal(signal.SIGKILL)
        self._keeper.wait(_WAIT_SECONDS)
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            assert pipe is not None
            pipe.close()


class _Full(Exception):  # noqa: N818 - a state, not a fault
    """No byte is free."""


@contextlib.contextmanager
def small_disk(path: Path, *, size_bytes: int) -> Iterator[SmallDisk]:
    """Give one for a test; skips it where the machine does not allow that."""
    try:
        made = SmallDisk(path, size_bytes=size_bytes)
    except NoDiskError:
        pytest.skip(MISSING)
    with made:
        yield made


def _write(file: int, content: bytes) -> None:
    try:
        if os.write(file, content) < len(content):
            raise _Full
    except OSError as fault:
        if fault.errno != errno.ENOSPC:
            raise
        raise _Full from fault
