"""The composition of a whole Duetime in one process, over whatever adapters it is given.

Knows which services make up the system and what each needs; chooses no adapter (`__main__` does).
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from duetime.api.app import Beside, build_app
from duetime.api.settings import ApiSettings
from duetime.embedded.retention import Prune, RetentionService
from duetime.events.types import LogAction, PythonAction
from duetime.executor.actions.log import LogActions
from duetime.executor.actions.python import Function, PythonActions
from duetime.executor.service import executor_service
from duetime.http.health import Health
from duetime.http.server import HttpService
from duetime.limits import (
    AHEAD_RUNS_EMBEDDED,
    DUE_PER_DECISION_EMBEDDED,
    FLUSH_RECORDS_EMBEDDED,
    FLUSH_SECONDS_EMBEDDED,
    LOOKAHEAD_SECONDS,
    RUNS_FLUSH_SECONDS_EMBEDDED,
)
from duetime.log.port import Log
from duetime.log_projector.lane import Pace
from duetime.log_projector.service import projector_service
from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import Clock
from duetime.runtime.ids import Ids
from duetime.runtime.precedence import Precedence
from duetime.runtime.service import Service
from duetime.store.port import Store
from duetime.telemetry.metrics import Metrics
from duetime.timer.core import Leaving
from duetime.timer.indexes import Indexes
from duetime.timer.service import timer_service


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The adapters and values that a node is made of."""

    log: Log
    store: Store
    indexes: Indexes
    clock: Clock
    ids: Ids
    metrics: Metrics
    fraction: Callable[[], float]
    functions: Mapping[str, Function]
    concurrency: int
    api: ApiSettings
    listener: socket.socket
    page: HttpService | None
    prunes: tuple[Prune, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A whole Duetime: its services, in the order in which they are drained."""

    services: Sequence[Service]
    health: Health


def assemble(parts: Parts) -> Node:
    """Wire a node. Nothing starts before its services run."""
    backoff = Backoff(first_seconds=0.05, seconds_max=2.0, fraction=parts.fraction)
    health = Health()
    log, clock, metrics = parts.log, parts.clock, parts.metrics
    precedence = Precedence()
    app = build_app(
        log=log,
        store=parts.store,
        clock=clock,
        ids=parts.ids,
        metrics=metrics,
        health=health,
        settings=parts.api,
        beside=Beside(python_actions=parts.functions.keys(), precedence=precedence),
    )
    services: list[Service] = [
        HttpService(name="api", app=app, listener=parts.listener, end_streams=app.end_streams),
        timer_service(
            log=log,
            clock=clock,
            name="timer/embedded",
            indexes=parts.indexes,
            leaving=Leaving(
                timedelta(seconds=LOOKAHEAD_SECONDS),
                due_max=DUE_PER_DECISION_EMBEDDED,
                ahead_max=AHEAD_RUNS_EMBEDDED,
            ),
            backoff=backoff,
            metrics=metrics,
            precedence=precedence,
        ),
        executor_service(
            log=log,
            clock=clock,
            name="executor/embedded",
            actions={LogAction: LogActions(), PythonAction: PythonActions(parts.functions)},
            concurrency=parts.concurrency,
            backoff=backoff,
            metrics=metrics,
        ),
        projector_service(
            log=log,
            store=parts.store,
            clock=clock,
            pace=_pace(precedence),
            backoff=backoff,
            metrics=metrics,
        ),
        RetentionService(clock=clock, prunes=parts.prunes),
    ]
    if parts.page is not None:
        services.insert(0, parts.page)
    for service in services:
        health.add(service.name, service.unready)
    return Node(services=services, health=health)


def _pace(precedence: Precedence) -> Pace:
    """Give the projector's: soon, little at a time, and behind what callers wait for."""
    return Pace(
        tasks_seconds=FLUSH_SECONDS_EMBEDDED,
        runs_seconds=RUNS_FLUSH_SECONDS_EMBEDDED,
        records_max=FLUSH_RECORDS_EMBEDDED,
        precedence=precedence,
    )
