"""What may be committed: the prefix of `due` that needs no second look after a restart.

Rule 1: which words of `due` are done with, and from where a new owner must fold `executions`, live
here. Rule 2: pure; offsets and keys alone.

A word is done with when the log knows its run as settled or leased, when it was given back or a
later word about the same run replaced it, or when its run was dropped. The prefix is
contiguous; what is done with beyond it is known by the smallest offset in `executions` that says
so.
"""

import heapq
from collections import deque
from typing import NamedTuple

import msgspec

RunKey = tuple[str, int]
"""Run id and attempt."""


class Prefix(NamedTuple):
    """What to commit: the next offset of `due`, and from where to fold `executions`."""

    due: int
    executions: int


class Word(msgspec.Struct, frozen=True, gc=False, order=True):
    """A TaskDue: its run, and which of the words about that run it is."""

    key: RunKey
    based_on: int = 0
    delivery: int = 1


class _Deferred(NamedTuple):
    based_on: int
    delivery: int
    offset: int  # in `executions`, of what says so


class Ledger:
    """The words of one partition's `due` beyond the prefix, in the order of their offsets."""

    def __init__(self) -> None:
        """Begin with an empty past."""
        self.due_position = 0
        self._words: deque[tuple[int, Word]] = deque()
        self._beyond: dict[RunKey, int] = {}  # how many of the words are about each run
        self._known_beyond: list[tuple[int, RunKey]] = []  # also of some that are not any more
        self._known: dict[RunKey, int] = {}  # to the offset in `executions` of what says so
        self._deferred: dict[RunKey, _Deferred] = {}
        self._passed: set[int] = set()  # offsets of words that were replaced or dropped
        self._prefix_due = 0
        self._executions_end = 0
        self._executions_floor: int | None = 0

    def restore(self, prefix: Prefix) -> None:
        """Begin at a committed prefix."""
        self.due_position = self._prefix_due = prefix.due
        self._executions_end = self._executions_floor = prefix.executions

    def caught_up(self) -> None:
        """Let the note move on: all of `due` that was there at the take-over has been read."""
        self._executions_floor = None

    @property
    def is_caught_up(self) -> bool:
        """Whether it may forget: before, the word of a settled run may still be read again."""
        return self._executions_floor is None

    def read(self, offset: int, word: Word | None) -> None:
        """Note a record of `due`; None where it is no word about a run."""
        self.due_position = offset + 1
        if word is not None:
            self._words.append((offset, word))
            self._beyond[word.key] = self._beyond.get(word.key, 0) + 1
            known = self._known.get(word.key)
            if known is not None:
                heapq.heappush(self._known_beyond, (known, word.key))

    def executions_reach(self, offset: int) -> None:
        """Note that `executions` has a record at `offset`."""
        self._executions_end = max(self._executions_end, offset + 1)

    def know(self, key: RunKey, offset: int) -> None:
        """Note that the record at `offset` of `executions` says a run is settled or leased."""
        self._known[key] = offset
        if key in self._beyond:
            heapq.heappush(self._known_beyond, (offset, key))

    def unknow(self, key: RunKey) -> None:
        """Take that back."""
        self._known.pop(key, None)

    def defer(self, word: Word, offset: int) -> None:
        """Note that the record at `offset` of `executions` gives a word back, and all before it."""
        known = self._deferred.get(word.key)
        if known is None or (known.based_on, known.delivery) < (word.based_on, word.delivery):
            self._deferred[word.key] = _Deferred(word.based_on, word.delivery, offset)

    def is_deferred(self, word: Word) -> bool:
        """Whether a word, or a later one about its run, was given back."""
        known = self._deferred.get(word.key)
        if known is None:
            return False
        return (word.based_on, word.delivery) <= (known.based_on, known.delivery)

    def forget(self, key: RunKey) -> None:
        """Know nothing of a run any more."""
        self._known.pop(key, None)
        self._deferred.pop(key, None)

    def pass_over(self, offset: int) -> None:
        """Note that a word was replaced by a later one, or its run dropped."""
        self._passed.add(offset)

    def is_beyond(self, key: RunKey) -> bool:
        """Whether a word beyond the prefix is about the run."""
        return key in self._beyond

    def prefix(self) -> Prefix:
        """Give what may be committed now.

        Facts are appended one batch at a time, so what the log does not know yet will land at or
        after the end offset known here.
        """
        while self._words and self._is_done_with(*self._words[0]):
            offset, word = self._words.popleft()
            self._passed.discard(offset)
            self._prefix_due = offset + 1
            count = self._beyond.pop(word.key) - 1
            if count:
                self._beyond[word.key] = count
        if not self._words:
            self._prefix_due = self.due_position
        if self._executions_floor is not None:
            return Prefix(self._prefix_due, self._executions_floor)
        floor = min(self._first_known(), self._executions_end)
        if self._deferred:
            given_back = (word for _, word in self._words if self.is_deferred(word))
            floor = min([floor, *(self._deferred[word.key].offset for word in given_back)])
        return Prefix(self._prefix_due, floor)

    def _first_known(self) -> int:
        """Give the first offset in `executions` that says something about a run beyond it."""
        heap = self._known_beyond
        while heap:
            offset, key = heap[0]
            if key in self._beyond and self._known.get(key) == offset:
                return offset
            heapq.heappop(heap)
        return self._executions_end

    def _is_done_with(self, offset: int, word: Word) -> bool:
        return word.key in self._known or offset in self._passed or self.is_deferred(word)
