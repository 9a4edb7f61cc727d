"""What the Dockerfile puts into the image, made here without an engine.

Follows its build stage: copies what COPY names and .dockerignore admits, and runs its `uv sync`
lines with its variables. So a file that is not copied, a package that is not locked or a service
that needs what only developers have is found here. Knows nothing of what is started in it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.tools import ROOT
from tests.support.dockerfile import Stage, admitted, copied_from_context, stages

ENVIRONMENT: Final = "/app/.venv"
HOW_TO_GET: Final = "no uv: make setup fetches one"
_SYNC_SECONDS_MAX: Final = 240.0


def uv() -> Path | None:
    """Give the uv that made this environment, where it is."""
    fetched = sorted((ROOT / ".build").glob("uv-*/bin/uv"))
    found = shutil.which("uv")
    return fetched[-1] if fetched else None if found is None else Path(found)


class Image:
    """The file system of the image, as far as a process sees it, under a folder."""

    def __init__(self, folder: Path) -> None:
        """Make it there. Raises CalledProcessError with uv's words where that fails."""
        made = stages(ROOT / "Dockerfile")
        self._venv = folder / "venv"
        self._final = made[""]
        _build(made["build"], folder / "src", self._venv)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the image: nothing of this machine's but how to find programs."""
        told = {
            name: value.replace(ENVIRONMENT, str(self._venv))
            for name, value in self._final.environment.items()
        }
        told["PATH"] = told["PATH"].replace("$PATH", os.defpath)
        return told

    def command(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> list[str]:
        """Give what the image starts for a command: its entry point is found on its PATH."""
        [entry] = self._final.of("ENTRYPOINT")
        [name] = re.findall(r'"([^"]+)"', entry)
        program = shutil.which(name, path=environment["PATH"])
        assert program is not None, f"{name} is not in the image"
        return [program, *arguments]


def _build(stage: Stage, source: Path, venv: Path) -> None:
    program = uv()
    assert program is not None, HOW_TO_GET
    for sources, target in copied_from_context(stage):
        for name in sources:
            _copy(name, source, target)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("UV_PROJECT")},
        **stage.environment,
        "UV_PROJECT_ENVIRONMENT": str(venv),
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_LINK_MODE": "hardlink",  # the image copies; here that would only cost time
        "GROUP": next(rest.partition("=")[2] for rest in stage.of("ARG") if "GROUP=" in rest),
    }
    environment.pop("VIRTUAL_ENV", None)
    for line in stage.of("RUN"):
        [sync] = re.findall(r"\buv (sync .*?)(?: &&|$)", line)
        subprocess.run(
            ["bash", "-c", f'"{program}" {sync}'],
            cwd=source,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=_SYNC_SECONDS_MAX,
        )


def _copy(name: str, source: Path, target: str) -> None:
    paths = [path for path in admitted() if path == name or path.startswith(f"{name}/")]
    assert paths, f"COPY {name}: there is no such file, or .dockerignore leaves it out"
    for path in paths:
        inside = path.removeprefix(name).lstrip("/") or Path(name).name
        place = source / target / inside
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, place)
