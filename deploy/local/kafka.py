"""Starts real Kafka brokers as processes of this machine: for the tests and for `make stack`.

Knows Java, Maven and Kafka's own tools; nothing of Duetime. Jars come from the Maven repository
that Maven is set up with, once, into a folder that is kept. A broker dies with the process that
started it, however that one ends.
"""

import base64
import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.ports import HOST, free_ports

VERSION: Final = "4.4.0"
_AS_OURS: Final[Mapping[str, object]] = {}
HOW_TO_GET: Final = "needs Java 17 and Maven, or DUETIME_TEST_KAFKA=host:port"

_FETCH_SECONDS_MAX: Final = 300.0
_FORMAT_SECONDS_MAX: Final = 30.0
_START_SECONDS_MAX: Final = 60.0
_STOP_SECONDS_MAX: Final = 20.0
_LOOK_AGAIN_SECONDS: Final = 0.05
_JAVA: Final = (
    "-Xmx512m",
    "-XX:+UseSerialGC",  # two cores, half a gigabyte: what it was made for
    "-XX:TieredStopAtLevel=1",  # starts in half the time
    "-Djava.awt.headless=true",
)
# The broker is this shell's child; the shell ends it when its own input does, which happens when
# the process that holds the other end is gone, even after `kill -9`.
_GUARD: Final = 'java "$@" </dev/null & echo $!; read -r _; kill -9 $! 2>/dev/null; wait $!'
_COPY: Final = ("dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=.")
_POM: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>duetime</groupId><artifactId>local-kafka</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
  </dependency></dependencies>
</project>
"""


class BrokerError(Exception):
    """A broker could not be had; the message says why."""


@dataclass(slots=True)
class Broker:
    """One broker process, which is controller too."""

    number: int
    address: str
    folder: Path
    jars: Path
    guard: subprocess.Popen[bytes] | None = None
    pid: int | None = None

    def start(self) -> None:
        """Start it on its own data; `wait` says when it serves."""
        with (self.folder / "stderr.txt").open("ab") as words:
            guard = subprocess.Popen(
                ["sh", "-c", _GUARD, "sh", *_java(self.jars), "kafka.Kafka", self.properties],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                process_group=0,  # Ctrl-C is for us: we stop it in our own time
            )
        assert guard.stdout is not None
        self.guard, self.pid = guard, int(guard.stdout.readline())

    def wait(self, seconds_max: float = _START_SECONDS_MAX) -> None:
        """Wait until it takes connections. Raises BrokerError when it does not."""
        until = time.monotonic() + seconds_max
        host, _, port = self.address.rpartition(":")
        while True:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return
            except OSError:
                pass
            if self.guard is None or self.guard.poll() is not None or time.monotonic() > until:
                raise BrokerError(f"broker {self.number} does not serve: {self._last_words()}")
            _pause()

    def kill(self) -> None:
        """End it at once, as a crash would. Harmless when repeated."""
        guard, self.guard, self.pid = self.guard, None, None
        if guard is None:
            return
        assert guard.stdin is not None
        assert guard.stdout is not None
        guard.stdin.close()
        guard.stdout.close()
        guard.wait(_STOP_SECONDS_MAX)

    @property
    def properties(self) -> str:
        """Its settings file."""
        return str(self.folder / "server.properties")

    def _last_words(self) -> str:
        words = (self.folder / "stderr.txt").read_text(errors="replace").strip()
        return words[-500:] or "it said nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secured:
    """Listeners of one broker that ask who is there, over TLS, beside the plain one."""

    ports: Mapping[str, int]  # by protocol: SASL_SSL for logins, SSL for certificates
    settings: Mapping[str, object]  # of TLS and SASL, in Kafka's words
    scram: Sequence[str]  # logins of the cluster, as Kafka's own tool takes them


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxied:
    """A listener of one broker with something before it, beside the plain one."""

    listens: int  # the broker's port
    told: int  # the port that clients are sent to


@dataclass(frozen=True, slots=True)
class Brokers:
    """A cluster of broker processes."""

    brokers: Sequence[Broker] = field(default_factory=tuple)

    @property
    def bootstrap(self) -> str:
        """The addresses to connect to."""
        return ",".join(broker.address for broker in self.brokers)

    def stop(self) -> None:
        """End all of them. Harmless when repeated."""
        for broker in self.brokers:
            broker.kill()


def missing() -> str | None:
    """Say what this machine lacks, or None."""
    absent = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    return None if not absent else f"{' and '.join(absent)} not found: {HOW_TO_GET}"


def jars(build: Path) -> Path:
    """Give the folder of Kafka's jars under `build`, filling it on first use."""
    folder = build / "kafka" / VERSION
    if folder.is_dir():
        return folder
    part = folder.with_name(f"{VERSION}-part-{time.monotonic_ns()}")
    part.mkdir(parents=True)
    pom = part / "pom.xml"
    pom.write_text(_POM.format(version=VERSION), encoding="utf-8")
    try:
        subprocess.run(
            ["mvn", "--quiet", "--batch-mode", "--file", str(pom), *_COPY],
            check=True,
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS_MAX,
        )
    except subprocess.CalledProcessError as fault:
        shutil.rmtree(part, ignore_errors=True)
        raise BrokerError(
            f"Maven could not fetch Kafka {VERSION}: {fault.stdout[-500:]}"
        ) from fault
    try:
        part.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(part, ignore_errors=True)
    return folder


def start(
    folder: Path,
    build: Path,
    *,
    brokers: int = 1,
    ports: Sequence[int] = (),
    secured: Secured | None = None,
    proxied: Proxied | None = None,
    settings: Mapping[str, object] = _AS_OURS,
) -> Brokers:
    """Start a new cluster with its data in `folder`, and wait until it serves.

    `ports` are the brokers' own, in their order; where it says nothing, free ones. `secured` and
    `proxied` are for a single broker. `settings` take the place of ours.
    """
    archive = jars(build)
    free = free_ports(2 * brokers)
    listeners = [*ports, *free[:brokers]][:brokers]
    controllers = free[brokers:]
    made = [
        Broker(number, f"{HOST}:{listeners[number - 1]}", folder / f"broker-{number}", archive)
        for number in range(1, brokers + 1)
    ]
    cluster = Brokers(made)
    try:
        for broker in made:
            ours = _settings(broker, controllers)
            _format(broker, folder, {**ours, **settings}, secured, proxied)
        for broker in made:
            broker.start()
        for broker in made:
            broker.wait()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _format(
    broker: Broker,
    folder: Path,
    settings: dict[str, object],
    secured: Secured | None,
    proxied: Proxied | None,
) -> None:
    broker.folder.mkdir(parents=True, exist_ok=True)
    (broker.folder / "stderr.txt").touch()
    options: tuple[str, ...] = ()
    if secured is not None:
        for name in ("listeners", "advertised.listeners"):
            for protocol, port in secured.ports.items():
                settings[name] = f"{settings[name]},{protocol}://{HOST}:{port}"
        settings |= secured.settings
        options = tuple(word for login in secured.scram for word in ("--add-scram", login))
    if proxied is not None:
        settings["listeners"] = f"{settings['listeners']},PROXIED://{HOST}:{proxied.listens}"
        told = f"{settings['advertised.listeners']},PROXIED://{HOST}:{proxied.told}"
        settings["advertised.listeners"] = told
        kinds = ("PLAINTEXT", "PROXIED", "CONTROLLER")
        protocols = ",".join(f"{kind}:PLAINTEXT" for kind in kinds)
        settings["listener.security.protocol.map"] = protocols
    (broker.folder / "server.properties").write_text(
        "".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8"
    )
    digest = hashlib.blake2b(str(folder).encode(), digest_size=15).digest()
    # The zero keeps the first letter from being a dash, which Kafka's tools take for an option.
    cluster_id = base64.urlsafe_b64encode(b"\0" + digest).decode().rstrip("=")
    formatted = subprocess.run(
        [
            *("java", *_java(broker.jars), "kafka.tools.StorageTool", "format"),
            *("--ignore-formatted", "--cluster-id", cluster_id, "--config", broker.properties),
            *options,
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=_FORMAT_SECONDS_MAX,
    )
    if formatted.returncode != 0:
        raise BrokerError(f"storage cannot be formatted: {formatted.stderr[-500:]}")


def _settings(broker: Broker, controllers: Sequence[int]) -> dict[str, object]:
    count = len(controllers)
    replication = min(3, count)
    voters = [f"{number}@{HOST}:{port}" for number, port in enumerate(controllers, start=1)]
    controller = controllers[broker.number - 1]
    return {
        "process.roles": "broker,controller",
        "node.id": broker.number,
        "controller.quorum.voters": ",".join(voters),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{broker.address},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker.address}",
        "log.dirs": broker.folder / "log",
        "auto.create.topics.enable": "false",
        # Others take over a killed broker's work within this: Kafka's own 9 s would leave a second
        # of the promise. Who is alone has nobody to be replaced by.
        "broker.session.timeout.ms": 3_000 if count > 1 else 9_000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": replication,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": replication,
        "transaction.state.log.min.isr": max(1, replication - 1),
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1_000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }


def _java(folder: Path) -> list[str]:
    return [*_JAVA, "-cp", str(folder / "*")]


def _pause() -> None:
    time.sleep(_LOOK_AGAIN_SECONDS)
