"""Metrics: all of them declared, isolated, and bounded."""

from duetime.telemetry.metrics import LABEL_CHILDREN_MAX, Metrics, observe_all

NAMES = (
    "duetime_run_lateness_seconds",
    "duetime_runs_total",
    "duetime_skipped_total",
    "duetime_due_backlog",
    "duetime_owned_partitions",
    "duetime_takeover_seconds",
    "duetime_restore_seconds",
    "duetime_projection_lag_seconds",
    "duetime_action_duration_seconds",
    "duetime_redelivered_total",
    "duetime_deferred_total",
    "duetime_event_loop_lag_seconds",
    "duetime_clock_step_total",
    "duetime_api_requests_total",
    "duetime_api_request_seconds",
    "duetime_build_info",
)


def _text(metrics: Metrics) -> str:
    return metrics.exposition()[0].decode()


def test_every_metric_of_the_design_is_declared_with_help() -> None:
    text = _text(Metrics())

    assert [] == [name for name in NAMES if f"# HELP {name} " not in text]


def test_the_promise_has_a_bucket_of_its_own() -> None:
    metrics = Metrics()
    metrics.run_lateness_seconds.observe(9.9)
    metrics.run_lateness_seconds.observe(10.1)
    text = _text(metrics)

    assert 'duetime_run_lateness_seconds_bucket{le="10.0"} 1.0' in text
    assert 'duetime_run_lateness_seconds_bucket{le="30.0"} 2.0' in text


def test_two_systems_in_one_process_do_not_count_for_each_other() -> None:
    one, other = Metrics(), Metrics()
    one.runs_total.of("succeeded").inc()

    assert 'duetime_runs_total{outcome="succeeded"} 1.0' in _text(one)
    assert "succeeded" not in _text(other)


def test_a_child_is_looked_up_once() -> None:
    metrics = Metrics()

    assert metrics.runs_total.of("failed") is metrics.runs_total.of("failed")


def test_labels_beyond_the_bound_count_as_other() -> None:
    metrics = Metrics()
    for number in range(LABEL_CHILDREN_MAX + 5):
        metrics.runs_total.of(f"made-up-{number}").inc()
    text = _text(metrics)

    assert 'duetime_runs_total{outcome="other"} 5.0' in text
    assert LABEL_CHILDREN_MAX + 1 == text.count("duetime_runs_total{")


def test_a_process_tells_of_itself_where_it_is_asked_to() -> None:
    assert "python_gc_collections_total" in _text(Metrics(of_process=True))
    assert "python_gc_collections_total" not in _text(Metrics())


def test_many_values_observed_at_once_count_as_each_observed_by_itself() -> None:
    seconds = [0.0, 0.005, 0.0051, 0.3, 10.0, 10.1, 1_000.0]
    at_once, each = Metrics(), Metrics()
    observe_all(at_once.run_lateness_seconds, seconds)
    for value in seconds:
        each.run_lateness_seconds.observe(value)

    assert _told(each) == _told(at_once)


def _told(metrics: Metrics) -> list[tuple[str, dict[str, str], float]]:
    (family,) = metrics.run_lateness_seconds.collect()
    return [(sample.name, sample.labels, sample.value) for sample in family.samples]
