"""Which occurrence of a task comes next, given the last one that was dispatched.

Knows how a change of a task moves its occurrences; not how nominal times follow from a rule
(`recurrence.next`). Timer and read models ask this one function, so they can never disagree.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from duetime.limits import PAST_SECONDS_MAX, SKIPPED_COUNT_MAX, VOID_AFTER_SECONDS
from duetime.recurrence.next import count_between, last_until, next_after
from duetime.task.state import Task

# How far back a time may lie that an event still brings: as far as it was allowed to when it was
# asked for, and as long as the event may then have been on its way.
NAMEABLE: Final = timedelta(seconds=PAST_SECONDS_MAX + VOID_AFTER_SECONDS)
EARLIER_MAX: Final = 8  # changes of time within those two minutes that are told apart


class Progress(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The last scheduled occurrence that was dispatched or skipped, and by which revision.

    A new `time` may lie a minute back, so a task can be moved onto an earlier occurrence of its
    own: `earlier` are the other nominal times that went before, and whatever lies up to `spent_to`
    counts as gone, dispatched or not.
    """

    revision: int
    nominal_at: datetime
    earlier: tuple[datetime, ...] = ()
    spent_to: datetime | None = None

    def covers(self, nominal_at: datetime) -> bool:
        """Whether this nominal time must not be dispatched again (P3)."""
        if nominal_at == self.nominal_at or nominal_at in self.earlier:
            return True
        return self.spent_to is not None and nominal_at <= self.spent_to

    def also(self, nominal_at: datetime) -> "Progress":
        """Give the progress with one more nominal time that went before."""
        return msgspec.structs.replace(self, earlier=(*self.earlier, nominal_at)[-EARLIER_MAX:])

    def then(self, *, revision: int, nominal_at: datetime, now: datetime) -> "Progress":
        """Give the progress after the dispatch of `nominal_at` at `now`.

        What no accepted time can name any more, and beyond a count the earliest, goes into
        `spent_to`: so the memory is bounded and nothing it forgets can come back.
        """
        before = sorted({*self.earlier, self.nominal_at})
        kept = [at for at in before if now - at <= NAMEABLE][-EARLIER_MAX:]
        gone = before[: len(before) - len(kept)]
        spent_to = max((*gone, self.spent_to) if self.spent_to else gone, default=None)
        return Progress(
            revision=revision, nominal_at=nominal_at, earlier=tuple(kept), spent_to=spent_to
        )


class Missed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A stretch of occurrences that one later run stands for."""

    first_at: datetime
    last_at: datetime
    count: int | None


def next_nominal(task: Task, progress: Progress | None) -> datetime | None:
    """Give the task's next nominal time, or None where it has none left.

    A new `time` starts the task afresh from that time (so a finished task runs again), and a
    one-time task runs at its time, however late. Another rule or zone, and the end of a pause, let
    a recurring task go on from the moment of the change; otherwise the rule goes on from the last.
    A nominal time that was dispatched is never given again: one nominal time, one run id (P3).
    """
    time = task.definition.time
    recurring = task.definition.recurrence is not None
    time_is_new = progress is None or progress.revision < task.time_revision
    timing_is_older = task.timing_revision == task.time_revision or not recurring
    if time_is_new and timing_is_older and not (progress is not None and progress.covers(time)):
        return time
    after = task.timing_changed_at
    if progress is not None and not time_is_new:
        after = progress.nominal_at
        if progress.revision < task.timing_revision:
            after = max(after, task.timing_changed_at)
    nominal = nominal_after(task, after)
    while nominal is not None and progress is not None and progress.covers(nominal):
        nominal = nominal_after(task, max(nominal, progress.spent_to or nominal))
    return nominal


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
