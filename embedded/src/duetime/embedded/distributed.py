"""The commands of the distributed system: a process per service, and what prepares a cluster.

Part of the command line and so a composition root. The services' own `__main__` modules do the
work; an image that holds one service alone starts it as `python -m duetime.timer`.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from importlib import import_module
from typing import Any, Final, TypeVar

import typer

from duetime.embedded.environment import beside_services
from duetime.log.kafka.connection import Connection, KafkaSetupError
from duetime.log.kafka.topics_plan import Finding, Kind, apply, check, plan
from duetime.log.port import LogError
from duetime.settings.base import SettingsError
from duetime.settings.kafka import KafkaSettings

T = TypeVar("T")

SERVICES: Final = {
    "api": "Take requests: HTTP on DUETIME_API_PORT.",
    "timer": "Say what is due.",
    "executor": "Start what is due, and say how it went.",
    "log-projector": "Build the read models.",
}

_SETTINGS: Final = "It is told what it needs by DUETIME_…, as docs/configuration.md lists it."

topics = typer.Typer(
    no_args_is_help=True, help="Lay out Duetime's topics on a Kafka cluster, and compare them."
)


def add_services(app: typer.Typer) -> None:
    """Add a command per service."""
    for name, words in SERVICES.items():
        short = f"{words} One process of the distributed system."
        app.command(name, help=f"{short} {_SETTINGS}", short_help=short)(_starter(name))


@topics.command("plan")
def plan_topics() -> None:
    """Say how the cluster's topics differ from what Duetime wants; change nothing."""
    findings = _on_cluster(plan)
    _say(findings)
    if not findings:
        typer.echo("The topics are as they ought to be.")


@topics.command("apply")
def apply_topics() -> None:
    """Create the missing topics, alter none; exit with 2 where Duetime would not start on them."""
    applied = _on_cluster(apply)
    for topic in applied.created:
        typer.echo(f"created {topic.name} with {topic.partitions} partitions")
    if not applied.created:
        typer.echo("Nothing is missing.")
    _say(applied.findings)
    if any(finding.kind is not Kind.DIFFERENT for finding in applied.findings):
        sys.exit(2)


@topics.command("check")
def check_topics() -> None:
    """Say whether Duetime would start on this cluster, and what differs; exit with 2 where not."""
    differences = _on_cluster(check)
    typer.echo("Duetime would start on this cluster.")
    _say(differences)


def _say(findings: Sequence[Finding]) -> None:
    for finding in findings:
        typer.echo(f"{finding.kind}: {finding.sentence}")


def _starter(name: str) -> Callable[[], None]:
    def start() -> None:
        import_module(f"duetime.{name.replace('-', '_')}.__main__").main()

    return start


def _on_cluster(ask: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
    try:
        environment = beside_services(os.environ, [KafkaSettings])
        connection = Connection.of(environment.read(KafkaSettings), client_id="duetime-topics")
        return asyncio.run(ask(connection))
    except (SettingsError, KafkaSetupError, LogError) as fault:
        typer.echo(str(fault), err=True)
        sys.exit(2)
