"""Which occurrence of a task comes next, given the last one that was dispatched.

Knows how a change of a task moves its occurrences; not how nominal times follow from a rule
(`recurrence.next`). Timer and read models ask this one function, so they can never disagree.
"""

from datetime import datetime, timedelta

import msgspec

from duetime.limits import SKIPPED_COUNT_MAX
from duetime.recurrence.next import count_between, last_until, next_after
from duetime.task.state import Task


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The last scheduled occurrence that was dispatched or skipped, and by which revision."""

    revision: int
    nominal_at: datetime


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of occurrences that one later run stands for."""

    first_at: datetime
    last_at: datetime
    count: int | None


def next_nominal(task: Task, progress: Progress | None) -> datetime | None:
    """Give the task's next nominal time, or None where it has none left.

    A new `time` starts the task afresh from that time (so a finished task runs again); another rule
    or zone goes on from the moment of the change; otherwise the rule goes on from the last one.
    A nominal time that was dispatched is never given again: one nominal time, one run id (P3).
    """
    time = task.definition.time
    if progress is None:
        return time
    if progress.revision < task.time_revision:
        return time if progress.nominal_at != time else nominal_after(task, time)
    if progress.revision < task.timing_revision:
        if task.definition.recurrence is None:
            return None if progress.nominal_at >= time else time
        return nominal_after(task, max(progress.nominal_at, task.timing_changed_at))
    return nominal_after(task, progress.nominal_at)


def nominal_after(task: Task, after: datetime) -> datetime | None:
    """Give the first nominal time of the task's rule later than `after`; None for a one-time."""
    definition = task.definition
    if definition.recurrence is None:
        return None
    return next_after(
        definition.recurrence, first=definition.time, timezone=definition.timezone, after=after
    )


def latest_due(task: Task, nominal_at: datetime, now: datetime) -> tuple[datetime, Missed | None]:
    """Give the nominal time to run now that `nominal_at` is due, and the stretch it stands for.

    After downtime one run stands for all that was missed (`catch_up` = latest): the latest nominal
    time not later than `now`, found backwards; what lies between was missed.
    """
    definition = task.definition
    rule = definition.recurrence
    if rule is None:
        return nominal_at, None
    first, timezone = definition.time, definition.timezone
    latest = last_until(rule, first=first, timezone=timezone, until=now)
    if latest is None or latest <= nominal_at:
        return nominal_at, None
    before = latest - timedelta.resolution
    last = last_until(rule, first=first, timezone=timezone, until=before) or nominal_at
    last = max(last, nominal_at)
    count = count_between(
        rule, first=first, timezone=timezone, start=nominal_at, end=last, most=SKIPPED_COUNT_MAX
    )
    return latest, Missed(first_at=nominal_at, last_at=last, count=count)
