"""Which Kafka or MongoDB the other tests take, on whatever machine."""

from pathlib import Path

import pytest

from tests.support.backends import Source, choose, docker_lacks

HERE = None  # nothing is lacking


@pytest.mark.parametrize(
    ("url", "container", "local", "source"),
    [
        ("127.0.0.1:9092", HERE, HERE, Source.URL),
        ("127.0.0.1:9092", "no docker", "no java", Source.URL),
        (None, HERE, HERE, Source.CONTAINER),
        (None, HERE, "no java", Source.CONTAINER),
        (None, "no docker", HERE, Source.LOCAL),
    ],
)
def test_the_first_backend_that_is_there_is_taken(
    url: str | None, container: str | None, local: str | None, source: Source
) -> None:
    assert (source, "") == choose(url, container=lambda: container, local=lambda: local)


def test_where_there_is_none_the_reason_names_every_way_to_get_one() -> None:
    source, reason = choose(None, container=lambda: "no docker", local=lambda: "no java")

    assert source is None
    assert "no java; nor is there Docker: no docker" == reason


@pytest.mark.parametrize(
    ("status", "package", "lacking"),
    [
        (0, "pytest", None),
        (0, "no_such_package", "no_such_package is not installed (uv sync --group containers)"),
        (1, "pytest", "the engine does not answer"),
    ],
)
def test_docker_is_there_where_its_engine_answers_and_the_package_is_installed(
    tmp_path: Path, status: int, package: str, lacking: str | None
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\nexit {status}\n")
    docker.chmod(0o755)

    assert lacking == docker_lacks(docker=str(docker), package=package)


def test_without_its_program_there_is_no_docker(tmp_path: Path) -> None:
    assert "no docker" == docker_lacks(docker=str(tmp_path / "docker"))
