"""The log lines: what people read."""

from datetime import timedelta
from typing import Any

import pytest

from duetime.api.wording import duration, log_line
from duetime.events.types import Outcome, RunKind, SkipCause
from duetime.store.views import RunDocument
from tests.unit.api.harness import NOON


def _run(**fields: Any) -> RunDocument:
    given: dict[str, Any] = {
        "id": "r",
        "task_id": "t",
        "tenant": "default",
        "revision": 1,
        "description": "Water the plants",
        "due_at": NOON,
        "started_at": NOON + timedelta(milliseconds=4),
        "finished_at": NOON + timedelta(milliseconds=5),
        "position": 0,
        "outcome": Outcome.SUCCEEDED,
    }
    return RunDocument(**(given | fields))


def _skipped(**fields: Any) -> RunDocument:
    given: dict[str, Any] = {"outcome": None, "started_at": None, "skipped": SkipCause.MISSED}
    return _run(**(given | fields))


HEAD = '2026-06-01T12:00:00.005Z  "Water the plants" (t)  '


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (_run(), "ran, 4 ms late, took 1 ms"),
        (_run(started_at=NOON), "ran, on time, took 5 ms"),
        (_run(kind=RunKind.TRIGGERED), "ran on request, 4 ms late, took 1 ms"),
        (_run(attempt=3), "ran at attempt 3, 4 ms late, took 1 ms"),
        (
            _run(outcome=Outcome.FAILED, error="ValueError: no water"),
            "failed: ValueError: no water, 4 ms late, took 1 ms",
        ),
        (_run(outcome=Outcome.FAILED), "failed: no reason given, 4 ms late, took 1 ms"),
        (_run(outcome=Outcome.TIMED_OUT), "timed out after 1 ms, 4 ms late"),
        (_run(outcome=Outcome.CANCELLED), "was cancelled after 1 ms, 4 ms late"),
        (
            _skipped(count=1),
            (
                "1 run skipped (missed), due 2026-06-01T12:00:00.000Z: "
                "Duetime was not running, or was behind, when it was due"
            ),
        ),
        (
            _skipped(count=3, last_due_at=NOON + timedelta(days=2)),
            (
                "3 runs skipped (missed) from 2026-06-01T12:00:00.000Z to "
                "2026-06-03T12:00:00.000Z: "
                "Duetime was not running, or was behind, when they were due"
            ),
        ),
        (
            _skipped(last_due_at=NOON + timedelta(days=2), skipped=SkipCause.PAUSED),
            (
                "several runs skipped (paused) from 2026-06-01T12:00:00.000Z to "
                "2026-06-03T12:00:00.000Z: the task was paused"
            ),
        ),
    ],
)
def test_a_line_says_what_happened_how_late_and_how_long(run: RunDocument, line: str) -> None:
    assert HEAD + line == log_line(run)


def test_a_line_is_one_line_whatever_the_texts_hold() -> None:
    run = _run(
        description="a\nb\tc\u2028d\x1b[31m" + "x" * 200,
        outcome=Outcome.FAILED,
        error="boom\r\n  at line 3\n" + "y" * 1_000,
    )
    line = log_line(run)

    assert 1 == len(line.splitlines())
    assert '"a b c d\\x1b[31mx' in line
    assert "failed: boom at line 3 y" in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 µs"),
        (0.000_000_4, "0.4 µs"),
        (0.000_312, "312 µs"),
        (0.000_999_4, "999 µs"),
        (0.000_999_6, "1 ms"),
        (0.0042, "4.2 ms"),
        (0.0099, "9.9 ms"),
        (0.00996, "10 ms"),
        (0.25, "250 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (1.54, "1.5 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (125.0, "2 min 5 s"),
        (3_599.6, "1 h"),
        (12_000.0, "3 h 20 min"),
        (86_400.0, "24 h"),
    ],
)
def test_a_duration_reads_well_at_every_size(seconds: float, words: str) -> None:
    assert words == duration(seconds)
