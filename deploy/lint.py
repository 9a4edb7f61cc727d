"""Checks everything that is deployed by the linters of its kind: `make lint/deploy`.

Knows which linter reads which file. A linter that this machine lacks is named in one line and left
out; where skips are forbidden (the gate does it) that is a failure.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.chart import CHART, EXAMPLES, KUBERNETES, ChartError, rendered_text
from deploy.tools import PROMTOOL, ROOT, find, missing

FORBID_SKIPS: Final = "FORBID_SKIPS"
KUBERNETES_OLDEST: Final = "1.30"  # Chart.yaml says so
_SECONDS_MAX: Final = 300.0
_AT_ONCE: Final = 2
_BIN: Final = Path(sys.executable).parent

_DOCKERFILES: Final = ("Dockerfile", "deploy/images/page.Dockerfile")
_COPIES: Final = {  # a chart takes no file from outside itself
    "deploy/prometheus/rules.yml": "helm/duetime/files/rules.yml",
    "deploy/grafana/dashboards/on-time.json": "helm/duetime/files/on-time.json",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Something that is checked; `look` gives what is wrong, as text, or nothing."""

    name: str
    look: Callable[[], str]
    needs: tuple[str, ...] = ()


def checks() -> Iterator[Check]:
    """Give all checks, the slowest first."""
    yield Check(name="manifests", look=_manifests, needs=("helm",))
    yield Check(
        name="chart tests", look=_tool("helm-unittest", str(CHART)), needs=("helm-unittest",)
    )
    yield Check(name="chart", look=_chart, needs=("helm",))
    yield Check(name="chart's README", look=_readme, needs=("helm-docs",))
    yield Check(name="chart's copies", look=_copies)
    yield Check(name="Dockerfiles", look=_program("hadolint", *_DOCKERFILES))
    yield Check(
        name="compose",
        look=_program(
            *("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
        ),
    )
    yield Check(name="YAML", look=_yaml)
    yield Check(name="workflows", look=_tool("actionlint"), needs=("actionlint",))
    yield Check(
        name="workflows' safety",
        look=_program(
            *("zizmor", "--offline", "--quiet", "--no-progress", "--persona", "pedantic"),
            *("--config", ".github/zizmor.yml", ".github/workflows"),
        ),
    )
    rules = "deploy/prometheus/rules.yml"
    yield Check(
        name="alerts",
        look=_tool(PROMTOOL, "check", "rules", "--lint=all", "--lint-fatal", rules),
        needs=(PROMTOOL,),
    )
    yield Check(
        name="alerts' tests",
        look=_tool(PROMTOOL, "test", "rules", "deploy/prometheus/tests.yml"),
        needs=(PROMTOOL,),
    )
    yield Check(
        name="Prometheus",
        look=_tool(
            *(PROMTOOL, "check", "config", "--syntax-only", "deploy/prometheus/prometheus.yml")
        ),
        needs=(PROMTOOL,),
    )


def write_copies() -> None:
    """Copy into the chart what it shares with docker-compose.yml, and write its README."""
    for source, target in _COPIES.items():
        (ROOT / target).write_bytes((ROOT / source).read_bytes())
    tool = find("helm-docs")
    if tool is not None:
        _run([str(tool), "--chart-search-root", "helm", "--log-level", "warning"])


def _copies() -> str:
    stale = [
        f"{target} differs from {source}: make generate"
        for source, target in _COPIES.items()
        if (ROOT / target).read_bytes() != (ROOT / source).read_bytes()
    ]
    return "\n".join(stale)


def _chart() -> str:
    helm = str(find("helm"))
    options = ["--strict", "--quiet", "--kube-version", KUBERNETES]
    return "".join(
        _run([helm, "lint", *options, str(CHART), "--values", str(values)]) for values in EXAMPLES
    )


def _manifests() -> str:
    said = ""
    with tempfile.TemporaryDirectory(prefix="duetime-chart-") as folder:
        files = []
        for values in EXAMPLES:
            file = Path(folder) / values.name
            try:
                file.write_text(rendered_text(values), encoding="utf-8")
            except ChartError as refused:
                said += f"{values.name}: {refused}\n"
            else:
                files.append(str(file))
        program = str(_BIN / "kubernetes-validate")
        # `--no-warn`: the operator's objects have no schema in it.
        options = ["--strict", "--quiet", "--no-warn", "-k", KUBERNETES_OLDEST]
        return said + _run([program, *options, *files])


def _readme() -> str:
    tool = str(find("helm-docs"))
    done = subprocess.run(
        [tool, "--chart-search-root", "helm", "--dry-run", "--log-level", "warning"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
    )
    current = (CHART / "README.md").read_text(encoding="utf-8").strip()
    stale = current != done.stdout.strip()
    return "helm/duetime/README.md is out of date: make generate" if stale else ""


def _yaml() -> str:
    files = [
        *("docker-compose.yml", ".github", "deploy", "helm/duetime/values.yaml"),
        *("helm/duetime/Chart.yaml", "helm/duetime/ci", "helm/duetime/tests"),
    ]
    return _run(
        [str(_BIN / "yamllint"), "--strict", "--config-file", "deploy/yamllint.yml", *files]
    )


def _program(name: str, *arguments: str) -> Callable[[], str]:
    return lambda: _run([str(_BIN / name), *arguments])


def _tool(name: str, *arguments: str) -> Callable[[], str]:
    return lambda: _run([str(find(name)), *arguments])


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=_SECONDS_MAX
    )
    return "" if done.returncode == 0 else f"{done.stdout}{done.stderr}".strip() or "it failed"


def main() -> int:
    """Run the checks; 1 where one found something, or was left out where that is forbidden."""
    if sys.argv[1:] == ["write"]:
        write_copies()
        return 0
    forbidden = os.environ.get(FORBID_SKIPS, "") not in {"", "0"}
    wanted = list(checks())
    lacking = {need: said for check in wanted for need in check.needs if (said := missing(need))}
    failed = bool(lacking) and forbidden
    for said in lacking.values():
        print(f"not checked here: {said}", file=sys.stderr)
    runnable = [check for check in wanted if not lacking.keys() & set(check.needs)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for check, (said, seconds) in zip(runnable, pool.map(_timed, runnable), strict=True):
            if "-v" in sys.argv:
                print(f"{seconds:6.1f} s  {check.name}")
            if said:
                failed = True
                print(f"{check.name}:\n{said}", file=sys.stderr)
    return 1 if failed else 0


def _timed(check: Check) -> tuple[str, float]:
    begun = time.monotonic()
    return check.look(), time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
