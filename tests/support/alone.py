"""One process of one service, told where its log and its database are: they may be away.

Knows how a service is started by its command; a stack of all of them is `stack`'s.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.ports import free_port
from deploy.local.stack import Lines, Running


@contextmanager
def started(role: str, folder: Path, told: Mapping[str, str]) -> Iterator[Running]:
    """Start a process with these settings, and end it with the block. Its lines go to `folder`."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("DUETIME_")
    }
    health = free_port()
    ports = {"DUETIME_HEALTH_PORT": str(health)}
    if role == "api":
        ports["DUETIME_API_PORT"] = str(free_port())
    running = Running(role, role, {**inherited, **ports, **told}, health)
    running.start(Lines(shown=False, folder=folder))
    try:
        yield running
    finally:
        running.kill()


def said(running: Running, folder: Path) -> str:
    """Give what it has printed so far."""
    path = folder / f"{running.name}.log"
    return path.read_text(errors="replace") if path.exists() else ""
