"""Every metric of Duetime: name, help, unit, labels and buckets (DESIGN section 12).

Knows what is measured; not where. One `Metrics` per process object, never a global: simulators and
tests run many systems in one process. Labels are bounded: what exceeds the bound counts as "other".
"""

import platform
from bisect import bisect_left
from collections import Counter as Counts
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

LATENESS_BUCKETS_SECONDS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    10.0,  # the promise P2: what lies beyond this bucket broke it
    *(30.0, 60.0, 300.0),
)
REQUEST_BUCKETS_SECONDS: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    1.0,  # the longest that a write waits to be seen
    *(2.5, 5.0, 10.0),
)
LABEL_CHILDREN_MAX: Final = 512  # series of one metric; about 1 kB each
OTHER: Final = "other"

# A second series for each one, which nothing of ours reads.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped

Measured = TypeVar("Measured", Counter, Gauge, Histogram)


class Labelled(Generic[Measured]):
    """A metric with labels: its children are looked up once and then kept (60 ns, not 1 µs)."""

    def __init__(self, family: Measured, labels: int) -> None:
        """Wrap `family`, which has so many labels."""
        self._family: Measured = family
        self._labels = labels
        self._children: dict[tuple[str, ...], Measured] = {}

    def of(self, *values: str) -> Measured:
        """Give the child of these label values, in the order of the declaration."""
        child = self._children.get(values)
        if child is None:
            if len(self._children) >= LABEL_CHILDREN_MAX:
                values = (OTHER,) * self._labels
            child = self._family.labels(*values)
            self._children[values] = child
        return child


def observe_all(histogram: Histogram, values: Sequence[float]) -> None:
    """Observe many values: as `observe` for each, with one step a bucket instead of one a value."""
    counts = Counts(bisect_left(histogram._upper_bounds, value) for value in values)  # noqa: SLF001 # it has no such step
    for bucket, count in counts.items():
        histogram._buckets[bucket].inc(count)  # noqa: SLF001 # as above
    histogram._sum.inc(sum(values))  # noqa: SLF001 # as above


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self, *, of_process: bool = False) -> None:
        """Declare them; `of_process` adds memory, CPU, file descriptors and garbage collection."""
        registry = CollectorRegistry()
        self.registry = registry
        if of_process:
            ProcessCollector(registry=registry)
            GCCollector(registry=registry)
        self._declare_runs(registry)
        self._declare_services(registry)
        self._declare_api(registry)

    def _declare_runs(self, registry: CollectorRegistry) -> None:
        self.run_lateness_seconds = Histogram(
            "duetime_run_lateness_seconds",
            "How late runs started, after the later of due and accepted",
            buckets=LATENESS_BUCKETS_SECONDS,
            registry=registry,
        )
        self.runs_total = Labelled(
            Counter(
                "duetime_runs_total",
                "Attempts that ended, by outcome",
                ["outcome"],
                registry=registry,
            ),
            1,
        )
        self.skipped_total = Labelled(
            Counter(
                "duetime_skipped_total",
                "Stretches of occurrences that did not run, by cause",
                ["cause"],
                registry=registry,
            ),
            1,
        )
        self.due_backlog = Gauge(
            "duetime_due_backlog", "Runs that are due and have not started", registry=registry
        )
        self.action_duration_seconds = Labelled(
            Histogram(
                "duetime_action_duration_seconds",
                "How long actions took, by their type",
                ["action"],
                buckets=LATENESS_BUCKETS_SECONDS,
                registry=registry,
            ),
            1,
        )
        self.deferred_total = Counter(
            "duetime_deferred_total",
            "Runs given back for a while, since their target was at its limit",
            registry=registry,
        )
        self.redelivered_total = Counter(
            "duetime_redelivered_total",
            "Runs that were emitted again by deadline",
            registry=registry,
        )

    def _declare_services(self, registry: CollectorRegistry) -> None:
        self.owned_partitions = Labelled(
            Gauge(
                "duetime_owned_partitions",
                "Partitions that this process owns and works on, by service",
                ["service"],
                registry=registry,
            ),
            1,
        )
        self.takeover_seconds = Labelled(
            Histogram(
                "duetime_takeover_seconds",
                "From being assigned a partition to working on it, by service",
                ["service"],
                buckets=LATENESS_BUCKETS_SECONDS,
                registry=registry,
            ),
            1,
        )
        self.restore_seconds = Labelled(
            Histogram(
                "duetime_restore_seconds",
                "How long reading a partition's state back took, by service",
                ["service"],
                buckets=LATENESS_BUCKETS_SECONDS,
                registry=registry,
            ),
            1,
        )
        self.dead_letters_total = Labelled(
            Counter(
                "duetime_dead_letters_total",
                "Records that could not be read and were set aside, by their topic",
                ["topic"],
                registry=registry,
            ),
            1,
        )
        self._declare_process(registry)

    def _declare_process(self, registry: CollectorRegistry) -> None:
        self.projection_lag_seconds = Gauge(
            "duetime_projection_lag_seconds",
            "Age of the oldest event that is not in the read models; 0 when all are",
            registry=registry,
        )
        self.event_loop_lag_seconds = Gauge(
            "duetime_event_loop_lag_seconds",
            "The most that the event loop was late to a timer in the last interval",
            registry=registry,
        )
        self.clock_step_total = Counter(
            "duetime_clock_step_total",
            "Steps of the wall clock against elapsed time, above one second",
            registry=registry,
        )
        self.log_lines_dropped_total = Counter(
            "duetime_log_lines_dropped_total",
            "Log lines that were dropped because writing them was too slow",
            registry=registry,
        )
        build_info = Gauge(
            "duetime_build_info",
            "Always 1; the labels say what runs",
            ["version", "python"],
            registry=registry,
        )
        build_info.labels(duetime_version(), platform.python_version()).set(1)

    def _declare_api(self, registry: CollectorRegistry) -> None:
        self.api_requests_total = Labelled(
            Counter(
                "duetime_api_requests_total",
                "Requests answered",
                ["method", "route", "status"],
                registry=registry,
            ),
            3,
        )
        self.api_request_seconds = Labelled(
            Histogram(
                "duetime_api_request_seconds",
                "From a request's head to the end of its answer",
                ["method", "route"],
                buckets=REQUEST_BUCKETS_SECONDS,
                registry=registry,
            ),
            2,
        )

        self.event_streams = Gauge(
            "duetime_event_streams", "Clients that follow the stream of events", registry=registry
        )
        self.event_streams_dropped_total = Counter(
            "duetime_event_streams_dropped_total",
            "Clients that were let go because they took less than came",
            registry=registry,
        )

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Give all values as text, and its content type, in the format that `accept` asks for."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type


def duetime_version() -> str:
    """Give the version of the installed library."""
    try:
        return version("duetime-shared")
    except PackageNotFoundError:
        return "unknown"
