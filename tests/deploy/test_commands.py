"""An operator's commands work where a service runs, with all that compose or the chart tell it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.chart import EXAMPLES, rendered
from deploy.local.ports import free_port
from deploy.tools import missing
from tests.support.deployed import SERVICES, Launch, charted, composed
from tests.support.mongo import mongo_server

DUETIME = str(Path(sys.executable).with_name("duetime"))
COMMANDS = (("topics", "plan"), ("rebuild",), ("mongo", "shard"))
NO_SETTING = "is no setting"


@pytest.fixture
def nowhere() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def chart(tmp_path: Path) -> dict[str, Launch]:
    reason = missing("helm")
    if reason is not None:
        pytest.skip(reason)
    [plain] = [path for path in EXAMPLES if path.stem == "plain-values"]
    return charted(rendered(plain), tmp_path)


@pytest.mark.parametrize("role", SERVICES)
def test_the_topics_are_looked_at_from_the_container_of_any_service(
    role: str, nowhere: str
) -> None:
    launch = composed()[role].at_home({"kafka:9092": nowhere})
    done = run_it(("topics", "plan"), launch.environment)

    assert 2 == done.returncode
    assert "Kafka's topics cannot be looked at" in done.stderr


@pytest.mark.parametrize("role", SERVICES)
def test_the_topics_are_looked_at_from_any_pod(
    role: str, nowhere: str, chart: dict[str, Launch], tmp_path: Path
) -> None:
    secret(tmp_path, "mongodb://127.0.0.1:1/")
    launch = chart[role].at_home({"kafka.data:9092": nowhere})
    done = run_it(("topics", "plan"), launch.environment)

    assert 2 == done.returncode
    assert "Kafka's topics cannot be looked at" in done.stderr


@pytest.mark.parametrize("role", ["api", "log-projector"])
def test_the_read_models_are_built_anew_from_the_container_of_a_service(
    role: str, nowhere: str
) -> None:
    launch = composed()[role].at_home({"kafka:9092": nowhere})
    done = run_it(("rebuild",), launch.environment)

    assert 2 == done.returncode
    assert "Kafka's topics cannot be looked at" in done.stderr


@pytest.mark.parametrize("role", ["api", "log-projector"])
def test_the_read_models_are_built_anew_from_a_pod_which_has_the_address_in_a_file(
    role: str, nowhere: str, chart: dict[str, Launch], tmp_path: Path
) -> None:
    secret(tmp_path, "mongodb://127.0.0.1:1/")
    launch = chart[role].at_home({"kafka.data:9092": nowhere})
    done = run_it(("rebuild",), launch.environment)

    assert 2 == done.returncode
    assert "Kafka's topics cannot be looked at" in done.stderr


@pytest.mark.parametrize("role", ["timer", "executor"])
def test_where_a_service_is_told_of_no_database_a_rebuild_says_what_it_lacks(role: str) -> None:
    done = run_it(("rebuild",), composed()[role].environment)

    assert 2 == done.returncode
    assert "DUETIME_MONGO_URI" in done.stderr


@pytest.mark.mongo
@pytest.mark.parametrize("role", ["api", "log-projector"])
def test_the_shard_keys_are_asked_for_from_the_container_of_a_service(role: str) -> None:
    server = mongo_server()
    database = server.database_name()
    launch = composed()[role].at_home({"mongodb://mongo:27017/?replicaSet=rs0": server.uri})
    done = run_it(
        ("mongo", "shard", "--apply"), {**launch.environment, "DUETIME_MONGO_DATABASE": database}
    )
    server.drop(database)

    assert 2 == done.returncode
    assert "no sharded cluster" in done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_slip_in_a_name_is_refused_wherever_a_command_runs(command: tuple[str, ...]) -> None:
    slip = {"DUETIME_KAFKA_PARTITION": "12"}
    done = run_it(command, {**composed()["log-projector"].environment, **slip})

    assert 2 == done.returncode
    assert f"DUETIME_KAFKA_PARTITION {NO_SETTING}" in done.stderr
    assert "Did you mean DUETIME_KAFKA_PARTITIONS?" in done.stderr


def secret(folder: Path, uri: str) -> None:
    """Write the chart's secret with MongoDB's address."""
    file = folder / "duetime-mongo" / "uri"
    file.parent.mkdir()
    file.write_text(uri, encoding="utf-8")


def run_it(command: tuple[str, ...], told: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    ours = {name: text for name, text in os.environ.items() if not name.startswith("DUETIME_")}
    return subprocess.run(
        [DUETIME, *command],
        env={**ours, **told},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
