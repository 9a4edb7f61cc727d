"""A stack whose services reach Kafka and MongoDB through toxiproxy, which spoils the way.

Knows how to start toxiproxy and to tell it what to do; nothing of what should follow.
"""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from typing_extensions import override

from deploy.local import kafka
from deploy.local.ports import free_port
from deploy.local.stack import ROOT, Stack
from tests.support.stack import listening, wait_for


class ToxicStack(Stack):
    """A stack with something between."""

    def __init__(self, folder: Path, *, program: Path, **more: Any) -> None:
        """Take what Stack takes, and toxiproxy's program."""
        super().__init__(folder, **more)
        self._program = program
        self._control = free_port()
        self._proxied = kafka.Proxied(listens=free_port(), told=free_port())
        self._mongo_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [str(self._program), "-port", str(self._control)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: listening(self._control), "toxiproxy")
            return super().__enter__()
        except BaseException:
            self._process.kill()
            raise

    def __exit__(self, *about: object) -> None:
        super().__exit__(*about)
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @override
    def start_brokers(self) -> kafka.Brokers:
        proxied = self._proxied
        self._ask("POST", "/proxies", _proxy("kafka", proxied.told, proxied.listens))
        return kafka.start(self.folder / "kafka", ROOT / ".build", proxied=proxied)

    @override
    def start_mongod(self) -> None:
        super().start_mongod()
        assert self.mongod is not None
        self._ask("POST", "/proxies", _proxy("mongo", self._mongo_port, self.mongod.port))

    @override
    def service_environment(self, role: str | None = None) -> dict[str, str]:
        told = super().service_environment(role)
        told["DUETIME_KAFKA_BOOTSTRAP_SERVERS"] = f"127.0.0.1:{self._proxied.told}"
        if "DUETIME_MONGO_URI" in told:
            uri = f"mongodb://127.0.0.1:{self._mongo_port}/?directConnection=true"
            told["DUETIME_MONGO_URI"] = uri
        return told

    @contextmanager
    def toxic(self, way: str, kind: str, *, stream: str, **attributes: int) -> Iterator[None]:
        """Spoil a way (kafka or mongo) meanwhile, up- or downstream."""
        toxic = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
        self._ask("POST", f"/proxies/{way}/toxics", toxic)
        try:
            yield
        finally:
            self._ask("DELETE", f"/proxies/{way}/toxics/{kind}", None)

    @contextmanager
    def cut(self, way: str) -> Iterator[None]:
        """Break all connections of a way, and let none through meanwhile."""
        self._ask("POST", f"/proxies/{way}", {"enabled": False})
        try:
            yield
        finally:
            self._ask("POST", f"/proxies/{way}", {"enabled": True})

    def _ask(self, method: str, path: str, body: Any) -> None:
        url = f"http://127.0.0.1:{self._control}{path}"
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=content, method=method)
        with urllib.request.urlopen(request, timeout=10.0):  # noqa: S310 - the same
            return


def _proxy(name: str, port: int, upstream: int) -> dict[str, str]:
    return {"name": name, "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{upstream}"}
