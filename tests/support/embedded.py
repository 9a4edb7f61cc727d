"""A real `duetime run` for tests: started as a user starts it, watched from outside.

Knows processes, ports and HTTP; nothing of what is inside. Every wait is bounded.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx

from deploy.local.ports import free_port
from tests.support.machine import machine

READY_SECONDS_MAX = 50.0
STOP_SECONDS_MAX = 20.0


class EmbeddedProcess:
    """`duetime run` on a data directory; may be killed and started again on the same one."""

    def __init__(
        self,
        data_dir: Path,
        *,
        actions: tuple[Path, ...] = (),
        env: Mapping[str, str] | None = None,
        within: tuple[str, ...] = (),
        printed: Path | None = None,
    ) -> None:
        """Prepare one; `actions` are module files that register python actions.

        `within`: a command that runs it elsewhere, as one process. `printed`: the file of its
        output.
        """
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._actions = actions
        self._env = dict(env or {})
        self._within = within
        self._printed = printed or data_dir.with_name(f"{data_dir.name}.printed")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start it."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("DUETIME_")
        }
        folders = [str(path.parent) for path in self._actions]
        environment |= {"PYTHONPATH": os.pathsep.join(folders), **self._env}
        command = [
            *self._within,
            str(Path(sys.executable).with_name("duetime")),
            *("run", "--data-dir", str(self.data_dir), "--port", str(self.port)),
        ]
        for path in self._actions:
            command += ["--actions", path.stem]
        with self._printed.open("ab") as printed:
            self._process = subprocess.Popen(
                command, env=environment, stdout=printed, stderr=subprocess.STDOUT
            )

    def wait_ready(self) -> None:
        """Wait for /readyz to say yes. Raises AssertionError with its output where it does not."""
        assert self._process is not None
        clock = machine().clock  # goes slower by what other programs take of this machine
        until = clock() + READY_SECONDS_MAX
        while clock() < until:
            if self._process.poll() is not None:
                raise AssertionError(f"it ended while starting:\n{self.output()}")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2.0).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.01)  # noqa: TID251 - between bounded looks at another process
        self.kill()
        raise AssertionError(f"it was not ready in {READY_SECONDS_MAX:.0f} s:\n{self.output()}")

    def kill(self) -> None:
        """SIGKILL: it gets no chance to do anything."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS_MAX)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop, as Ctrl-C does; give its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS_MAX)

    def output(self) -> str:
        """Give what it has printed so far, over all its starts."""
        return self._printed.read_text(encoding="utf-8", errors="replace")
