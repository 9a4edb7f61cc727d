"""One process of one service, told where its log and its database are: they may be away.

Knows how a service is started by its command; a stack of all of them is `stack`'s.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local.ports import free_port
from deploy.local.stack import Lines, Running

_END_SECONDS_MAX: Final = 30.0


class Alone(Running):
    """A process whose words are kept."""

    def __init__(self, role: str, folder: Path, told: Mapping[str, str]) -> None:
        """Describe it: what it is told, beside free ports; its lines go to `folder`."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("DUETIME_")
        }
        health = free_port()
        ports = {"DUETIME_HEALTH_PORT": str(health)}
        if role == "api":
            ports["DUETIME_API_PORT"] = str(free_port())
        super().__init__(role, role, {**inherited, **ports, **told}, health)
        self.lines = Lines(shown=False, folder=folder)
        self._printed = folder / f"{role}.log"

    def said(self) -> str:
        """Give what it has printed so far; all of it, where it has ended."""
        if not self.alive:
            self.lines.wait()
        return self._printed.read_text(errors="replace") if self._printed.exists() else ""

    def end(self) -> int:
        """Wait until it has ended by itself; give its status."""
        assert self.process is not None
        return self.process.wait(_END_SECONDS_MAX)


@contextmanager
def started(role: str, folder: Path, told: Mapping[str, str]) -> Iterator[Alone]:
    """Start a process with these settings, and end it with the block."""
    process = Alone(role, folder, told)
    process.start(process.lines)
    try:
        yield process
    finally:
        process.kill()
