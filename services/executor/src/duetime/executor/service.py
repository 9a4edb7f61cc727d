"""The executor as a service: its worker, its slots and its actions, wired to what it is given."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Final
from weakref import WeakValueDictionary

from duetime.events.types import TaskExecuted
from duetime.executor.actions.attempt import Actions
from duetime.executor.actions.bounds import Bounds
from duetime.executor.alarm import Alarm
from duetime.executor.ends import TaskEnds
from duetime.executor.lane import EXECUTOR_TOPICS, ExecutorLane
from duetime.executor.parts import ExecutorParts
from duetime.executor.slots import Slots
from duetime.executor.targets import targets_of
from duetime.limits import GATHER_SECONDS
from duetime.log.port import Log, Subscription
from duetime.runtime.afterwards import Afterwards
from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import Clock
from duetime.runtime.worker import Reads, Wake, Worker
from duetime.telemetry.metrics import Metrics, observe_all

GROUP: Final = "duetime-executor"


def executor_service(
    *,
    log: Log,
    clock: Clock,
    name: str,
    actions: Actions,
    concurrency: int,
    target_concurrency: int | None = None,
    backoff: Backoff,
    metrics: Metrics,
) -> Worker:
    """Give an executor; `name` stands in the events it makes, `concurrency` bounds live runs.

    `target_concurrency` bounds those of one target; None: by what `concurrency` allows.
    """
    afterwards = Afterwards()
    parts = ExecutorParts(
        log=log,
        clock=clock,
        name=name,
        actions=actions,
        slots=Slots(concurrency),
        alarm=Alarm(clock.now),
        bounds=Bounds(),
        targets=targets_of(concurrency, target_concurrency),
        ends=TaskEnds(log, clock.now),
        backoff=backoff,
        afterwards=afterwards,
        watch=_watch(metrics),
        dead=lambda topic: metrics.dead_letters_total.of(topic).inc(),
    )
    lanes = WeakValueDictionary[int, ExecutorLane]()

    def lane(partition: int, subscription: Subscription, wake: Wake) -> ExecutorLane:
        made = ExecutorLane(parts, partition=partition, subscription=subscription, wake=wake)
        lanes[partition] = made
        return made

    worker = Worker(
        name=GROUP,
        log=log,
        reads=Reads(EXECUTOR_TOPICS, GATHER_SECONDS),
        clock=clock,
        lane=lane,
        backoff=backoff,
        metrics=metrics,
        afterwards=afterwards,
    )
    # Counted when asked: a backlog that nothing moves must show all the same.
    metrics.due_backlog.set_function(
        lambda: float(sum(lanes[partition].overdue_count for partition in worker.partitions))
    )
    return worker


def _watch(metrics: Metrics) -> Callable[[Sequence[TaskExecuted]], None]:
    def watch(events: Sequence[TaskExecuted]) -> None:
        ended = [event for event in events if not event.deferred]
        if len(ended) < len(events):
            metrics.deferred_total.inc(len(events) - len(ended))
        for outcome, count in Counter(event.outcome for event in ended).items():
            metrics.runs_total.of(outcome).inc(count)
        observe_all(metrics.run_lateness_seconds, [_lateness_seconds(event) for event in ended])
        durations: defaultdict[str, list[float]] = defaultdict(list)
        for event in ended:
            took = event.finished_at - event.started_at
            durations[event.action].append(took.total_seconds())
        for action, seconds in durations.items():
            observe_all(metrics.action_duration_seconds.of(action), seconds)

    return watch


def _lateness_seconds(event: TaskExecuted) -> float:
    due_at = event.due_at if event.accepted_at is None else event.accepted_at
    return (event.started_at - due_at).total_seconds()
