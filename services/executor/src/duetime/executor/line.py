"""Places of runs in the order in which they are due, for those who add them nearly in that order.

Knows places; not what a run is, nor whether it is still wanted.
What comes in its turn stands in a line, where each step costs the same; a heap takes the rest.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime

Place = tuple[datetime, str, int]
"""A run's place: when it was due, its id, its attempt."""


class Line:
    """Places, the earliest due first. One that is added twice stands there twice."""

    __slots__ = ("_in_turn", "_others")

    def __init__(self, places: Iterable[Place] = ()) -> None:
        """Begin with places in their order."""
        self._in_turn = deque(places)
        self._others: list[Place] = []

    def __iter__(self) -> Iterator[Place]:
        """Give all places, in no order."""
        yield from self._in_turn
        yield from self._others

    def add(self, place: Place) -> None:
        """Take up a place, mostly behind all others."""
        if not self._in_turn or place >= self._in_turn[-1]:
            self._in_turn.append(place)
        else:
            heapq.heappush(self._others, place)

    def put_back(self, place: Place) -> None:
        """Take up a place, mostly before all others."""
        if not self._in_turn or place <= self._in_turn[0]:
            self._in_turn.appendleft(place)
        else:
            heapq.heappush(self._others, place)

    def first(self) -> Place | None:
        """Give the first place; None where there is none."""
        in_turn, others = self._in_turn, self._others
        if not others:
            return in_turn[0] if in_turn else None
        return in_turn[0] if in_turn and in_turn[0] <= others[0] else others[0]

    def take_until(self, until: datetime) -> Place | None:
        """Take the first place out; None where it is due later than that, or there is none."""
        place = self.first()
        if place is None or place[0] > until:
            return None
        return self.take()

    def take(self) -> Place:
        """Take the first place out; there must be one."""
        in_turn, others = self._in_turn, self._others
        if in_turn and not (others and others[0] < in_turn[0]):
            return in_turn.popleft()
        return heapq.heappop(others)
