"""A whole Duetime on virtual time: several processes of each service over one log and one database.

Knows which parts a process of each role has, and how processes begin and end. The parts are the
real ones; what is simulated is the ground they stand on.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Final

from duetime.api.app import Beside, build_app
from duetime.api.settings import ApiSettings
from duetime.events.types import LogAction, PythonAction
from duetime.executor.actions.log import LogActions
from duetime.executor.service import executor_service
from duetime.http.asgi import App
from duetime.limits import LOOKAHEAD_SECONDS
from duetime.log_projector.lane import Pace
from duetime.log_projector.service import projector_service
from duetime.runtime.backoff import Backoff
from duetime.runtime.ids import CountingIds
from duetime.runtime.service import Service
from duetime.runtime.worker import Worker
from duetime.telemetry.metrics import Metrics
from duetime.timer.core import Leaving
from duetime.timer.indexes import Indexes
from duetime.timer.service import timer_service
from duetime.timer.standby import Standby
from tests.simulation.broker import Broker
from tests.simulation.database import Database, ProcessStore
from tests.simulation.disk import Disk
from tests.simulation.faults import ProcessLog
from tests.simulation.history import History, instant
from tests.simulation.network import Network
from tests.simulation.process import Process
from tests.simulation.switches import Switches
from tests.simulation.target import ACTION_NAME, Target

SESSION_SECONDS: Final = 6.0  # a member that is silent for so long loses its partitions
PACE: Final = Pace(tasks_seconds=0.2, runs_seconds=0.5)
CONCURRENCY: Final = 100
RESTART_AFTER_DEATH_SECONDS: Final = 1.0
ROLES: Final = ("api", "timer", "executor", "projector")
_DRAIN_SECONDS_MAX: Final = 20.0
_IDS_PER_LIFE: Final = 1_000_000


class World:
    """The ground, and the processes on it by their slot (`timer-1`)."""

    def __init__(self, switches: Switches) -> None:
        """Draw the ground from the seed; `start` puts the processes on it."""
        loop = asyncio.get_running_loop()
        self.switches = switches
        self.history = History()
        self.network = Network(switches, self.history)
        self.broker = Broker(switches.partitions, lambda: instant(loop.time()))
        self.database = Database()
        self.processes: dict[str, Process] = {}
        self.apps: dict[str, App] = {}
        self.workers: dict[str, Worker] = {}
        self.disks = {slot: Disk() for slot in self.slots() if slot.startswith("timer")}
        self._services: dict[str, Sequence[Service]] = {}
        self.due_moments: list[float] = []  # what callers have asked for: faults aim at it
        self._rng = Random(f"world/{switches.seed}")
        self._lives: dict[str, int] = {}
        self._births = 0

    @property
    def now(self) -> float:
        """Give the virtual seconds since the history began."""
        return asyncio.get_running_loop().time()

    def slots(self) -> list[str]:
        """Name every slot, in a fixed order."""
        counts = (
            self.switches.apis,
            self.switches.timers,
            self.switches.executors,
            self.switches.projectors,
        )
        return [
            f"{role}-{number}"
            for role, count in zip(ROLES, counts, strict=True)
            for number in range(1, count + 1)
        ]

    def start(self, slot: str) -> Process:
        """Start a process in a slot that is empty."""
        assert slot not in self.processes
        life = self._lives[slot] = self._lives.get(slot, 0) + 1
        skew = self._rng.uniform(-self.switches.skew_seconds, self.switches.skew_seconds)
        process = Process(name=slot, role=slot.partition("-")[0], life=life, skew_seconds=skew)
        self.processes[slot] = process
        self.history.note(self.now, process.name, "starts")
        log = ProcessLog(self.broker, self.network, process)
        if process.role == "api":
            self.apps[slot] = self._api(process, log)
        else:
            services = self._services[slot] = self._services_of(process, log)
            main = process.spawn(_run(services), "main")
            main.add_done_callback(lambda task: self._ended(slot, process, task))
        return process

    def heal(self) -> None:
        """End every fault: all is reachable, every slot is filled, nothing sleeps."""
        self.network.calmed.set()
        self.network.log_away = self.network.store_away = False
        for process in self.processes.values():
            process.slow_until = 0.0
            if process.suspended:
                process.resume()
        for slot in self.slots():
            if slot not in self.processes:
                self.start(slot)

    def crash(self, slot: str) -> Process:
        """Kill the process in a slot; the log notices when its session ends."""
        process = self._take_out(slot)
        process.crash()
        asyncio.get_running_loop().call_later(SESSION_SECONDS, self._expel, process, True)
        return process

    async def drain(self, slot: str) -> bool:
        """Ask the process to end by itself, and wait, bounded; False where it had to be killed."""
        process = self.processes[slot]
        services = self._services.get(slot)
        if services is not None:
            for service in services:
                service.drain()
            await asyncio.wait(list(process.tasks), timeout=_DRAIN_SECONDS_MAX)
            if self.processes.get(slot) is not process:
                return True  # ended, or was killed meanwhile
            self.crash(slot)
            return False
        self._take_out(slot).crash()
        return True

    def suspend(self, slot: str) -> Process:
        """Freeze the process in a slot."""
        process = self.processes[slot]
        process.suspend()
        asyncio.get_running_loop().call_later(SESSION_SECONDS, self._expel, process, False)
        self.history.note(self.now, process.name, "is suspended")
        return process

    def _take_out(self, slot: str) -> Process:
        process = self.processes.pop(slot)
        self.apps.pop(slot, None)
        self.workers.pop(slot, None)
        self._services.pop(slot, None)
        self.history.note(self.now, process.name, "ends")
        return process

    def _expel(self, process: Process, gone: bool) -> None:
        for subscription in process.subscriptions:
            if gone:
                self.network.carry(subscription.close())
            elif process.suspended:
                self.broker.expel(subscription)

    def _ended(self, slot: str, process: Process, main: "asyncio.Task[None]") -> None:
        """Take note of a main task's end: asked for, or a death by itself."""
        if self.processes.get(slot) is not process:
            return
        self._take_out(slot)
        fault = None if main.cancelled() else main.exception()
        process.alive = False
        if fault is None:
            return  # drained
        self.history.deaths.append((self.now, process.name, describe(fault)))
        self.history.note(self.now, process.name, f"DIED: {describe(fault)}")
        process.crash()
        self._expel(process, gone=True)
        loop = asyncio.get_running_loop()
        loop.call_later(RESTART_AFTER_DEATH_SECONDS, self._restart, slot)

    def _restart(self, slot: str) -> None:
        if slot not in self.processes:
            self.start(slot)

    def _api(self, process: Process, log: ProcessLog) -> App:
        self._births += 1
        return build_app(
            log=log,
            store=ProcessStore(self.database, self.network, process),
            clock=process.clock,
            ids=CountingIds(self._births * _IDS_PER_LIFE),
            metrics=Metrics(),
            settings=ApiSettings(),
            beside=Beside(python_actions=(ACTION_NAME,)),
        )

    def _services_of(self, process: Process, log: ProcessLog) -> Sequence[Service]:
        """Give what the process runs, as its composition root puts it together."""
        if process.role == "timer":
            indexes = Indexes(self.disks[process.slot].of(process))
            worker = self._timer(process, log, indexes)
            standby = Standby(
                log=log,
                clock=process.clock,
                indexes=indexes,
                lookahead_seconds=LOOKAHEAD_SECONDS,
                backoff=self._backoff(process, "standby"),
            )
            services: Sequence[Service] = (worker, standby)
        else:
            worker = self._worker(process, log)
            services = (worker,)
        self.workers[process.slot] = worker
        return services

    def _backoff(self, process: Process, of: str) -> Backoff:
        chance = Random(f"backoff/{self.switches.seed}/{process.name}/{of}")
        return Backoff(first_seconds=0.05, seconds_max=2.0, fraction=chance.random)

    def _timer(self, process: Process, log: ProcessLog, indexes: Indexes) -> Worker:
        return timer_service(
            log=log,
            clock=process.clock,
            name=process.name,
            indexes=indexes,
            leaving=Leaving(timedelta(seconds=LOOKAHEAD_SECONDS)),
            backoff=self._backoff(process, "worker"),
            metrics=Metrics(),
        )

    def _worker(self, process: Process, log: ProcessLog) -> Worker:
        backoff = self._backoff(process, "worker")
        if process.role == "executor":
            return executor_service(
                log=log,
                clock=process.clock,
                name=process.name,
                actions={
                    LogAction: LogActions(),
                    PythonAction: Target(self.history, process),
                },
                concurrency=CONCURRENCY,
                backoff=backoff,
                metrics=Metrics(),
            )
        return projector_service(
            log=log,
            store=ProcessStore(self.database, self.network, process),
            clock=process.clock,
            pace=PACE,
            backoff=backoff,
            metrics=Metrics(),
        )

    def of_role(self, *roles: str) -> Sequence[str]:
        """Name the slots of these roles whose process runs and is not suspended."""
        return [
            slot
            for slot, process in sorted(self.processes.items())
            if process.role in roles and not process.suspended
        ]


async def _run(services: Sequence[Service]) -> None:
    """Run what a process runs: where one ends by a fault, all end."""
    async with asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(service.run(), name=service.name)


def describe(fault: BaseException) -> str:
    """Say what a fault was, down to its first cause."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return f"{type(fault).__name__}: {fault}"
