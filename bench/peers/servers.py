"""The peers' databases: processes of their own on free loopback ports, durable as Duetime's are.

Knows their flags and how they are started and ended; not what is kept in them.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypedDict

import psutil

from bench.peers import parts
from bench.peers.parts import PartsError
from deploy.local.ports import free_port

START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 20.0
_LOOK_AGAIN_SECONDS: Final = 0.1
_LAST_LINES: Final = 10

# As durable as it is usually run: a second at most is lost with the power. With `always`, what an
# acknowledged registration means elsewhere here, each start would wait for the disk too.
REDIS_SETTINGS: Final = {"appendonly": "yes", "appendfsync": "everysec", "save": ""}
POSTGRES_SETTINGS: Final = {  # the first three are its defaults
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",  # all that a run writes stays in memory
    "max_wal_size": "4GB",  # no checkpoint forced within a run
}


@contextmanager
def process(
    command: Sequence[str],
    *,
    words: Path,
    ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: str | None = None,
) -> Iterator[int]:
    """Start a program, give its process id once it is ready, end it with its children when left.

    `words`: where its output goes. Raises PartsError where it does not come up.
    """
    with words.open("ab") as output:
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | dict(environment or {}),
            cwd=folder,
            process_group=0,  # Ctrl-C is for us: it is stopped in our own time
            **_as_user(user),
        )
    try:
        until = time.monotonic() + START_SECONDS_MAX
        while not ready():
            if started.poll() is not None or time.monotonic() > until:
                raise PartsError(f"{Path(command[0]).name} does not come up:\n{_tail(words)}")
            time.sleep(_LOOK_AGAIN_SECONDS)
        yield started.pid
    finally:
        _end(started)


@contextmanager
def redis(folder: Path) -> Iterator[tuple[int, int]]:
    """Start Redis on a folder; give its process id and its port."""
    port = free_port()
    flags = [word for name, value in REDIS_SETTINGS.items() for word in (f"--{name}", value)]
    command = [str(parts.redis_server()), "--port", str(port), "--bind", "127.0.0.1"]
    with process(
        [*command, "--dir", str(folder), *flags],
        words=folder / "redis.log",
        ready=lambda: _answers(port),
    ) as pid:
        yield pid, port


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[int, int]]:
    """Make and start a PostgreSQL in a folder; give its process id and its port.

    It refuses to run as root, and then runs as nobody. All may connect, as the user `peers`.
    """
    user = "nobody" if os.geteuid() == 0 else None
    home = folder / "postgres"
    home.mkdir()
    if user is not None:
        _check_readable(parts.postgres_program("postgres"))
        shutil.chown(home, user)
    made = subprocess.run(
        [
            *(str(parts.postgres_program("initdb")), "--pgdata", str(home / "data")),
            *("--username", "peers", "--auth", "trust", "--encoding", "UTF8", "--no-locale"),
        ],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=START_SECONDS_MAX,
        check=False,
        **_as_user(user),
    )
    if made.returncode != 0:
        raise PartsError(f"initdb failed: {made.stderr}")
    port = free_port()
    settings = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    flags = [
        word
        for name, value in (settings | POSTGRES_SETTINGS).items()
        for word in ("-c", f"{name}={value}")
    ]
    asked = [str(parts.postgres_program("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(port)]
    with process(
        [str(parts.postgres_program("postgres")), "-D", str(home / "data"), *flags],
        words=folder / "postgres.log",
        ready=lambda: subprocess.run(asked, timeout=10, check=False).returncode == 0,
        folder=home,
        user=user,
    ) as pid:
        yield pid, port


def tree_cpu_seconds(pid: int) -> float:
    """Give the processor time of a process and all its children, ended ones included."""
    used = 0.0
    root = psutil.Process(pid)
    for one in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


class _AsUser(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def _as_user(user: str | None) -> _AsUser:
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _check_readable(program: Path) -> None:
    """Raise PartsError where others than root may not reach a program."""
    for folder in program.resolve().parents:
        if not folder.stat().st_mode & 0o001:
            raise PartsError(
                f"PostgreSQL does not run as root, and {folder} lets nobody else in:"
                " measure as another user, or from another folder"
            )


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _end(started: subprocess.Popen[bytes]) -> None:
    if started.poll() is not None:
        return
    children = psutil.Process(started.pid).children(recursive=True)
    started.send_signal(signal.SIGTERM)
    try:
        started.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait(STOP_SECONDS_MAX)
    for child in children:  # nothing left behind where it had to be killed
        with suppress(psutil.NoSuchProcess):
            child.kill()


def _tail(words: Path) -> str:
    return "\n".join(words.read_text(errors="replace").splitlines()[-_LAST_LINES:])
