"""What compose and the chart tell a process is what that process knows: no name is made up."""

from pathlib import Path

import pytest

from deploy.chart import EXAMPLES, Document, of_kind, rendered
from deploy.tools import missing
from docs.generate.configuration import settings_of
from duetime.http.health import HEALTH_PATHS
from duetime.settings.base import Environment, Settings
from tests.support.deployed import SERVICES, Launch, charted, composed

SECRETS = {
    "duetime-kafka": {"username": "duetime", "password": "pencil"},
    "duetime-oauth": {"client-id": "duetime", "client-secret": "pencil"},
    "duetime-mongo": {
        "uri": "mongodb://mongo.example.com/?replicaSet=rs0",
        "connectionString.standardSrv": "mongodb+srv://mongo.example.com/",
    },
    "mongo-ca": {"ca.crt": "made up"},
    "kafka-ca": {"ca.crt": "made up"},
    "kafka-client": {"tls.crt": "made up", "tls.key": "made up"},
}


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name, entries in SECRETS.items():
        for key, text in entries.items():
            file = tmp_path / name / key
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem.removesuffix("-values"))
def documents(request: pytest.FixtureRequest) -> list[Document]:
    reason = missing("helm")
    if reason is not None:
        pytest.skip(reason)
    path: Path = request.param
    return rendered(path)


@pytest.mark.parametrize("role", [*SERVICES, "topics"])
def test_a_process_accepts_every_variable_that_compose_gives_it(role: str) -> None:
    assert {} != read(composed()[role])


def test_a_process_accepts_every_variable_that_the_chart_gives_it(
    documents: list[Document], secrets: Path
) -> None:
    launches = charted(documents, secrets)

    assert {*SERVICES, "topics"} == launches.keys()
    for launch in launches.values():
        assert {} != read(launch)


def test_a_secret_of_the_cluster_reaches_the_process_that_needs_it(secrets: Path) -> None:
    reason = missing("helm")
    if reason is not None:
        pytest.skip(reason)
    [managed] = [path for path in EXAMPLES if path.stem == "managed-values"]
    told = read(charted(rendered(managed), secrets)["api"])
    shown = [line for settings in told.values() for line in settings.printout()]

    assert "DUETIME_KAFKA_SASL_USERNAME=duetime" in shown
    assert "DUETIME_KAFKA_SASL_PASSWORD=********" in shown
    assert "DUETIME_MONGO_URI=********" in shown


def test_the_probes_of_the_chart_ask_paths_that_a_process_answers(
    documents: list[Document],
) -> None:
    asked = {
        container[probe]["httpGet"]["path"]
        for name, document in of_kind(documents, "Deployment").items()
        if not name.endswith("-page")
        for container in document["spec"]["template"]["spec"]["containers"]
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    assert {"/livez", "/readyz"} == asked
    assert asked < set(HEALTH_PATHS)


def read(launch: Launch) -> dict[str, Settings]:
    classes = settings_of(launch.role)
    environment = Environment(launch.environment, classes)
    return {cls.__name__: environment.read(cls) for cls in classes}
