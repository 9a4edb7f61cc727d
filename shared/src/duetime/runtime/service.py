"""One life cycle for every long-lived part of a process: start, ready, drain, stop.

Knows that a service runs until it is drained, and that its early end is a fault; not what it does.
The death of any service ends the process, loudly: a silent one would be a task nobody runs.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from duetime.limits import DRAIN_SECONDS_MAX, STOP_SECONDS


class ServiceDiedError(Exception):
    """A service ended although nobody had asked it to."""


class Service(Protocol):
    """A long-lived part of a process."""

    @property
    def name(self) -> str:
        """Names it in logs and in /readyz."""
        ...

    async def run(self) -> None:
        """Work until drained. Raising, or ending early, ends the process."""
        ...

    def drain(self) -> None:
        """Ask `run` to finish; harmless when repeated."""
        ...

    def unready(self) -> str | None:
        """Say why it is not ready, or None when it is."""
        ...


async def supervise(services: Sequence[Service], stop: asyncio.Event) -> None:
    """Run services until `stop`, then drain them in their order; bounded.

    Those first in order are drained first and have ended before the next are asked, so what takes
    requests stops before what does the work. Raises what a service raised, or ServiceDiedError.
    """
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(_guarded(service, stop), name=service.name) for service in services
        ]
        await stop.wait()
        for service, task in zip(services, running, strict=True):
            service.drain()
            _, late = await asyncio.wait([task], timeout=DRAIN_SECONDS_MAX + STOP_SECONDS)
            for straggler in late:
                straggler.cancel()


async def _guarded(service: Service, stop: asyncio.Event) -> None:
    await service.run()
    if not stop.is_set():
        message = f"{service.name} ended by itself"
        raise ServiceDiedError(message)
