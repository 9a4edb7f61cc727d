"""The log-projector as a service: its worker, wired to the log and the read models."""

from datetime import datetime
from functools import partial
from typing import Final

from duetime.log.port import Log
from duetime.log_projector.lane import PROJECTOR_TOPICS, Pace, ProjectorLane
from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import Clock
from duetime.runtime.worker import Reads, Worker
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
    oldest: dict[int, datetime | None] = {}  # not in the read models, by partition

    def lag_seconds() -> float:
        # What a lost partition left behind is its new owner's lag.
        waiting = [oldest.get(partition) for partition in worker.assigned]
        since = min((at for at in waiting if at is not None), default=None)
        return 0.0 if since is None else max(0.0, (clock.now() - since).total_seconds())

    worker = Worker(
        name=GROUP,
        log=log,
        reads=Reads(PROJECTOR_TOPICS, pace.tasks_seconds / 4),
        clock=clock,
        lane=lambda partition, _subscription, wake: ProjectorLane(
            partition=partition,
            log=log,
            store=store,
            clock=clock,
            pace=pace,
            watch=partial(oldest.__setitem__, partition),
            wake=wake,
        ),
        backoff=backoff,
        metrics=metrics,
    )
    # Worked out when asked: it grows while nothing can be written.
    metrics.projection_lag_seconds.set_function(lag_seconds)
    return worker
