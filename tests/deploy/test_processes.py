"""Each process, started with exactly the command and variables of compose and of the chart.

Out of what the Dockerfile installs, against a real Kafka and a real MongoDB; only addresses, ports
and the places of files differ. It must become ready, run a task, and end when asked.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import httpx
import pytest

from deploy.chart import EXAMPLES, rendered
from deploy.local import kafka, mongod
from deploy.local.ports import free_port
from deploy.tools import ROOT, missing
from tests.support.deployed import SERVICES, TOPICS, Launch, charted, composed, shell_line
from tests.support.image import HOW_TO_GET, Image, uv

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - what a container listens on; here it is replaced
STATE = "/var/lib/duetime"
READY_SECONDS_MAX = 60.0
RUN_SECONDS_MAX = 20.0

pytestmark = [pytest.mark.kafka, pytest.mark.mongo, pytest.mark.timeout(300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where Kafka and MongoDB are."""

    bootstrap: str
    mongo_uri: str


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    if uv() is None:
        pytest.skip(HOW_TO_GET)
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Kafka without topics and an empty MongoDB: laying them out is a part of what is tested."""
    reason = kafka.missing()
    if reason is not None:
        pytest.skip(reason)
    if mongod.binary() is None:
        pytest.skip(f"no mongod: {mongod.INSTALL_COMMAND}")
    folder = tmp_path_factory.mktemp("cluster")
    brokers = kafka.start(folder / "kafka", ROOT / ".build")
    try:
        with mongod.running(folder / "mongod") as server:
            yield Cluster(bootstrap=brokers.bootstrap, mongo_uri=server.uri)
    finally:
        brokers.stop()


def test_what_compose_starts_lays_out_topics_becomes_ready_runs_a_task_and_stops(
    image: Image, cluster: Cluster, tmp_path: Path
) -> None:
    def at_home(launch: Launch) -> Launch:
        return launch.at_home(
            {
                "kafka:9092": cluster.bootstrap,
                "mongodb://mongo:27017/?replicaSet=rs0": cluster.mongo_uri,
                EVERY_ADDRESS: "127.0.0.1",
                STATE: str(state(tmp_path)),
                "9464": str(free_port()),
                "3001": str(free_port()),
            }
        )

    launches = composed()
    laid_out = run_to_the_end(image, at_home(launches[TOPICS]), tmp_path)

    assert 0 == laid_out.returncode, laid_out.stderr
    assert "created duetime.tasks with 12 partitions" in laid_out.stdout
    run_a_task(image, {role: at_home(launches[role]) for role in SERVICES}, tmp_path)


def test_what_the_chart_starts_finds_its_topics_becomes_ready_runs_a_task_and_stops(
    image: Image, cluster: Cluster, tmp_path: Path
) -> None:
    reason = missing("helm")
    if reason is not None:
        pytest.skip(reason)
    [plain] = [path for path in EXAMPLES if path.stem == "plain-values"]
    secret = tmp_path / "secrets" / "duetime-mongo" / "uri"
    secret.parent.mkdir(parents=True)
    secret.write_text(cluster.mongo_uri, encoding="utf-8")

    def at_home(launch: Launch) -> Launch:
        return launch.at_home(
            {
                "kafka.data:9092": cluster.bootstrap,
                EVERY_ADDRESS: "127.0.0.1",
                STATE: str(state(tmp_path)),
                "9464": str(free_port()),
                "3001": str(free_port()),
            }
        )

    launches = charted(rendered(plain), tmp_path / "secrets")
    laid_out = run_to_the_end(image, at_home(launches[TOPICS]), tmp_path)

    assert 0 == laid_out.returncode, laid_out.stderr
    run_a_task(image, {role: at_home(launches[role]) for role in SERVICES}, tmp_path)


def run_a_task(image: Image, launches: dict[str, Launch], folder: Path) -> None:
    with ExitStack() as running:
        processes = {
            role: running.enter_context(started(image, launch, folder))
            for role, launch in launches.items()
        }
        for role, process in processes.items():
            wait_for(process.is_ready, READY_SECONDS_MAX, f"{role}: {process.said()}")
        url = f"http://127.0.0.1:{launches['api'].environment['DUETIME_API_PORT']}"
        soon = datetime.now(UTC) + timedelta(seconds=1)  # noqa: TID251 - real processes, real clock
        words = f"started by {folder.name}"
        body = {"description": words, "time": soon.isoformat(), "recurring": False}
        answer = httpx.post(f"{url}/tasks", json=body, timeout=10.0)

        assert 201 == answer.status_code, answer.text
        wait_for(
            lambda: any(words in line for line in httpx.get(f"{url}/tasks/logs").json()),
            RUN_SECONDS_MAX,
            "the task did not run",
        )
        for role, process in processes.items():
            assert 0 == process.stop(), f"{role}: {process.said()}"


def state(folder: Path) -> Path:
    """Give a folder like the image's own: there, and empty."""
    made = folder / "state"
    made.mkdir(exist_ok=True)
    return made


class Started:
    """A process of the image."""

    def __init__(self, image: Image, launch: Launch, folder: Path) -> None:
        self._launch = launch
        self._environment = {**image.environment, **launch.environment}
        self._printed = folder / f"{launch.role}.printed"
        with self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                image.command(launch.arguments, self._environment),
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def said(self) -> str:
        """Give its last lines, and how it was started."""
        printed = self._printed.read_text(errors="replace")
        return f"{shell_line(self._launch)}\n{printed[-2000:]}"

    def is_ready(self) -> bool:
        """Ask as whoever starts it asks: a path on its health port, or a command beside it."""
        assert self._process.poll() is None, self.said()
        match self._launch.probe:
            case str() as path:
                port = self._launch.environment["DUETIME_HEALTH_PORT"]
                try:
                    answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5.0)
                except httpx.TransportError:
                    return False
                return answer.status_code == httpx.codes.OK
            case tuple() as command:
                asked = subprocess.run(
                    ["env", *command], env=self._environment, check=False, capture_output=True
                )
                return asked.returncode == 0
            case None:
                raise AssertionError(f"nothing asks whether {self._launch.role} is ready")

    def stop(self) -> int:
        """SIGTERM; it must end within the time that it is given."""
        self._process.terminate()
        return self._process.wait(self._launch.grace_seconds)


def started(image: Image, launch: Launch, folder: Path) -> Started:
    return Started(image, launch, folder)


def run_to_the_end(image: Image, launch: Launch, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**image.environment, **launch.environment}
    return subprocess.run(
        image.command(launch.arguments, environment),
        env=environment,
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def wait_for(reached: Callable[[], bool], seconds: float, otherwise: str) -> None:
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until, otherwise
        time.sleep(0.1)  # noqa: TID251 - between bounded looks at other processes
