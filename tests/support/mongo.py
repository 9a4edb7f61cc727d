"""A real MongoDB for tests: the first that answers, or a reason to skip that says how to get one.

Tried in this order: a URL in DUETIME_TEST_MONGO, Docker through testcontainers where an engine
answers, the local process of `deploy.local.mongod`. One server serves a whole run of pytest; what
is started here ends with it, also when the run is killed. Tests make databases of their own in it.
"""

import atexit
import importlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any, Final

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.mongod import INSTALL_COMMAND, ROOT, binary

VARIABLE: Final = "DUETIME_TEST_MONGO"
IMAGE: Final = "mongo:7.0"
HOW_TO_GET_ONE: Final = f"no MongoDB answers: {INSTALL_COMMAND}, or set {VARIABLE} to a URL"
ANSWER_SECONDS_MAX: Final = 5.0
START_SECONDS_MAX: Final = 120.0

_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoServer:
    """A server that answered. `pid` is there where it is our own process."""

    uri: str
    pid: int | None = None

    def database_name(self) -> str:
        """Give the name of a database that no other test of this machine uses."""
        return f"duetime_test_{os.getpid()}_{next(_numbers)}"

    def drop(self, database: str) -> None:
        """Remove a test's database."""
        with suppress(PyMongoError), _client(self.uri) as client:
            client.drop_database(database)


def mongo_server() -> MongoServer:
    """Give the server of this run; skips the test where there is none."""
    server, reason = _server()
    if server is None:
        pytest.skip(reason)
    return server


def own_mongod(
    *, port: int | None = None, parameters: dict[str, str] | None = None
) -> tuple[MongoServer, Callable[[], None]]:
    """Start a process for one test, which may suspend or kill it; give it and what ends it."""
    if binary() is None:
        pytest.skip(f"no mongod to be ill-treated: {INSTALL_COMMAND}")
    return _started(parameters or {}, port=port)


@cache
def _server() -> tuple[MongoServer | None, str]:
    uri = os.environ.get(VARIABLE)
    if uri is not None:
        # Someone says there is one: silence would be a gap in the proof.
        if not _answers(uri):
            pytest.fail(f"{VARIABLE} is set, but nothing answers there")
        return MongoServer(uri=uri), ""
    if (contained := _contained()) is not None:
        return contained, ""
    if binary() is None:
        return None, HOW_TO_GET_ONE
    server, end = _started({})
    atexit.register(end)
    return server, ""


def _started(
    parameters: dict[str, str], *, port: int | None = None
) -> tuple[MongoServer, Callable[[], None]]:
    settings = [part for pair in parameters.items() for part in ("--set-parameter", "=".join(pair))]
    if port is not None:
        settings += ["--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.local.mongod", "run", "--until-eof", *settings],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(f"mongod did not start: {process.wait(ANSWER_SECONDS_MAX)}")
    said = json.loads(line)

    def end() -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait(START_SECONDS_MAX)

    return MongoServer(uri=said["uri"], pid=said["pid"]), end


def _contained() -> MongoServer | None:
    """Start a container where testcontainers is installed and an engine answers."""
    if importlib.util.find_spec("testcontainers") is None or not _engine_answers():
        return None
    module: Any = importlib.import_module("testcontainers.core.container")
    container = module.DockerContainer(IMAGE).with_exposed_ports(27017)
    # Its own name for itself is not ours for it, so clients connect to the one member directly.
    container = container.with_command("mongod --replSet rs0 --bind_ip_all --oplogSize 128")
    container.start()
    atexit.register(container.stop)
    port = container.get_exposed_port(27017)
    uri = f"mongodb://{container.get_container_host_ip()}:{port}/?directConnection=true"
    if not _answers(uri, seconds=START_SECONDS_MAX):
        return None
    with _client(uri) as client:
        member = {"_id": 0, "host": "127.0.0.1:27017"}
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
    return MongoServer(uri=uri)


def _engine_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    asked = subprocess.run(
        [docker, "info"], check=False, capture_output=True, timeout=ANSWER_SECONDS_MAX
    )
    return asked.returncode == 0


def _answers(uri: str, *, seconds: float = ANSWER_SECONDS_MAX) -> bool:
    with _client(uri, seconds=seconds) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
    return True


def _client(uri: str, *, seconds: float = ANSWER_SECONDS_MAX) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=int(seconds * 1_000))
