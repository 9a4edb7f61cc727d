"""Which Kafka or MongoDB a test takes: the first that answers, or a sentence on what is lacking.

Tried in this order: an URL in the environment, Docker through testcontainers, local processes.
Knows how to tell whether there is Docker; starts nothing but a container that it is asked for.
"""

import atexit
import importlib
import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

PACKAGE: Final = "testcontainers"
ANSWER_SECONDS_MAX: Final = 10.0


class Source(StrEnum):
    """Where a backend comes from."""

    URL = "url"
    CONTAINER = "container"
    LOCAL = "local"


def choose(
    url: str | None, *, container: Callable[[], str | None], local: Callable[[], str | None]
) -> tuple[Source | None, str]:
    """Give the first source there is, or None and what is lacking for each.

    `container` and `local` say what they lack, or None; they are asked in that order, and only
    where what comes before them is not there.
    """
    if url is not None:
        return Source.URL, ""
    no_container = container()
    if no_container is None:
        return Source.CONTAINER, ""
    no_local = local()
    if no_local is None:
        return Source.LOCAL, ""
    return None, f"{no_local}; nor is there Docker: {no_container}"


def docker_lacks(*, docker: str = "docker", package: str = PACKAGE) -> str | None:
    """Say what there is not to start containers with, or None."""
    if shutil.which(docker) is None:
        return "no docker"
    try:
        asked = subprocess.run(
            [docker, "info"], check=False, capture_output=True, timeout=ANSWER_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return "the engine does not answer"
    if asked.returncode != 0:
        return "the engine does not answer"
    if importlib.util.find_spec(package) is None:
        return f"{package} is not installed (uv sync --group containers)"
    return None


def container(image: str) -> Any:
    """Give a container of an image, to be set up and started; it ends with this process.

    Named at run time only: its package is there where Docker was when Duetime was set up.
    """
    made = importlib.import_module(f"{PACKAGE}.core.container").DockerContainer(image)
    atexit.register(made.stop)
    return made
