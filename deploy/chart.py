"""The chart as Kubernetes would get it: rendered by helm, read as documents.

Knows how helm is called and where examples lie; nothing of what the documents should say.
"""

import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.tools import ROOT, find

CHART: Final = ROOT / "helm" / "duetime"
EXAMPLES: Final = tuple(sorted((CHART / "ci").glob("*-values.yaml")))
RELEASE: Final = "duetime"
NAMESPACE: Final = "apps"
KUBERNETES: Final = "1.34.0"  # what the chart is rendered for: helm as built here would say 1.20
_HELM_SECONDS_MAX: Final = 60.0

Document = dict[str, Any]


class ChartError(Exception):
    """helm refused; the message is helm's."""


def rendered_text(values: Path, *settings: str) -> str:
    """Render the chart with an example's values; `settings` are helm's `--set`, NAME=VALUE."""
    helm = find("helm")
    assert helm is not None, "ask deploy.tools.missing first"
    options = [part for setting in settings for part in ("--set", setting)]
    place = ["--namespace", NAMESPACE, "--kube-version", KUBERNETES]
    done = subprocess.run(
        [str(helm), "template", RELEASE, str(CHART), *place, "--values", str(values), *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=_HELM_SECONDS_MAX,
    )
    if done.returncode != 0:
        raise ChartError(done.stderr.strip())
    return done.stdout


def rendered(values: Path, *settings: str) -> list[Document]:
    """Render the chart with an example's values, as documents."""
    return [
        document
        for document in yaml.safe_load_all(rendered_text(values, *settings))
        if document is not None
    ]


def of_kind(documents: list[Document], kind: str) -> dict[str, Document]:
    """Give the documents of a kind by their names."""
    return {
        document["metadata"]["name"]: document for document in documents if document["kind"] == kind
    }
