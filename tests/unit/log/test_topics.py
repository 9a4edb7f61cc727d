"""The table of topics holds the relations that other parts rely on."""

from duetime import limits
from duetime.log.topics import TOPICS, Cleanup, Topic

DAY_SECONDS = 24 * 3_600


def test_every_topic_stands_in_the_table_under_its_own_name() -> None:
    assert set(Topic) == set(TOPICS)
    assert all(topic is spec.topic for topic, spec in TOPICS.items())
    assert all(topic.startswith("duetime.") for topic in Topic)


def test_what_users_registered_is_kept_for_ever_and_never_compacted() -> None:
    assert Cleanup.DELETE is TOPICS[Topic.TASKS].cleanup
    assert TOPICS[Topic.TASKS].retention_seconds is None


def test_one_clock_judges_what_was_registered_before_a_due_time() -> None:
    assert [Topic.TASKS] == [topic for topic, spec in TOPICS.items() if spec.log_append_time]


def test_only_the_state_of_the_timer_is_compacted() -> None:
    compacted = [topic for topic, spec in TOPICS.items() if spec.cleanup is Cleanup.COMPACT]

    assert [Topic.SCHEDULE] == compacted


def test_tombstones_outlive_the_markers_of_deleted_tasks() -> None:
    schedule = TOPICS[Topic.SCHEDULE]

    assert schedule.retention_seconds is not None
    assert limits.MARKER_SECONDS < schedule.retention_seconds
    assert str(schedule.retention_seconds * 1_000) == schedule.settings["delete.retention.ms"]


def test_facts_about_runs_are_kept_as_long_as_the_read_models_keep_runs() -> None:
    executions = TOPICS[Topic.EXECUTIONS].retention_seconds
    due = TOPICS[Topic.DUE].retention_seconds

    assert executions is not None
    assert due is not None
    assert limits.RETENTION_SECONDS <= executions
    assert 7 * DAY_SECONDS == due < executions


def test_the_bounds_of_the_log_fit_each_other() -> None:
    assert limits.BODY_BYTES_MAX < limits.RECORD_BYTES_MAX
    assert limits.BATCH_BODY_BYTES_MAX * 4 <= limits.LOG_QUEUE_BYTES_MAX
    assert limits.RECORD_BYTES_MAX <= limits.LOG_READ_BYTES_MAX
    assert limits.RECORD_BYTES_MAX <= limits.LOG_RECENT_BYTES_MAX
    assert limits.POLL_RECORDS_MAX <= limits.LOG_RECENT_RECORDS_MAX
    assert limits.GROUP_COMMIT_RECORDS_MAX < limits.APPEND_RECORDS_MAX
    assert limits.POLL_WAIT_SECONDS_MAX < limits.LOG_HANDOVER_SECONDS_MAX
    assert limits.LOG_HANDOVER_SECONDS_MAX <= limits.LATENESS_SECONDS_MAX / 2
    assert limits.APPEND_WAIT_SECONDS_MAX <= limits.LATENESS_SECONDS_MAX / 2
