"""What lies between a process and the log and the read models: delays, faults, and who saw them.

Knows chance (seeded), which faults are on, and how to note them; not the ports themselves.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, Final, TypeVar

from duetime.log.port import LogAwayError
from tests.simulation.history import Fault, FaultKind, History
from tests.simulation.process import Process
from tests.simulation.switches import Switches

T = TypeVar("T")

_LATENCY_SECONDS_MAX: Final = 0.004  # one way, within a data centre
_SLOW_LATENCY_SHARE: Final = 0.02  # of the ways takes up to fifty times as long
_SLOW_LATENCY_SECONDS_MAX: Final = 0.2


class Network:
    """Chance, weather and the notebook of faults, shared by all processes of a world."""

    def __init__(self, switches: Switches, history: History) -> None:
        """Draw everything from the seed."""
        self.switches = switches
        self.history = history
        self.rng = Random(f"network/{switches.seed}")
        self.log_away = False
        self.store_away = False
        self.calmed = asyncio.Event()  # the faults are over
        self.current: dict[FaultKind, Fault] = {}  # the windows that are open now
        self.next_fault: FaultKind | None = None  # what the next call that can meet it does meet
        self._carriers: dict[asyncio.Task[Any], None] = {}

    @property
    def calm(self) -> bool:
        """Whether the faults are over."""
        return self.calmed.is_set()

    def latency_seconds(self) -> float:
        """Draw the time of one way."""
        if self.rng.random() < _SLOW_LATENCY_SHARE:
            return self.rng.uniform(0.0, _SLOW_LATENCY_SECONDS_MAX)
        return self.rng.uniform(0.0, _LATENCY_SECONDS_MAX)

    def strikes(self, *kinds: FaultKind) -> FaultKind | None:
        """Say which of the kinds hits this call, if any."""
        if self.next_fault in kinds:
            kind, self.next_fault = self.next_fault, None
            return kind
        if self.calm:
            return None
        on = [kind for kind in kinds if kind in self.switches.kinds]
        if not on or self.rng.random() >= self.switches.call_fault_chance * len(on):
            return None
        return self.rng.choice(on)

    def mark(
        self, kind: FaultKind, process: Process | None, *, effective: bool = False, note: str = ""
    ) -> Fault:
        """Note a fault that happens now."""
        now = asyncio.get_running_loop().time()
        fault = Fault(
            kind=kind,
            target="" if process is None else process.name,
            role="" if process is None else process.role,
            at=now,
            until=now,
            effective=effective,
            note=note,
        )
        self.history.faults.append(fault)
        self.history.note(now, fault.target or "world", f"FAULT {kind} {note}".rstrip())
        return fault

    def was_effective(self, kind: FaultKind) -> None:
        """Note that an open window of this kind has changed something."""
        fault = self.current.get(kind)
        if fault is not None:
            fault.effective = True

    def carry(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something that belongs to no process: a crash of the sender does not stop it."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, context=contextvars.Context())
        self._carriers[task] = None
        task.add_done_callback(self._carried, context=contextvars.Context())

    def _carried(self, task: asyncio.Task[Any]) -> None:
        self._carriers.pop(task, None)

    async def call(self, process: Process, work: Callable[[], Awaitable[T]]) -> T:
        """Carry a request to the log and its answer back. Raises what it raises, LogAwayError."""
        if not process.alive:
            raise LogAwayError("this process is gone")
        reply: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.carry(self._carry(process, reply, work))
        process.calls_in_flight += 1
        try:
            return await reply
        finally:
            process.calls_in_flight -= 1

    async def _carry(
        self, process: Process, reply: "asyncio.Future[T]", work: Callable[[], Awaitable[T]]
    ) -> None:
        try:
            await asyncio.sleep(self.latency_seconds())
            if self.log_away:
                self.was_effective(FaultKind.LOG_AWAY)
                raise LogAwayError("no broker answers")  # noqa: TRY301 - it is the answer
            result = await work()
            await asyncio.sleep(self.latency_seconds())
        except Exception as fault:  # noqa: BLE001 - what the log raises is the answer
            if process.alive and not reply.done():
                reply.set_exception(fault)
        else:
            if process.alive and not reply.done():
                reply.set_result(result)
