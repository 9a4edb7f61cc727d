"""The programs that check the deployment or disturb it, in .build/tools: `make tools`.

Knows which programs they are and how a machine without Docker gets them: Go modules built here,
and promtool out of Debian's prometheus package, without installing that. What cannot be had is
said in one line; whoever needs it then decides whether to skip.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / ".build" / "tools"
HOW_TO_GET: Final = "make tools"

_BUILD_SECONDS_MAX: Final = 900.0  # helm alone took 175 s on two idle cores


class ToolError(Exception):
    """A program cannot be had here; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoProgram:
    """A program out of a Go module. `package` is its folder in the module.

    A module with `replace` lines cannot be given to `go install`: it is built as its own main
    module, in a copy.
    """

    name: str
    module: str
    version: str
    package: str
    alone: bool = False

    @property
    def kept_as(self) -> str:
        """The file name under which this very version is kept."""
        return f"{self.name}-{self.version}"


GO_PROGRAMS: Final = {
    program.name: program
    for program in (
        GoProgram(
            name="actionlint",
            module="github.com/rhysd/actionlint",
            version="v1.7.12",
            package="cmd/actionlint",
        ),
        GoProgram(
            name="helm-docs",
            module="github.com/norwoodj/helm-docs",
            version="v1.14.2",
            package="cmd/helm-docs",
        ),
        GoProgram(name="helm", module="helm.sh/helm/v3", version="v3.22.0", package="cmd/helm"),
        GoProgram(
            name="helm-unittest",
            module="github.com/helm-unittest/helm-unittest",
            version="v1.1.2",
            package="cmd/helm-unittest",
            alone=True,
        ),
        GoProgram(
            name="toxiproxy",
            module="github.com/Shopify/toxiproxy/v2",
            version="v2.12.0",
            package="cmd/server",
        ),
    )
}
PROMTOOL: Final = "promtool"
NAMES: Final = (*GO_PROGRAMS, PROMTOOL)


def find(name: str) -> Path | None:
    """Give the program where it is there: the version wanted in .build/tools, else on the PATH.

    Only promtool is taken from the PATH: of the others the version matters to what they print.
    """
    if name == PROMTOOL:
        kept, found = FOLDER / PROMTOOL, shutil.which(PROMTOOL)
        if kept.is_file():
            return kept
        return None if found is None else Path(found)
    kept = FOLDER / GO_PROGRAMS[name].kept_as
    return kept if kept.is_file() else None


def missing(name: str) -> str | None:
    """Say that a program is not there and how to get it, or None."""
    return None if find(name) else f"{name} is not there: {HOW_TO_GET} (Go 1.26 and Debian's apt)"


def install(name: str) -> Path:
    """Give the program, fetching and building it where it is not there. Raises ToolError."""
    present = find(name)
    if present is not None:
        return present
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="part-", dir=FOLDER) as folder:
        if name == PROMTOOL:
            _unpack_promtool(Path(folder))
        elif shutil.which("go") is None:
            raise ToolError(f"{name} is built with Go, and this machine has none")
        else:
            _build(GO_PROGRAMS[name], Path(folder))
    built = find(name)
    if built is None:
        raise ToolError(f"{name} was built, but nothing came of it")
    return built


def _build(program: GoProgram, folder: Path) -> None:
    made = folder / program.name
    go = shutil.which("go") or "go"
    if program.alone:
        source = folder / "source"
        told = _run(
            [go, "mod", "download", "-json", f"{program.module}@{program.version}"], cwd=folder
        )
        shutil.copytree(json.loads(told)["Dir"], source, copy_function=shutil.copyfile)
        for path in (source, *source.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)  # Go keeps its copy read-only
        _run([go, "build", "-trimpath", "-o", str(made), f"./{program.package}"], cwd=source)
    else:
        _run(
            [go, "install", "-trimpath", f"{program.module}/{program.package}@{program.version}"],
            cwd=folder,
            environment={"GOBIN": str(folder)},
        )
        made = folder / Path(program.package).name  # Go names it by its folder
    made.rename(FOLDER / program.kept_as)


def _unpack_promtool(folder: Path) -> None:
    for needed in ("apt-get", "dpkg-deb"):
        if shutil.which(needed) is None:
            raise ToolError(f"promtool comes from Debian's prometheus, and there is no {needed}")
    # `-o` so that the sandbox user of apt, who may not write here, is not asked to.
    download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "prometheus"]
    try:
        _run(download, cwd=folder)
    except ToolError:  # a fresh machine has no lists of packages; only root may fetch them
        _run(["apt-get", "-qq", "update"], cwd=folder)
        _run(download, cwd=folder)
    [package] = folder.glob("prometheus_*.deb")
    _run(["dpkg-deb", "-x", package.name, "tree"], cwd=folder)
    (folder / "tree" / "usr" / "bin" / PROMTOOL).rename(FOLDER / PROMTOOL)


def _run(command: Sequence[str], *, cwd: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0"} | (environment or {}),
        check=False,
        capture_output=True,
        text=True,
        timeout=_BUILD_SECONDS_MAX,
    )
    if done.returncode != 0:
        raise ToolError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def main() -> int:
    """Install the programs named, or all; 1 where one could not be had and `--strict` is given."""
    parser = argparse.ArgumentParser(prog="make tools", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--strict", action="store_true", help="fail where one cannot be had")
    arguments = parser.parse_args()
    lacking = 0
    for name in arguments.names or NAMES:
        if find(name) is not None:
            continue
        print(f"building {name} ...", flush=True)
        begun = time.monotonic()
        try:
            install(name)
        except (ToolError, subprocess.TimeoutExpired) as fault:
            lacking += 1
            print(f"not there: {name}: {fault}")
        else:
            print(f"built {name} in {time.monotonic() - begun:.0f} s", flush=True)
    return 1 if lacking and arguments.strict else 0


if __name__ == "__main__":
    sys.exit(main())
