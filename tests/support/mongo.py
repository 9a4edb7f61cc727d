"""A real MongoDB for tests: the first that answers, or a reason to skip that says how to get one.

Tried in this order: a URL in DUETIME_TEST_MONGO, Docker through testcontainers where an engine
answers, the local process of `deploy.local.mongod`. One server serves a whole run of pytest; what
is started here ends with it, also when the run is killed. Tests make databases of their own in it.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any, Final, assert_never

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.mongod import INSTALL_COMMAND, ROOT, binary
from tests.support.backends import Source, choose, container, docker_lacks

VARIABLE: Final = "DUETIME_TEST_MONGO"
IMAGE: Final = "mongo:7.0"
HOW_TO_GET_ONE: Final = f"no MongoDB answers: {INSTALL_COMMAND}, or set {VARIABLE} to a URL"
ANSWER_SECONDS_MAX: Final = 5.0
START_SECONDS_MAX: Final = 120.0
_PORT: Final = 27017

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
    source, reason = choose(
        uri, container=docker_lacks, local=lambda: HOW_TO_GET_ONE if binary() is None else None
    )
    match source:
        case None:
            return None, reason
        case Source.URL:
            assert uri is not None
            # Someone says there is one: silence would be a gap in the proof.
            if not _answers(uri):
                pytest.fail(f"{VARIABLE} is set, but nothing answers there")
            return MongoServer(uri=uri), ""
        case Source.CONTAINER:
            return _contained(), ""
        case Source.LOCAL:
            server, end = _started({})
            atexit.register(end)
            return server, ""
        case _:
            assert_never(source)


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


def _contained() -> MongoServer:
    # Its own name for itself is not ours for it, so clients connect to the one member directly.
    member = container(IMAGE).with_exposed_ports(_PORT)
    member.with_command("mongod --replSet rs0 --bind_ip_all --oplogSize 128").start()
    port = member.get_exposed_port(_PORT)
    uri = f"mongodb://{member.get_container_host_ip()}:{port}/?directConnection=true"
    if not _answers(uri, seconds=START_SECONDS_MAX):
        pytest.fail(f"{IMAGE} was started, and does not answer at {uri}")
    with _client(uri) as client:
        members = [{"_id": 0, "host": f"127.0.0.1:{_PORT}"}]
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
    return MongoServer(uri=uri)


def _answers(uri: str, *, seconds: float = ANSWER_SECONDS_MAX) -> bool:
    with _client(uri, seconds=seconds) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
    return True


def _client(uri: str, *, seconds: float = ANSWER_SECONDS_MAX) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=int(seconds * 1_000))
