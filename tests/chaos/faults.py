"""What is done to the processes of a stack, and noted in the history that the checkers judge.

Knows signals and when to do it; nothing of what should follow from it, nor whether it met anything:
that is told by what was recorded (`effects`).
"""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from deploy.local.stack import ROLES, Running, Stack
from tests.chaos.effects import APIS
from tests.chaos.load import Callers, moment
from tests.chaos.recorded import projected_to
from tests.simulation.history import Fault, FaultKind, History
from tests.support.stack import metric, wait_for

_REFUSED: Final = "FencedError: there is a newer transactor"


def kill(history: History, victim: Running) -> Fault:
    """SIGKILL a process."""
    fault = _mark(history, FaultKind.CRASH, victim)
    victim.kill()
    fault.until = moment()
    return fault


@contextmanager
def suspended(history: History, victim: Running) -> Iterator[Fault]:
    """SIGSTOP a process, and let it go on afterwards."""
    kind = FaultKind.SUSPEND_PAST_SESSION
    fault = _mark(history, kind, victim)
    assert victim.process is not None
    victim.process.send_signal(signal.SIGSTOP)
    try:
        yield fault
    finally:
        victim.process.send_signal(signal.SIGCONT)
        fault.until = moment()


@contextmanager
def noted(history: History, kind: FaultKind) -> Iterator[Fault]:
    """Note what is done to the ground under all processes."""
    fault = _mark(history, kind, None)
    try:
        yield fault
    finally:
        fault.until = moment()


def is_at_work(process: Running) -> bool:
    """Say whether the system would miss the process: it owns partitions, or answers requests."""
    name = "duetime_api_requests_total" if process.role == "api" else "duetime_owned_partitions"
    return metric(process, name) > 0


def owned_all(process: Running, count: int) -> Callable[[], bool]:
    """Give a look at whether a process owns so many partitions."""
    return lambda: metric(process, "duetime_owned_partitions") == count


def kill_and_restart(stack: Stack, callers: Callers, roles: tuple[str, ...], number: int) -> None:
    """Kill one of two processes of each role, start them anew, and wait until all is shared out."""
    victims = [stack.of_role(role)[number % 2] for role in roles]
    wait_for(lambda: all(map(is_at_work, victims)), "victims at work")
    if "api" in roles:
        wait_for(lambda: callers.under_way >= APIS, "requests under way")
    faults = [kill(callers.history, victim) for victim in victims]
    for fault in faults:
        if fault.role == "log-projector":
            # Nobody has its partitions until its session has ended.
            fault.note = json.dumps(projected_to(stack))
    for victim in victims:
        victim.start(stack.lines)
    stack.wait_ready()
    grouped = [victim for victim in victims if victim.role in ROLES[1:]]
    wait_for(lambda: all(map(is_at_work, grouped)), "the restarted own partitions again")


def _mark(history: History, kind: FaultKind, victim: Running | None) -> Fault:
    now = moment()
    fault = Fault(
        kind=kind,
        target="" if victim is None else victim.name,
        role="" if victim is None else victim.role,
        at=now,
        until=now,
    )
    history.faults.append(fault)
    return fault


def is_fenced(line: str) -> bool:
    """Say whether a log line tells of the broker's refusal, not of what a process knew by itself.

    A transactor of which a request got no answer ends by its own; what is asked of it then is a
    FencedError too.
    """
    return _REFUSED in line
