"""The timer as a service: its worker, wired to what it is given.

Knows which parts a timer has; the composition root says which log, clock and index they use.
"""

from typing import Final

from duetime.events.types import TaskDue, TaskSkipped
from duetime.limits import GATHER_SECONDS
from duetime.log.port import Log
from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import Clock
from duetime.runtime.precedence import Precedence
from duetime.runtime.worker import Reads, Worker
from duetime.telemetry.metrics import Metrics
from duetime.timer.core import Decided, Leaving
from duetime.timer.indexes import Indexes
from duetime.timer.lane import TIMER_TOPICS, TimerLane, Watch

GROUP: Final = "duetime-timer"


def timer_service(
    *,
    log: Log,
    clock: Clock,
    name: str,
    indexes: Indexes,
    leaving: Leaving,
    backoff: Backoff,
    metrics: Metrics,
    precedence: Precedence | None = None,
) -> Worker:
    """Give a timer; `name` stands in the events it makes.

    One that shares its loop with executors takes few due tasks at a time: while it decides nothing
    starts. It folds few records at a time while somebody has `precedence`.
    """

    def watch(decided: Decided) -> None:
        for fact in decided.facts:
            if isinstance(fact.event, TaskSkipped):
                metrics.skipped_total.of(fact.event.cause).inc()
            elif isinstance(fact.event, TaskDue) and fact.event.delivery - fact.event.deferrals > 1:
                metrics.redelivered_total.inc()

    return Worker(
        name=GROUP,
        log=log,
        reads=Reads(TIMER_TOPICS, GATHER_SECONDS),
        clock=clock,
        lane=lambda partition, _subscription, _wake: TimerLane(
            partition=partition,
            log=log,
            clock=clock,
            source=name,
            indexes=indexes,
            leaving=leaving,
            precedence=precedence,
            watch=Watch(watch, lambda topic: metrics.dead_letters_total.of(topic).inc()),
        ),
        backoff=backoff,
        metrics=metrics,
    )
