"""The log-projector as a service: its worker, wired to the log and the read models."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from duetime.events.envelope import Envelope, Unreadable
from duetime.log.port import Log
from duetime.log_projector.lane import PROJECTOR_TOPICS, Pace, ProjectorLane
from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import Clock
from duetime.runtime.worker import Worker
from duetime.store.port import Store
from duetime.telemetry.metrics import Metrics

GROUP: Final = "duetime-log-projector"


def projector_service(
    *,
    log: Log,
    store: Store,
    clock: Clock,
    pace: Pace,
    backoff: Backoff,
    metrics: Metrics,
) -> Worker:
    """Give a projector that writes at this pace."""

    def watch(written: Sequence[Envelope | Unreadable]) -> None:
        oldest = _oldest(written)
        if oldest is not None:
            lag = (clock.now() - oldest).total_seconds()
            metrics.projection_lag_seconds.set(max(0.0, lag))

    return Worker(
        name=GROUP,
        log=log,
        topics=PROJECTOR_TOPICS,
        clock=clock,
        lane=lambda partition, _subscription, _wake: ProjectorLane(
            partition=partition,
            log=log,
            store=store,
            clock=clock,
            pace=pace,
            watch=watch,
        ),
        backoff=backoff,
        metrics=metrics,
    )


def _oldest(written: Sequence[Envelope | Unreadable]) -> datetime | None:
    for record in written:
        if isinstance(record, Envelope):
            return record.appended_at
    return None
