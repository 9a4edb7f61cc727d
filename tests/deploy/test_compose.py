"""docker-compose.yml: nothing beyond this machine, nothing secret, nothing before its time."""

import re
from typing import Any

import pytest
import yaml

from deploy.tools import ROOT
from duetime.limits import DRAIN_SECONDS_MAX
from tests.support.deployed import SERVICES, composed

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSED: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
OURS = (*SERVICES, "topics", "page")


def test_every_port_is_open_on_the_loopback_interface_alone() -> None:
    ports = [port for service in COMPOSED.values() for port in service.get("ports", [])]

    assert {"3000", "3001", "3002", "9090"} == {port.split(":")[1] for port in ports}
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_password_is_written_down() -> None:
    variables = [name for service in COMPOSED.values() for name in service.get("environment", {})]

    assert [] == [name for name in variables if re.search("PASS|SECRET_KEY|TOKEN", name)]
    assert not re.search(r"mongodb(\+srv)?://[^/]*@", TEXT)


@pytest.mark.parametrize("name", OURS)
def test_our_own_containers_are_confined(name: str) -> None:
    service = COMPOSED[name]

    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_the_topics_and_for_what_it_reads(name: str) -> None:
    waits = {what: how["condition"] for what, how in COMPOSED[name]["depends_on"].items()}
    reads = {"mongo": "service_healthy"} if name in {"api", "log-projector"} else {}

    assert {"topics": "service_completed_successfully", **reads} == waits


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_the_time_that_draining_takes(name: str) -> None:
    assert composed()[name].grace_seconds > DRAIN_SECONDS_MAX


def test_whatever_others_wait_for_says_whether_it_is_healthy() -> None:
    awaited = {
        what
        for service in COMPOSED.values()
        for what, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }

    assert awaited <= {name for name, service in COMPOSED.items() if "healthcheck" in service}


def test_one_broker_writes_to_its_disk_what_it_acknowledges() -> None:
    assert "1" == COMPOSED["kafka"]["environment"]["KAFKA_LOG_FLUSH_INTERVAL_MESSAGES"]


def test_every_file_that_is_mounted_is_there() -> None:
    mounts = [
        volume.partition(":")[0]
        for service in COMPOSED.values()
        for volume in service.get("volumes", [])
    ]
    paths = [mount for mount in mounts if mount.startswith("./")]

    assert [] != paths
    assert [] == [path for path in paths if not (ROOT / path).exists()]
