"""The systems that are measured, each started as its users start it.

Knows how to start and stop them, where they answer, and what their processes use; not what is
measured. The distributed one is `make stack`: Kafka, MongoDB, two of each service and a load
balancer; the embedded one is `duetime run`.
"""

import re
import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, Protocol, Self

import psutil

from deploy.local.stack import ROLES, Running, Stack
from tests.support.embedded import EmbeddedProcess

STAMPING: Final = Path(__file__).with_name("stamping.py")
_BUCKET: Final = re.compile(r'duetime_run_lateness_seconds_bucket\{le="([^"]+)"\} (\S+)')
_SETTLE_SECONDS: Final = 0.7  # the stamping action writes twice a second


class Stamp(NamedTuple):
    """A start, as the action saw it: run id, due time and clock, in seconds since 1970."""

    run_id: str
    due_at: float
    at: float


class System(Protocol):
    """What a benchmark needs of a system."""

    name: str

    @property
    def port(self) -> int:
        """Where its api answers."""
        ...

    def pids(self) -> Mapping[str, int]:
        """Give the ids of its processes, by name."""
        ...

    def metrics_ports(self) -> Sequence[int]:
        """Give where those who start runs tell their metrics."""
        ...

    @property
    def stamps(self) -> Path:
        """Where the stamping action writes; a suffix names the process."""
        ...


class Embedded:
    """`duetime run`."""

    name = "embedded"

    def __init__(self, *, killed: bool = False) -> None:
        """Describe it; entering starts it. `killed`: it will be; stamps are written at once."""
        self._folder = TemporaryDirectory(prefix="duetime-bench-")
        folder = Path(self._folder.name)
        self.stamps = folder / "stamps"
        env = {"BENCH_STAMPS": str(self.stamps)} | _written_at_once(killed=killed)
        self.process = EmbeddedProcess(folder / "data", actions=(STAMPING,), env=env)

    def __enter__(self) -> Self:
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()
        self._folder.cleanup()

    @property
    def port(self) -> int:
        return self.process.port

    def pids(self) -> Mapping[str, int]:
        return {"duetime": self.process.pid}

    def metrics_ports(self) -> Sequence[int]:
        return [self.process.port]

    def take_down(self) -> None:
        """Kill it."""
        self.process.kill()

    def bring_up(self) -> None:
        """Start it again, where it was."""
        self.process.start()


class Distributed:
    """`make stack`, on a port of its own."""

    name = "distributed"

    def __init__(self, counts: Mapping[str, int] | None = None, *, killed: bool = False) -> None:
        """Describe it, with other counts of some roles than two; entering starts it.

        `killed`: some of it will be, so stamps are written at once.
        """
        self._folder = TemporaryDirectory(prefix="duetime-bench-")
        folder = Path(self._folder.name)
        folder.chmod(0o755)  # a load balancer started by root works as nobody
        self.stamps = folder / "stamps"
        environment = {
            "DUETIME_EXECUTOR_ACTIONS": STAMPING.stem,
            "PYTHONPATH": str(STAMPING.parent),
            "BENCH_STAMPS": str(self.stamps),
        } | _written_at_once(killed=killed)
        counts = dict.fromkeys(ROLES, 2) | dict(counts or {})
        self.stack = Stack(folder, counts=counts, environment=environment)

    def __enter__(self) -> Self:
        self.stack.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.__exit__(None, None, None)
        self._folder.cleanup()

    @property
    def port(self) -> int:
        return self.stack.api_port

    def pids(self) -> Mapping[str, int]:
        stack = self.stack
        assert stack.brokers is not None
        assert stack.mongod is not None
        found = {process.name: process.pid for process in stack.processes.values() if process.alive}
        for number, broker in enumerate(stack.brokers.brokers, start=1):
            assert broker.pid is not None
            found[f"kafka-{number}"] = broker.pid
        found["mongod"] = stack.mongod.pid
        for process in psutil.process_iter(["name", "cmdline"]):
            command = " ".join(process.info["cmdline"] or ())
            if process.info["name"] == "nginx" and (
                str(stack.folder) in command or _is_child_of_nginx_in(process, stack.folder)
            ):
                found[f"nginx-{process.pid}"] = process.pid
        return found

    def metrics_ports(self) -> Sequence[int]:
        return [process.health_port for process in self.stack.of_role("executor")]

    def take_down(self) -> None:
        """Kill the timers and the executors."""
        for process in self._who_start():
            process.kill()

    def bring_up(self) -> None:
        """Start them again, where they were."""
        for process in self._who_start():
            process.start(self.stack.lines)
        self.stack.wait_ready()

    def _who_start(self) -> Sequence[Running]:
        return [*self.stack.of_role("timer"), *self.stack.of_role("executor")]


def _written_at_once(*, killed: bool) -> dict[str, str]:
    return {"BENCH_AT_ONCE": "1"} if killed else {}


def _is_child_of_nginx_in(process: psutil.Process, folder: Path) -> bool:
    parent = process.parent()
    return parent is not None and str(folder) in " ".join(parent.cmdline())


def read_stamps(path: Path) -> list[Stamp]:
    """Give what was stamped so far, by all processes."""
    time.sleep(_SETTLE_SECONDS)
    found = []
    for file in sorted(path.parent.glob(f"{path.name}.*")):
        for line in file.read_text(encoding="ascii").splitlines():
            run_id, due, at = line.split()
            found.append(Stamp(run_id, float(due), int(at) / 1e9))
    return found


def cpu_seconds(system: System) -> dict[str, float]:
    """Give the processor time, user and system, of each kind of process so far."""
    used: dict[str, float] = defaultdict(float)
    for name, pid in system.pids().items():
        times = psutil.Process(pid).cpu_times()
        kind = name.rsplit("-", 1)[0] if name[-1].isdigit() else name
        used[kind] += times.user + times.system
    return dict(used)


def rss_bytes(system: System) -> dict[str, int]:
    """Give the resident memory of each process."""
    return {name: psutil.Process(pid).memory_info().rss for name, pid in system.pids().items()}


def lateness_buckets(system: System) -> dict[float, int]:
    """Give Duetime's own lateness metric: how many runs lie below each bound."""
    found: dict[float, int] = defaultdict(int)
    for port in system.metrics_ports():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        for bound, count in _BUCKET.findall(text):
            found[float(bound)] += int(float(count))
    return found
