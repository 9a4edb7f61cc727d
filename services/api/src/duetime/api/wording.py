"""What happened, in words: one line per run or skipped stretch.

Knows the document of a run and how people read durations; not where lines go.
A line is one line whatever a description or an error holds.
"""

from datetime import UTC, datetime
from typing import Final, assert_never

from duetime.events.types import Outcome, RunKind, SkipCause
from duetime.store.views import RunDocument

_SUMMARY_CHARS_MAX: Final = 300
_DESCRIPTION_CHARS_MAX: Final = 120
_SIXTY: Final = 60
_TWO_DIGITS: Final = 9.95
_SCALES: Final = (("µs", 1e6, 999.5), ("ms", 1e3, 999.5), ("s", 1.0, 59.5))
_CAUSES: Final = {
    SkipCause.MISSED: "Duetime was not running, or was behind, when they were due",
    SkipCause.OVERLAPPED: "the run before was still open",
    SkipCause.PAUSED: "the task was paused",
    SkipCause.LIMIT: "a limit was reached",
    SkipCause.CALENDAR: "a calendar excludes the time",
    SkipCause.UNREADABLE: "a change of the task cannot be read",
}


def log_line(run: RunDocument) -> str:
    """Give the line: when it was over, which task, what happened, how late, how long.

    E.g. `2026-11-23T10:00:00.005Z  "Water the plants" (0192…)  ran, 4.0 ms late, took 1.0 ms`.
    """
    head = f"{_stamp(run.finished_at)}  {quoted(run.description)} ({run.task_id})"
    return f"{head}  {_skipped(run) if run.skipped is not None else _ended(run)}"


def duration(seconds: float) -> str:
    """Give a duration as people read it: `312 µs`, `4.2 ms`, `1.5 s`, `2 min 5 s`, `3 h 20 min`.

    Two digits where they tell something; rounding never shows 1,000 ms or 60 s.
    """
    for unit, factor, below in _SCALES:
        number = seconds * factor
        if number < below:
            return f"{number:.0f} {unit}" if number >= _TWO_DIGITS else _short(number, unit)
    minutes, rest = divmod(round(seconds), 60)
    if minutes < _SIXTY:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / _SIXTY), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _short(number: float, unit: str) -> str:
    return f"{number:.1f}".removesuffix(".0") + f" {unit}"


def quoted(text: str) -> str:
    """Give a text in quotation marks, on one line and not too long."""
    return f'"{one_line(text, _DESCRIPTION_CHARS_MAX)}"'


def one_line(text: str, chars_max: int) -> str:
    """Give a text on one line: white space runs together, what cannot be printed shows its code."""
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in " ".join(text.split())
    )
    return shown if len(shown) <= chars_max else shown[: chars_max - 1] + "…"


def _ended(run: RunDocument) -> str:
    lateness = run.lateness_seconds
    late = ""
    if lateness is not None:
        late = f", {duration(lateness)} late" if lateness > 0 else ", on time"
    took = (
        duration(max(0.0, (run.finished_at - run.started_at).total_seconds()))
        if run.started_at is not None
        else "no time"
    )
    asked = " on request" if run.kind is RunKind.TRIGGERED else ""
    tried = f" at attempt {run.attempt}" if run.attempt > 1 else ""
    match run.outcome:
        case Outcome.SUCCEEDED | None:
            return f"ran{asked}{tried}{late}, took {took}"
        case Outcome.FAILED:
            summary = one_line(run.error or "no reason given", _SUMMARY_CHARS_MAX)
            return f"failed{asked}{tried}: {summary}{late}, took {took}"
        case Outcome.TIMED_OUT:
            return f"timed out{asked}{tried} after {took}{late}"
        case Outcome.CANCELLED:
            return f"was cancelled{asked}{tried} after {took}{late}"
        case _:
            assert_never(run.outcome)


def _skipped(run: RunDocument) -> str:
    cause = run.skipped
    assert cause is not None
    last = run.last_due_at or run.due_at
    if run.count == 1 or (run.count is None and last == run.due_at):
        reason = _CAUSES[cause].replace("they were due", "it was due")
        return f"1 run skipped ({cause}), due {_stamp(run.due_at)}: {reason}"
    count = "several" if run.count is None else f"{run.count:,}"
    stretch = f"from {_stamp(run.due_at)} to {_stamp(last)}"
    return f"{count} runs skipped ({cause}) {stretch}: {_CAUSES[cause]}"


def _stamp(instant: datetime) -> str:
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
