"""Naive twins: slow and obvious answers to check the real ones against.

Knows what is meant; must share nothing with how it is done.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from duetime.timer.due_index import Mark

_HOURS_AROUND = 26  # no zone is further from UTC than 14 hours, none skips more than a day


class NaiveDueIndex:
    """A due index that looks at everything, every time."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tasks: dict[str, tuple[datetime | None, bytes, int]] = {}
        self._committed: dict[str, tuple[datetime | None, bytes, int]] = {}
        self.mark: Mark | None = None

    def committed_wake(self, task_id: str) -> datetime | None:
        """Say when a task wakes by what is committed."""
        return self._committed[task_id][0] if task_id in self._committed else None

    def committed(self) -> dict[str, tuple[datetime | None, bytes, int]]:
        """Give all that is committed."""
        return dict(self._committed)

    @property
    def tally(self) -> int:
        """Sum all tallies."""
        return sum(tally for _, _, tally in self._tasks.values())

    def get(self, task_id: str) -> bytes | None:
        """Give a task's state."""
        return self._tasks[task_id][1] if task_id in self._tasks else None

    def put(self, task_id: str, wake_at: datetime | None, state: bytes, *, tally: int = 0) -> None:
        """Set a task."""
        self._tasks[task_id] = (wake_at, state, tally)

    def remove(self, task_id: str) -> None:
        """Forget a task."""
        if task_id in self._tasks:
            del self._tasks[task_id]

    def commit(self, task_ids: Iterable[str], mark: Mark) -> None:
        """Keep these tasks as they are."""
        for task_id in task_ids:
            self._committed.pop(task_id, None)
            if task_id in self._tasks:
                self._committed[task_id] = self._tasks[task_id]
        self.mark = mark

    def rollback(self) -> None:
        """Be as committed."""
        self._tasks = dict(self._committed)

    def clear(self) -> None:
        """Forget everything."""
        self._tasks, self._committed, self.mark = {}, {}, None

    def until(self, now: datetime, *, tasks_max: int) -> list[str]:
        """Give who wakes up to now, in order."""
        return [task_id for at, task_id in self._waking() if at <= now][:tasks_max]

    def first(self) -> datetime | None:
        """Give when the first one wakes."""
        return min((at for at, _ in self._waking()), default=None)

    def _waking(self) -> list[tuple[datetime, str]]:
        return sorted((at, task_id) for task_id, (at, *_) in self._tasks.items() if at is not None)


def naive_instant(wall: datetime, timezone: str) -> datetime:
    """Give the first minute at which the wall clocks of a zone show `wall` or later.

    That is what the DST rule says in one sentence: a skipped time runs at the next valid instant,
    a repeated one at its first coming. `wall` is naive and a whole minute.
    """
    zone = ZoneInfo(timezone)
    at = wall.replace(tzinfo=UTC) - timedelta(hours=_HOURS_AROUND)
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += timedelta(minutes=1)
    return at


def naive_daily(first: datetime, timezone: str, days: int) -> list[datetime]:
    """Give the nominal times of the first so many days of a daily rule, in order, each once."""
    wall = first.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    times = {naive_instant(wall + timedelta(days=day), timezone) for day in range(days)}
    return sorted(at for at in times if at >= first)
