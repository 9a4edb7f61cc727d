"""The peers: Celery as a Python team would take it, and Graphile Worker as one of the fast ones.

Knows how each is started at its fastest sane settings, told its work, and described; measures and
judges nothing. `settings` tells from the same constants that start it.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Final, Protocol, Self

from bench.peers import parts
from bench.peers.parts import PartsError
from bench.peers.servers import (
    POSTGRES_SETTINGS,
    REDIS_SETTINGS,
    postgres,
    process,
    redis,
    tree_cpu_seconds,
)

_REGISTER_SECONDS_MAX: Final = 600.0


class Peer(Protocol):
    """What the benchmark needs of another scheduler; entering starts it."""

    name: str
    stamps: Path
    registered_per_second: int  # and ready to start: what the first due time leaves room for

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def register(self, first: float, *, rate: int, count: int) -> None:
        """Register `count` tasks named 0, 1, …, due every 1/rate s from `first` on.

        Returns once all are acknowledged. Raises PartsError where one is not.
        """
        ...

    def cpu_seconds(self) -> Mapping[str, float]:
        """Give the processor time so far of its worker and of its database."""
        ...

    def settings(self) -> str:
        """Say its version and settings in one line of Markdown."""
        ...


class _Base:
    """A folder, and processes that end with it."""

    def __init__(self) -> None:
        self._exit = ExitStack()
        self._pids: dict[str, int] = {}
        self._environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            folder = Path(self._exit.enter_context(TemporaryDirectory(prefix="duetime-peers-")))
            folder.chmod(0o755)  # a database started by root works as nobody
            self.stamps = folder / "stamps"
            self._environment = {
                "BENCH_STAMPS": str(self.stamps),
            }
            self._start(folder)
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def cpu_seconds(self) -> dict[str, float]:
        used: dict[str, float] = {}
        for name, pid in self._pids.items():
            kind = name.partition("-")[0]
            used[kind] = used.get(kind, 0.0) + tree_cpu_seconds(pid)
        return used

    def _start(self, folder: Path) -> None:
        raise NotImplementedError

    def _work(self, folder: Path, name: str, *command: str, at: Path) -> None:
        ready = folder / f"{name}-ready"
        self._pids[name] = self._exit.enter_context(
            process(
                command,
                words=folder / f"{name}.log",
                ready=ready.exists,
                environment=self._environment | {"PEERS_READY": str(ready)},
                folder=at,
            )
        )

    def _ask(self, *command: str, at: Path) -> None:
        said = subprocess.run(
            command,
            cwd=at,
            env=os.environ | self._environment,
            capture_output=True,
            text=True,
            timeout=_REGISTER_SECONDS_MAX,
            check=False,
        )
        if said.returncode != 0:
            raise PartsError(f"registering failed:\n{said.stderr[-2_000:]}")


class CeleryOnRedis(_Base):
    """Celery: tasks with an ETA, held by the worker until then; Redis as the broker."""

    name = "Celery"
    registered_per_second = 1_000

    WORKERS: ClassVar[int] = 2
    OPTIONS: ClassVar[Mapping[str, str]] = {
        "--pool": "threads",  # with processes, the default, p99 was twice as late, at a fifth more
        "--concurrency": "4",
        "--prefetch-multiplier": "64",
    }
    _QUIET: Final = ("--without-gossip", "--without-mingle", "--without-heartbeat")

    def _start(self, folder: Path) -> None:
        self._pids["redis"], port = self._exit.enter_context(redis(folder))
        self._environment["PEERS_BROKER"] = f"redis://127.0.0.1:{port}/0"
        options = [f"{name}={value}" for name, value in self.OPTIONS.items()]
        command = (*self._celery(), "worker", *options, *self._QUIET, "--loglevel", "WARNING")
        for number in range(1, self.WORKERS + 1):
            name = f"worker-{number}"
            self._work(folder, name, *command, "--hostname", f"{name}@%h", at=parts.HERE)

    def register(self, first: float, *, rate: int, count: int) -> None:
        script = str(parts.HERE / "celery_stamp.py")
        numbers = (repr(first), str(rate), str(count))
        self._ask(str(parts.PYTHON), script, *numbers, at=parts.HERE)

    def settings(self) -> str:
        options = " ".join(f"{name}={value}" for name, value in self.OPTIONS.items())
        durable = ", ".join(f"{name} {value or 'none'}" for name, value in REDIS_SETTINGS.items())
        version = parts.version(str(parts.PYTHON), "-m", "celery", "--version").split()[0]
        server = parts.version(str(parts.redis_server()), "--version").split()[2]
        return (
            f"Celery {version}, {self.WORKERS} workers `{options} {' '.join(self._QUIET)}`,"
            f" results ignored, rate limits off; Redis {server.removeprefix('v=')} ({durable})."
        )

    def _celery(self) -> tuple[str, ...]:
        return (str(parts.PYTHON), "-m", "celery", "--app", "celery_stamp")


class GraphileWorker(_Base):
    """Graphile Worker: tasks are rows of PostgreSQL, fetched by polling once they are due."""

    name = "Graphile Worker"
    registered_per_second = 8_000

    SETTINGS: ClassVar[Mapping[str, Any]] = {
        "concurrentJobs": 24,
        "pollInterval": 5,  # ms, as the delays; what comes due is found by polling alone
        "localQueue": {"size": 500},
        "completeJobBatchDelay": 50,
        "failJobBatchDelay": 50,
        "maxPoolSize": 10,
    }

    def _start(self, folder: Path) -> None:
        self._pids["postgres"], port = self._exit.enter_context(postgres(folder))
        self._environment["PEERS_DATABASE"] = f"postgres://peers@127.0.0.1:{port}/postgres"
        self._environment["PEERS_SETTINGS"] = json.dumps(self.SETTINGS)
        self._work(folder, "worker", *self._node(), "work", at=parts.MODULES)

    def register(self, first: float, *, rate: int, count: int) -> None:
        numbers = (repr(first), str(rate), str(count))
        self._ask(*self._node(), "register", *numbers, at=parts.MODULES)

    def settings(self) -> str:
        lock = json.loads((parts.HERE / "package-lock.json").read_text(encoding="utf-8"))
        version = lock["packages"]["node_modules/graphile-worker"]["version"]
        node = parts.version(str(parts.node()), "--version")
        server = parts.version(str(parts.postgres_program("postgres")), "--version").split()[-1]
        durable = ", ".join(f"{name} {value}" for name, value in POSTGRES_SETTINGS.items())
        return (
            f"Graphile Worker {version}, one process on Node {node.removeprefix('v')},"
            f" `{json.dumps(self.SETTINGS)}`; PostgreSQL {server} ({durable})."
        )

    def _node(self) -> tuple[str, ...]:
        return (str(parts.node()), str(parts.HERE / "graphile_stamp.mjs"))
