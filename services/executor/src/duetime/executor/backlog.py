"""How many of the runs that are held were due a while ago: what waits for the executors.

Knows due times by the second; not runs. Counting by the second keeps both sides cheap: two small
steps for a run that passes, and one look at each second for whoever asks.
"""

from datetime import datetime


class Backlog:
    """Held runs, counted by the second in which they are due."""

    def __init__(self) -> None:
        """Begin with none."""
        self._due_in: dict[int, int] = {}

    def add(self, due_at: datetime) -> None:
        """Count a run that is held from now on."""
        second = int(due_at.timestamp())
        self._due_in[second] = self._due_in.get(second, 0) + 1

    def remove(self, due_at: datetime) -> None:
        """Count no longer a run that was started or dropped."""
        second = int(due_at.timestamp())
        left = self._due_in[second] - 1
        if left:
            self._due_in[second] = left
        else:
            del self._due_in[second]

    def overdue_count(self, now: datetime) -> int:
        """Give how many were due before the second of `now`: up to a second is no backlog."""
        this = int(now.timestamp())
        return sum(count for second, count in self._due_in.items() if second < this)
