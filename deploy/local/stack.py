"""The whole distributed system on one machine, without containers: `make stack`.

Kafka, MongoDB, two of each service and a load balancer, as plain processes; one stream of log
lines; Ctrl-C stops all. Tests use the same class to kill, suspend and scale single processes.
Knows which processes there are and their environment; nothing of what they do.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final, Self

from deploy.local import kafka, mongod
from deploy.local.balancer import Balancer, Page
from deploy.local.balancer import missing as balancer_missing
from deploy.local.ports import free_port

ROOT: Final = Path(__file__).parents[2]
ROLES: Final = ("api", "timer", "executor", "log-projector")
API_PORT: Final = 3001
PAGE_PORT: Final = 3000
PAGE: Final = ROOT / "frontend" / "dist"

_ALWAYS: Final = (
    *("DUETIME_KAFKA_", "DUETIME_LOG_FORMAT", "DUETIME_LOG_LEVEL"),
    *("DUETIME_HEALTH_", "DUETIME_INSTANCE"),
)
_READS: Final = {
    "api": ("DUETIME_API_", "DUETIME_MONGO_"),
    "timer": ("DUETIME_TIMER_",),
    "executor": ("DUETIME_EXECUTOR_",),
    "log-projector": ("DUETIME_LOG_PROJECTOR_", "DUETIME_MONGO_"),
}  # a process refuses a setting that it does not know
_MODULES: Final = {role: f"duetime.{role.replace('-', '_')}" for role in ROLES}
# Where all share a machine, what has time yields to what has none: executors start at the moment,
# timers work LOOKAHEAD_SECONDS ahead, reading may lag. `nice` becomes what it runs. It is weighed
# within one session only (Linux weighs sessions alike): each process gets a group, no more.
_YIELDS: Final = {"timer": ("nice", "-n", "10"), "log-projector": ("nice", "-n", "15")}
_READY_SECONDS_MAX: Final = 60.0
_STOP_SECONDS_MAX: Final = 20.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_LAST_LINES: Final = 12


class StackError(Exception):
    """The stack cannot be had; the message says why."""


class Running:
    """One service process."""

    def __init__(self, name: str, role: str, environment: Mapping[str, str], health: int) -> None:
        """Describe it; `start` starts it."""
        self.name = name
        self.role = role
        self.health_port = health
        self.environment = dict(environment)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, lines: "Lines") -> None:
        """Start it; its lines go to `lines`."""
        self.process = subprocess.Popen(
            [*_YIELDS.get(self.role, ()), sys.executable, "-m", _MODULES[self.role]],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C is for us: each is stopped in its turn
        )
        lines.follow(self.name, self.process)

    def ready(self) -> bool:
        """Ask its /readyz."""
        try:
            with socket.create_connection(("127.0.0.1", self.health_port), timeout=1) as asked:
                asked.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
                return b" 200 " in asked.recv(64)
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(_STOP_SECONDS_MAX)

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()

    def stop(self) -> int:
        """SIGTERM, and SIGKILL where that does not help; give its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.ask_to_stop()
            try:
                self.process.wait(_STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.wait()


class Lines:
    """The one stream of log lines, each with the name of its process."""

    def __init__(self, *, shown: bool, folder: Path) -> None:
        """Show them on standard output, or only keep them in files."""
        self._shown = shown
        self._folder = folder
        self._copying: list[threading.Thread] = []

    def follow(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Copy a process's output until it ends."""
        copying = threading.Thread(target=self._copy, args=(name, process), daemon=True)
        copying.start()
        self._copying.append(copying)

    def wait(self) -> None:
        """Wait until the last words are there of processes that have ended; bounded."""
        for copying in self._copying:
            copying.join(_STOP_SECONDS_MAX)

    def _copy(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout, (self._folder / f"{name}.log").open("ab", buffering=0) as kept:
            for line in process.stdout:
                kept.write(line)
                if self._shown:
                    sys.stdout.write(f"{name:>16} | {line.decode(errors='replace')}")


class Stack:
    """Everything, in one folder. Use it as a context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        brokers: int = 1,
        counts: Mapping[str, int] | None = None,
        api_port: int = 0,
        page_port: int | None = None,
        environment: Mapping[str, str] | None = None,
        shown: bool = False,
        log_format: str = "json",
    ) -> None:
        """Describe it: how many of each role (two), which port (0: a free one), the page's port."""
        self.folder = folder
        self.processes: dict[str, Running] = {}
        self.brokers: kafka.Brokers | None = None
        self.mongod: mongod.Mongod | None = None
        self.api_port = api_port or free_port()
        self.page_port = page_port
        self._broker_count = brokers
        self._counts = counts or dict.fromkeys(ROLES, 2)
        self._own = dict(environment or {})
        self._log_format = log_format
        self._exit = ExitStack()
        self._mongod_exit = ExitStack()
        folder.mkdir(parents=True, exist_ok=True)
        self.lines = Lines(shown=shown, folder=folder)

    @property
    def url(self) -> str:
        """Where the load balancer answers for the apis."""
        return f"http://127.0.0.1:{self.api_port}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _start(self) -> None:
        lacking = [text for text in (kafka.missing(), balancer_missing()) if text is not None]
        if lacking:
            raise StackError("; ".join(lacking))
        try:
            mongod.install()
        except subprocess.CalledProcessError as fault:
            raise StackError(f"needs MongoDB: {mongod.INSTALL_COMMAND} failed") from fault
        self.brokers = self.start_brokers()
        self._exit.callback(self.brokers.stop)
        self._exit.callback(self._mongod_exit.close)
        self.start_mongod()
        self._lay_out_topics()
        self._exit.callback(self._stop_services)
        for role in ROLES:
            for _ in range(self._counts.get(role, 0)):
                self.add(role)
        self._balance()
        self.wait_ready()

    def start_brokers(self) -> kafka.Brokers:
        """Start Kafka."""
        folder = self.folder / "kafka"
        return kafka.start(folder, ROOT / ".build", brokers=self._broker_count)

    def start_mongod(self) -> None:
        """Start MongoDB, where it was before and with what it had."""
        port = None if self.mongod is None else self.mongod.port
        running = mongod.running(self.folder / "mongod", port=port, yields=True)
        self.mongod = self._mongod_exit.enter_context(running)

    def stop_mongod(self) -> None:
        """End MongoDB; the services have to wait for it."""
        self._mongod_exit.close()

    def add(self, role: str) -> Running:
        """Start one more process of a role."""
        number = 1 + sum(process.role == role for process in self.processes.values())
        name = f"{role}-{number}"
        health = free_port()
        environment = self.service_environment(role) | {
            "DUETIME_HEALTH_PORT": str(health),
            "DUETIME_INSTANCE": name,
        }
        if role == "api":
            environment["DUETIME_API_PORT"] = str(free_port())
        if role == "timer":
            environment["DUETIME_TIMER_INDEX_DIR"] = str(self.folder / f"{name}-index")
        running = Running(name, role, environment, health)
        self.processes[name] = running
        running.start(self.lines)
        return running

    def of_role(self, role: str) -> Sequence[Running]:
        """Give the processes of a role, dead ones included."""
        return [process for process in self.processes.values() if process.role == role]

    def wait_ready(self, seconds_max: float = _READY_SECONDS_MAX) -> None:
        """Wait until every living process is ready. Raises StackError where one is not."""
        until = time.monotonic() + seconds_max
        waiting = [process for process in self.processes.values() if process.alive]
        while waiting:
            if time.monotonic() > until:
                names = ", ".join(process.name for process in waiting)
                raise StackError(f"not ready after {seconds_max:.0f} s: {names}")
            time.sleep(_LOOK_AGAIN_SECONDS)
            dead = [process.name for process in self.processes.values() if not process.alive]
            if dead and any(process.name in dead for process in waiting):
                words = "\n".join(map(self.last_words, dead))
                raise StackError(f"ended while starting: {', '.join(dead)}\n{words}")
            waiting = [process for process in waiting if not process.ready()]

    def last_words(self, name: str) -> str:
        """Give the end of what a process has logged."""
        path = self.folder / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-_LAST_LINES:])

    def check_alive(self) -> None:
        """Raise StackError, with its last words, where a process has died."""
        dead = [process.name for process in self.processes.values() if not process.alive]
        if dead:
            words = "\n".join(map(self.last_words, dead))
            raise StackError(f"died: {', '.join(dead)}\n{words}")

    def service_environment(self, role: str | None = None) -> dict[str, str]:
        """Give what a process of a role is told; None: what all are told."""
        assert self.brokers is not None
        assert self.mongod is not None
        told = {
            "DUETIME_KAFKA_BOOTSTRAP_SERVERS": self.brokers.bootstrap,
            "DUETIME_KAFKA_REPLICATION": str(min(3, self._broker_count)),
            "DUETIME_MONGO_URI": self.mongod.uri,
            "DUETIME_LOG_FORMAT": self._log_format,
            **self._own,
        }
        if self.page_port is not None:
            told["DUETIME_API_CORS_ORIGINS"] = ",".join(
                f"http://{host}:{self.page_port}" for host in ("localhost", "127.0.0.1")
            )
        read = _ALWAYS if role is None else (*_ALWAYS, *_READS[role])
        return {
            name: value
            for name, value in (os.environ | told).items()
            if not name.startswith("DUETIME_") or (name in told and name.startswith(read))
        }

    def _lay_out_topics(self) -> None:
        environment = self.service_environment()
        del environment["DUETIME_LOG_FORMAT"]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("duetime")), "topics", "apply"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise StackError(f"the topics cannot be laid out: {done.stdout}{done.stderr}")

    def _balance(self) -> None:
        apis = [int(api.environment["DUETIME_API_PORT"]) for api in self.of_role("api")]
        page = None
        if self.page_port is not None and PAGE.is_dir():
            told = "" if self.api_port == API_PORT else self.url
            page = Page(folder=PAGE, port=self.page_port, api_url=told)
        balancer = Balancer(self.folder / "nginx", port=self.api_port, apis=apis, page=page)
        balancer.start(lambda process: self.lines.follow("nginx", process))
        self._exit.callback(balancer.stop)

    def _stop_services(self) -> None:
        for role in ROLES:
            living = [process for process in self.of_role(role) if process.alive]
            for process in living:
                process.ask_to_stop()
            for process in living:
                process.stop()


def main() -> None:
    """Run the stack until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make stack", description=__doc__)
    parser.add_argument("--brokers", type=int, default=int(os.environ.get("BROKERS", "1")))
    parser.add_argument("--folder", type=Path, default=ROOT / ".build" / "stack")
    parser.add_argument("--fresh", action="store_true", help="forget what the folder holds")
    arguments = parser.parse_args()
    if arguments.fresh:
        shutil.rmtree(arguments.folder, ignore_errors=True)
    over = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        over.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    shown = "console" if sys.stdout.isatty() else "json"
    try:
        with Stack(
            arguments.folder,
            brokers=arguments.brokers,
            api_port=API_PORT,
            page_port=PAGE_PORT,
            shown=True,
            log_format=shown,
        ) as stack:
            print(f"Duetime's API: {stack.url} (two of each service). Ctrl-C stops all.")
            if PAGE.is_dir():
                print(f"Its page: http://127.0.0.1:{PAGE_PORT}")
            while not over.wait(1.0):
                stack.check_alive()
    except (StackError, kafka.BrokerError, mongod.MongodError) as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
