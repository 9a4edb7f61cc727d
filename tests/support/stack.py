"""The distributed system for tests: one stack of real processes, started once, shared by tests.

Knows how to have one, or why there is none here, and how tests talk to it and count starts outside
Duetime. A test may kill, suspend and add processes: `settled` makes the stack whole again.
"""

import atexit
import json
import shutil
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from deploy.local import balancer, kafka, mongod
from deploy.local.stack import ROLES, Running, Stack, StackError
from tests.support.machine import machine

STAMPING: Final = Path(__file__).parents[1] / "system" / "stamping.py"
SETTLE_SECONDS_MAX: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.05


@dataclass(slots=True)
class _Held:
    """The stack of this run of pytest, while there is one."""

    stack: Stack | None = None
    folders: list[Path] = field(default_factory=list)


_held: Final = _Held()


def missing() -> str | None:
    """Say what this machine lacks for a stack, or None."""
    lacking = [text for text in (kafka.missing(), balancer.missing()) if text is not None]
    if mongod.binary() is None:
        lacking.append(f"no mongod: {mongod.INSTALL_COMMAND}")
    # Tests stop and kill these, and look at their files: what others run does not serve.
    return f"needs a Kafka and a MongoDB of its own: {'; '.join(lacking)}" if lacking else None


@contextmanager
def settled() -> Iterator[Stack]:
    """Give the shared stack, whole: two of each service, ready. Skips where there is none.

    What a test did to it is undone afterwards; a stack that does not come back is given up, and
    the test that broke it fails.
    """
    stack = _held.stack or _started()
    try:
        make_whole(stack)
        yield stack
        make_whole(stack)
    except (StackError, kafka.BrokerError, mongod.MongodError):
        _end()
        raise


@contextmanager
def own_stack(*, brokers: int = 1, **counts: int) -> Iterator[Stack]:
    """Give a stack for one test alone; `counts` are by role, with an underscore for the dash."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="duetime-stack-"))
    by_role = {role: counts.get(role.replace("-", "_"), 2) for role in ROLES}
    try:
        with Stack(folder, brokers=brokers, counts=by_role, environment=_environment()) as stack:
            yield stack
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_whole(stack: Stack) -> None:
    """Have two living, ready processes of each role, and none more. Raises StackError."""
    for role in ROLES:
        processes = stack.of_role(role)
        for process in processes[2:]:
            remove(stack, process)
        for process in processes[:2]:
            if not process.alive:
                process.start(stack.lines)
        for _ in range(2 - len(processes)):
            stack.add(role)
    stack.wait_ready(SETTLE_SECONDS_MAX)
    wait_for(is_settled(stack), "partitions with owners", SETTLE_SECONDS_MAX)


def remove(stack: Stack, process: Running) -> int:
    """Let a process go as an orchestrator does; give its exit status."""
    status = process.stop()
    del stack.processes[process.name]
    return status


def metric(process: Running, name: str, **labels: str) -> float:
    """Read the sum of a metric over its other labels; 0 where it cannot be asked."""
    try:
        text = httpx.get(f"http://127.0.0.1:{process.health_port}/metrics", timeout=5.0).text
    except httpx.TransportError:
        return 0.0
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith((f"{name} ", f"{name}{{"))
        and all(f'{label}="{value}"' in line for label, value in labels.items())
    )


def readiness(process: Running) -> tuple[int, dict[str, Any]]:
    """Ask a process whether it is ready: status and what it says."""
    answer = httpx.get(f"http://127.0.0.1:{process.health_port}/readyz", timeout=5.0)
    return answer.status_code, answer.json()


def lines_of(stack: Stack, process: Running) -> list[str]:
    """Give what a process has logged so far."""
    path = stack.folder / f"{process.name}.log"
    return path.read_text(errors="replace").splitlines() if path.exists() else []


def group_rounds(stack: Stack, process: Running) -> list[dict[str, Any]]:
    """Give what a process has logged of its group's rounds: `owned` and `letting_go` in each."""
    return [json.loads(line) for line in lines_of(stack, process) if '"group round"' in line]


def api_url(process: Running) -> str:
    """Give where one api answers, past the load balancer."""
    return f"http://127.0.0.1:{process.environment['DUETIME_API_PORT']}"


def wait_for(reached: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Look until it is so; fail, saying what is missing, where it takes too long.

    What other programs take of the machine meanwhile does not count; a test's timeout does.
    """
    clock = machine().clock
    until = clock() + seconds
    while not reached():
        if clock() > until:
            raise StackError(f"not within {seconds:.0f} s: {what}")
        time.sleep(_LOOK_AGAIN_SECONDS)  # noqa: TID251 - between bounded looks at other processes


def stamped(file: Path) -> dict[str, list[tuple[int, float]]]:
    """Give the starts counted outside Duetime: (attempt, epoch seconds) by run id."""
    starts: dict[str, list[tuple[int, float]]] = defaultdict(list)
    if file.exists():
        for line in file.read_text(encoding="ascii").splitlines():
            run_id, attempt, nanoseconds = line.split()
            starts[run_id].append((int(attempt), int(nanoseconds) / 1e9))
    return dict(starts)


def _started() -> Stack:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="duetime-stack-"))
    _held.folders.append(folder)
    stack = Stack(folder, environment=_environment())
    atexit.register(_end)
    stack.__enter__()
    _held.stack = stack
    return stack


def _environment() -> dict[str, str]:
    return {
        "PYTHONPATH": str(STAMPING.parent),
        "DUETIME_EXECUTOR_ACTIONS": STAMPING.stem,
    }


def _end() -> None:
    """Stop the stack and forget it; the next test that wants one starts anew."""
    stack, _held.stack = _held.stack, None
    if stack is not None:
        with suppress(Exception):
            stack.__exit__(None, None, None)
    while _held.folders:
        shutil.rmtree(_held.folders.pop(), ignore_errors=True)


def is_settled(stack: Stack) -> Callable[[], bool]:
    """Give a look at whether all are ready, and both of each group own a share."""

    def look() -> bool:
        for role in [each for each in ROLES[1:] if stack.of_role(each)]:
            owned = [metric(process, "duetime_owned_partitions") for process in stack.of_role(role)]
            if sum(owned) != partitions_of(stack) or not all(owned):
                return False
        return all(process.ready() for process in stack.processes.values())

    return look


def partitions_of(stack: Stack) -> int:
    """Give how many partitions each topic has."""
    return int(stack.service_environment().get("DUETIME_KAFKA_PARTITIONS", "12"))


def listening(port: int) -> bool:
    """Say whether anybody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
