"""What holds a service in a process of its own.

Knows signals, the health port, waiting for what is away, and how a process ends; not what any
service does, nor which adapters it uses (its `__main__` says so).

The health port is up before anything else, so that an orchestrator sees a process that waits for
its broker as alive and not ready, with the reason, instead of one that crashes and crashes.
"""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final, NoReturn, TypeVar

import structlog
import uvloop

from duetime.http.health import Health, HealthApp
from duetime.http.server import HttpService, bind
from duetime.limits import PART_ANSWER_SECONDS_MAX, PART_LOOK_SECONDS
from duetime.process.memory import keep_memory
from duetime.process.settings import ProcessSettings
from duetime.runtime.backoff import Backoff, chance
from duetime.runtime.clock import guarded_system_clock
from duetime.runtime.service import Service, supervise
from duetime.settings.base import SettingsError
from duetime.telemetry.logs import start_logging
from duetime.telemetry.loop_lag import watch_loop_lag
from duetime.telemetry.metrics import Metrics

T = TypeVar("T")
Look = Callable[[], Awaitable[object]]
"""Asks a part for something small; raises where the part is away."""

BACKOFF: Final = Backoff(first_seconds=0.05, seconds_max=5.0, fraction=chance)
_logger: Final = structlog.get_logger()


class Host:
    """What a service's `__main__` is given to open its parts with."""

    def __init__(
        self,
        *,
        name: str,
        settings: ProcessSettings,
        metrics: Metrics,
        stack: AsyncExitStack,
        group: asyncio.TaskGroup,
    ) -> None:
        """Begin with nothing open; what is opened is closed with `stack`, and runs in `group`."""
        self.name = name
        self.instance = f"{name}/{settings.instance or socket.gethostname()}"
        self.metrics = metrics
        self.health = Health()
        self.stack = stack
        self.stop = asyncio.Event()
        self.clock = guarded_system_clock(self._clock_stepped)
        self._group = group
        self._begun: list[Begun] = []
        self._waiting_for: dict[str, str] = {}
        self._watched: list[tuple[str, Look, tuple[type[Exception], ...]]] = []
        self._opened = False
        self.health.add("parts", self.unopened)

    def listen(self, address: str, port: int) -> socket.socket:
        """Bind an address; it is given back with the process. Raises SetupError."""
        return _listen(address, port, self.stack)

    def begin(self, service: Service) -> Service:
        """Run a service from now on, before the parts are open; give what stands for it then."""
        task = self._group.create_task(service.run(), name=service.name)
        begun = Begun(service, task)
        self._begun.append(begun)
        return begun

    def end_begun(self) -> None:
        """Drain what was begun, also where the parts were never opened. Harmless when repeated."""
        for begun in self._begun:
            begun.drain()

    async def patiently(
        self, what: str, open_it: Callable[[], Awaitable[T]], away: tuple[type[Exception], ...]
    ) -> T:
        """Open a part, waiting with backoff as long as it is `away`; /readyz says so meanwhile.

        Raises StoppedError where the process is asked to stop while it waits.
        """
        attempt = 0
        while True:
            try:
                opened = await open_it()
            except away as fault:
                attempt += 1
                if self._waiting_for.get(what) is None:
                    _logger.warning("waiting for what is away", what=what, reason=str(fault))
                self._waiting_for[what] = f"waiting for {what}: {fault}"
                await self._pause(BACKOFF.seconds(attempt))
            else:
                if self._waiting_for.pop(what, None) is not None:
                    _logger.info("it is back", what=what)
                return opened

    def watch(self, what: str, look: Look, away: tuple[type[Exception], ...]) -> None:
        """Look at an open part from time to time; while it is `away`, /readyz says so."""
        self._watched.append((what, look, away))
        self.health.add(what, lambda: self._waiting_for.get(what))

    async def keep_looking(self) -> None:
        """Look at what is watched until cancelled."""
        async with asyncio.TaskGroup() as group:
            for what, look, away in self._watched:
                group.create_task(self._keep_looking(what, look, away), name=f"look at {what}")

    async def _keep_looking(self, what: str, look: Look, away: tuple[type[Exception], ...]) -> None:
        gone: tuple[type[Exception], ...] = (*away, TimeoutError)
        while True:
            await asyncio.sleep(PART_LOOK_SECONDS)
            try:
                async with asyncio.timeout(PART_ANSWER_SECONDS_MAX):
                    await look()
            except gone as fault:
                reason = str(fault) or "it does not answer"
                if what not in self._waiting_for:
                    _logger.warning("waiting for what is away", what=what, reason=reason)
                self._waiting_for[what] = f"waiting for {what}: {reason}"
            else:
                if self._waiting_for.pop(what, None) is not None:
                    _logger.info("it is back", what=what)

    def unopened(self) -> str | None:
        """Say what the process waits for before its parts are open: until then it is not ready."""
        if self._opened:
            return None
        return next(iter(self._waiting_for.values()), "opening its parts")

    def open_for_work(self, services: Sequence[Service]) -> None:
        """Say that every part is open: from now on the services tell whether they are ready."""
        for service in services:
            self.health.add(service.name, service.unready)
        self.health.add("draining", lambda: "draining" if self.stop.is_set() else None)
        self._opened = True

    def _clock_stepped(self, seconds: float) -> None:
        self.metrics.clock_step_total.inc()
        _logger.warning("the wall clock was set", by_seconds=round(seconds, 3))

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), timeout=seconds)
        except TimeoutError:
            return
        raise StoppedError


class Begun:
    """A service that runs already; to run it is to wait for its end."""

    def __init__(self, service: Service, running: asyncio.Task[None]) -> None:
        """Stand for `service`, which `running` runs."""
        self.name = service.name
        self._service = service
        self._running = running

    async def run(self) -> None:
        """Wait until it has ended."""
        await self._running

    def drain(self) -> None:
        """Ask it to finish."""
        self._service.drain()

    def unready(self) -> str | None:
        """Say why it is not ready."""
        return self._service.unready()


class StoppedError(Exception):
    """The process was asked to stop before it had opened its parts."""


class SetupError(Exception):
    """The process cannot work as things are set up, and waiting does not help.

    The message is for whoever set them up: it says what is wrong, and what would be right.
    """


Opener = Callable[[Host], Awaitable[Sequence[Service]]]
"""Opens a process's parts; gives its services in the order in which they are drained."""


def host(name: str, settings: ProcessSettings, opener: Opener) -> None:
    """Run a service's process until it is told to stop.

    Exits with 2 and a sentence where it is set up so that it cannot work, with 1 where it died of a
    fault.
    """
    metrics = Metrics(of_process=True)
    with start_logging(
        form=settings.log_format, level=settings.log_level, stream=sys.stdout, metrics=metrics
    ):
        # The driver tells every request and every rebalance; what matters of them, we tell.
        logging.getLogger("aiokafka").setLevel(logging.WARNING)
        try:
            uvloop.run(_host(name, settings, metrics, opener))
        except SetupError as fault:
            refuse(fault)
        except BaseExceptionGroup as faults:
            _logger.exception("the process died", service=name, exc_info=faults)
            raise SystemExit(1) from faults


async def _host(name: str, settings: ProcessSettings, metrics: Metrics, opener: Opener) -> None:
    async with AsyncExitStack() as stack:
        listener = _listen(settings.health_host, settings.health_port, stack)
        refused: SetupError | None = None
        async with asyncio.TaskGroup() as group:
            this = Host(name=name, settings=settings, metrics=metrics, stack=stack, group=group)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, this.stop.set)
            app = HealthApp(this.health, metrics)
            told = HttpService(name="health", app=app, listener=listener)
            telling = group.create_task(told.run(), name="health")
            background = [group.create_task(watch_loop_lag(metrics), name="loop lag")]
            _logger.info("started", service=name, health=listener.getsockname()[1])
            try:
                services = await opener(this)
                this.open_for_work(services)
                background.append(group.create_task(keep_memory(), name="memory"))
                looking = group.create_task(this.keep_looking(), name="look at parts")
                background.append(looking)
                await supervise(services, this.stop)
            except StoppedError:
                pass  # it was asked to, before it had anything to drain
            except SetupError as fault:
                refused = fault  # no fault of a task: what runs already ends as at any other end
            finally:
                for task in background:
                    task.cancel()
                this.end_begun()
                told.drain()
                await asyncio.wait([telling])
        if refused is not None:
            raise refused
        _logger.info("stopped", service=name)


def _listen(address: str, port: int, stack: AsyncExitStack) -> socket.socket:
    """Bind an address until the stack ends. Raises SetupError."""
    try:
        listener = bind(address, port)
    except OSError as fault:
        raise SetupError(f"Duetime cannot listen on {address}:{port}: {fault.strerror}") from fault
    stack.callback(listener.close)
    return listener


def refuse(fault: SettingsError | ImportError | SetupError) -> NoReturn:
    """Say what is wrong with how the process is set up, and end with 2."""
    sys.stderr.write(f"{fault}\n")
    raise SystemExit(2)
