"""Held runs in the order in which they are due.

Knows places and whether a run is still held; not what a run is. Timers send what is due in order.

Asking moves nothing for good: what was offered stands aside until it is started or asked for again.
"""

from collections.abc import Callable
from datetime import datetime

from duetime.executor.ledger import RunKey
from duetime.executor.line import Line, Place


class DueOrder:
    """Places of held runs, the earliest due first; also of some that are held no more."""

    def __init__(self, due_at: Callable[[RunKey], datetime | None]) -> None:
        """`due_at` says when a held run is due; None: it is not held."""
        self._due_at = due_at
        self._line = Line()
        self._offered: dict[Place, None] = {}

    def add(self, place: Place) -> None:
        """Take up a run's place."""
        self._line.add(place)

    def take(self, until: datetime) -> Place | None:
        """Take the first place of a held run that is due by then out of the order."""
        while (place := self._line.take_until(until)) is not None:
            # Else it was replaced by a later word about the same run, dropped, started or offered.
            if self._due_at(place[1:]) == place[0] and place not in self._offered:
                return place
        return None

    def offer(self, place: Place) -> None:
        """Let a place that was taken stand aside: its run is about to start, or has to wait."""
        self._offered[place] = None

    def put_back(self) -> None:
        """Take back up what was offered and is still held."""
        for place in reversed(self._offered):
            if self._due_at(place[1:]) == place[0]:
                self._line.put_back(place)
        self._offered.clear()

    def first(self) -> datetime | None:
        """Say when the earliest held run is due."""
        self.put_back()
        while (place := self._line.first()) is not None:
            if self._due_at(place[1:]) == place[0]:
                return place[0]
            self._line.take()
        return None
