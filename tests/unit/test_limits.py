"""Bounds that rest on each other: what must stay true when one of them is changed."""

from duetime import limits
from duetime.limits import LATENESS_SECONDS_MAX


def test_a_start_knows_every_change_that_wins() -> None:
    assert limits.FRESH_SECONDS < limits.CHANGE_WINS_SECONDS
    assert 3 * limits.FRESH_ASK_SECONDS < limits.FRESH_SECONDS
    assert limits.FRESH_SECONDS < limits.FRESH_OLD_SECONDS < limits.KAFKA_SESSION_SECONDS
    assert limits.FRESH_OLD_SECONDS < limits.LOG_HANDOVER_SECONDS_MAX
    assert limits.CHANGE_WINS_SECONDS < limits.LOOKAHEAD_SECONDS


def test_a_take_over_leaves_room_for_the_start() -> None:
    detected = limits.TAKE_OVER_DETECT_SECONDS_MAX
    rejoined = detected + limits.TAKE_OVER_REJOIN_SECONDS_MAX
    ready = rejoined + limits.TAKE_OVER_READY_SECONDS_MAX

    assert (6.0, 7.0, 8.5) == (detected, rejoined, ready)
    assert limits.TAKE_OVER_SECONDS_MAX == ready
    assert ready + 4 * limits.FRESH_ASK_SECONDS < LATENESS_SECONDS_MAX
    assert limits.LOG_HANDOVER_SECONDS_MAX < LATENESS_SECONDS_MAX
    assert limits.CLOCK_DOUBT_SECONDS < LATENESS_SECONDS_MAX


def test_each_part_of_a_take_over_keeps_to_its_share() -> None:
    fenced = limits.KAFKA_VISIBLE_SECONDS_MAX  # what the dead had under way is ended, and seen so
    read_on = limits.STANDBY_GATHER_SECONDS

    assert limits.KAFKA_SESSION_SECONDS <= limits.TAKE_OVER_DETECT_SECONDS_MAX
    assert 2 * limits.KAFKA_HEARTBEAT_SECONDS <= limits.TAKE_OVER_REJOIN_SECONDS_MAX
    assert fenced + read_on + limits.TICK_SECONDS <= limits.TAKE_OVER_READY_SECONDS_MAX
    # What left early starts while a timer is missing: of its absence this much is late.
    assert limits.TAKE_OVER_SECONDS_MAX - limits.LOOKAHEAD_SECONDS < LATENESS_SECONDS_MAX / 2


def test_a_token_is_renewed_while_the_old_one_still_serves() -> None:
    assert limits.KAFKA_TOKEN_SECONDS_MAX < limits.KAFKA_TOKEN_SPARE_SECONDS
    assert limits.KAFKA_TOKEN_SECONDS_MAX <= limits.KAFKA_START_SECONDS_MAX
    assert limits.KAFKA_TOKEN_SPARE_SHARE < 1.0


def test_an_open_run_is_repeated_only_when_it_is_overdue_for_certain() -> None:
    assert limits.REDELIVER_SECONDS > LATENESS_SECONDS_MAX
    assert limits.REDELIVER_SECONDS <= limits.REDELIVER_SECONDS_MAX
    assert 2 * limits.LEASE_RENEW_SECONDS < limits.LEASE_SECONDS
    assert limits.STARTED_AFTER_SECONDS < limits.LEASE_RENEW_SECONDS


def test_a_target_that_hangs_leaves_slots_and_threads_for_others() -> None:
    assert limits.TARGETS_HANGING_MAX * limits.TARGET_RUNS_MIN < limits.CONCURRENCY_DEFAULT
    assert 4 * limits.PYTHON_THREADS_PER_FUNCTION_MAX == limits.PYTHON_THREADS_MAX
    assert limits.TARGET_LOOK_SECONDS < limits.TARGET_PATIENCE_SECONDS < LATENESS_SECONDS_MAX
    assert limits.DEFER_SECONDS <= limits.DEFER_SECONDS_MAX
    # A run that is long enough to need a lease is not quick; ends wait no longer than half of P2.
    assert limits.TARGET_QUICK_SECONDS < limits.STARTED_AFTER_SECONDS
    assert limits.BOOKS_WAIT_SECONDS_MAX <= LATENESS_SECONDS_MAX / 2
    # The executor's memory of a deferral outlives the deferral: nothing starts on its word.
    assert limits.STARTED_AFTER_SECONDS < limits.DEFER_SECONDS


def test_nothing_is_forgotten_that_a_late_record_could_bring_back() -> None:
    assert limits.VOID_AFTER_SECONDS + limits.STALE_SECONDS_MAX < limits.MARKER_SECONDS
    assert limits.PAST_SECONDS_MAX + limits.VOID_AFTER_SECONDS < limits.MARKER_SECONDS
    assert 8 * limits.INDEX_REFRESH_SECONDS <= limits.INDEX_AGE_SECONDS_MAX


def test_what_one_part_takes_the_next_one_takes_too() -> None:
    assert 2 * limits.BODY_BYTES_MAX <= limits.RECORD_BYTES_MAX
    assert limits.RECORD_BYTES_MAX < limits.KAFKA_BATCH_BYTES_MAX
    assert max(limits.AHEAD_RUNS_MAX, limits.AHEAD_RUNS_EMBEDDED) < limits.HELD_RUNS_MAX
    assert limits.BATCH_TASKS_MAX <= limits.APPEND_RECORDS_MAX
    assert limits.BATCH_BODY_BYTES_MAX * limits.BATCHES_AT_ONCE_MAX <= limits.LOG_QUEUE_BYTES_MAX
    assert limits.PAGE_ITEMS_DEFAULT <= limits.PAGE_ITEMS_MAX
    assert limits.BODY_BYTES_MAX <= limits.BATCH_BODY_BYTES_MAX


def test_a_process_that_is_asked_to_stop_has_time_for_all_of_it() -> None:
    ending = limits.HANDOVER_SECONDS_MAX + limits.AFTERWARDS_SECONDS_MAX

    assert ending < limits.DRAIN_SECONDS_MAX
