"""Held runs in the order in which they are due.

Knows places and whether a run is still held; not what a run is. Timers send what is due in order,
so nearly all runs stand in a line; a heap takes those that come out of turn.

Asking moves nothing for good: what was offered stands aside until it is started or asked for again.
"""

import heapq
from collections import deque
from collections.abc import Callable
from datetime import datetime

from duetime.executor.ledger import RunKey
from duetime.executor.waiting import Place


class DueOrder:
    """Places of held runs, the earliest due first; also of some that are held no more."""

    def __init__(self, due_at: Callable[[RunKey], datetime | None]) -> None:
        """`due_at` says when a held run is due; None: it is not held."""
        self._due_at = due_at
        self._line: deque[Place] = deque()
        self._others: list[Place] = []
        self._offered: dict[Place, None] = {}

    def add(self, place: Place) -> None:
        """Take up a run's place."""
        if not self._line or place >= self._line[-1]:
            self._line.append(place)
        else:
            heapq.heappush(self._others, place)

    def take(self, until: datetime) -> Place | None:
        """Take the first place of a held run that is due by then out of the order."""
        while (place := self._head()) is not None and place[0] <= until:
            self._drop(place)
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
                if not self._line or place <= self._line[0]:
                    self._line.appendleft(place)
                else:
                    heapq.heappush(self._others, place)
        self._offered.clear()

    def first(self) -> datetime | None:
        """Say when the earliest held run is due."""
        self.put_back()
        while (place := self._head()) is not None:
            if self._due_at(place[1:]) == place[0]:
                return place[0]
            self._drop(place)
        return None

    def _head(self) -> Place | None:
        line, others = self._line, self._others
        if not others:
            return line[0] if line else None
        return line[0] if line and line[0] <= others[0] else others[0]

    def _drop(self, head: Place) -> None:
        if self._line and head is self._line[0]:
            self._line.popleft()
        else:
            heapq.heappop(self._others)
