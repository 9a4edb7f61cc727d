"""Processes exactly as docker-compose.yml and the chart start them: command, variables, probe.

Knows both formats. What can only differ on this machine is replaced by `at_home`, and nothing
else: addresses, ports, and where files of secrets and of the image lie.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.chart import Document, of_kind
from deploy.tools import ROOT

SERVICES: Final = ("api", "timer", "executor", "log-projector")
TOPICS: Final = "topics"
_GRACE_SECONDS_DEFAULT: Final = 10.0  # Docker's


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How one process is started. `probe` is a command, or a path on the health port."""

    role: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    probe: tuple[str, ...] | str | None
    grace_seconds: float

    def at_home(self, home: Mapping[str, str]) -> "Launch":
        """Replace in values and probe what `home` names: longer texts first."""
        return replace(
            self,
            environment={name: _replaced(text, home) for name, text in self.environment.items()},
            probe=self.probe
            if self.probe is None or isinstance(self.probe, str)
            else tuple(_replaced(text, home) for text in self.probe),
        )


def composed() -> dict[str, Launch]:
    """Read docker-compose.yml: the services and the topics."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    return {role: _composed(role, services[role]) for role in (*SERVICES, TOPICS)}


def _composed(role: str, service: dict[str, Any]) -> Launch:
    test = service["healthcheck"].get("test")
    return Launch(
        role=role,
        arguments=tuple(service["command"]),
        environment={name: str(value) for name, value in service["environment"].items()},
        probe=None if test is None else tuple(test[1:]),
        grace_seconds=float(service["stop_grace_period"].removesuffix("s")),
    )


def charted(documents: list[Document], secrets: Path) -> dict[str, Launch]:
    """Read the rendered chart: the services, and the topics where there is a hook.

    Secrets are files in `secrets`, SECRET/KEY; variables that name a mounted file name that one.
    """
    maps = of_kind(documents, "ConfigMap")
    pods = {
        document["metadata"]["labels"]["app.kubernetes.io/component"]: (name, document)
        for kind in ("Deployment", "Job")
        for name, document in of_kind(documents, kind).items()
    }
    return {
        role: _charted(role, *pods[role], maps, secrets)
        for role in (*SERVICES, TOPICS)
        if role in pods
    }


def _charted(
    role: str, name: str, document: Document, maps: Mapping[str, Document], secrets: Path
) -> Launch:
    pod = document["spec"]["template"]["spec"]
    [container] = pod["containers"]
    environment: dict[str, str] = {}
    for source in container.get("envFrom", []):
        environment |= maps[source["configMapRef"]["name"]]["data"]
    for variable in container["env"]:
        environment[variable["name"]] = _value(variable, f"{name}-0", secrets)
    mounted = _mounted(pod, container, secrets)
    probe = container.get("readinessProbe")
    return Launch(
        role=role,
        arguments=tuple(container["args"]),
        environment={name: mounted.get(value, value) for name, value in environment.items()},
        probe=None if probe is None else probe["httpGet"]["path"],
        grace_seconds=float(pod.get("terminationGracePeriodSeconds", 30)),
    )


def _value(variable: dict[str, Any], pod: str, secrets: Path) -> str:
    match variable:
        case {"value": value}:
            return str(value)
        case {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}:
            return pod
        case {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}:
            return secrets.joinpath(name, key).read_text(encoding="utf-8")
        case _:
            raise LookupError(json.dumps(variable))


def _mounted(pod: dict[str, Any], container: dict[str, Any], secrets: Path) -> dict[str, str]:
    """Give for the path of each file of a secret in the container where it lies here."""
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    return {
        f"{places[volume['name']]}/{entry['path']}": str(
            secrets / volume["secret"]["secretName"] / entry["key"]
        )
        for volume in pod["volumes"]
        if "secret" in volume
        for entry in volume["secret"]["items"]
    }


def shell_line(launch: Launch) -> str:
    """Say a launch in one line, for a test that fails."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in launch.environment.items()]
    return " ".join([*variables, "duetime", *launch.arguments])


def _replaced(text: str, home: Mapping[str, str]) -> str:
    for away in sorted(home, key=len, reverse=True):
        text = text.replace(away, home[away])
    return text
