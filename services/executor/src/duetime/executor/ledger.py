"""What may be committed: the prefix of `due` that needs no second look after a restart.

Rule 1: which words of `due` are done with, and from where a new owner must fold `executions`, live
here. Rule 2: pure; offsets and keys alone.

A word is done with when the log knows its run as settled or leased, when it was given back or a
later word about the same run replaced it, or when its run was dropped. The prefix is
contiguous; what is done with beyond it is known by the smallest offset in `executions` that says
so.
"""

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

    def executions_reach(self, offset: int) -> None:
        """Note that `executions` has a record at `offset`."""
        self._executions_end = max(self._executions_end, offset + 1)

    def know(self, key: RunKey, offset: int) -> None:
        """Note that the record at `offset` of `executions` says a run is settled or leased."""
        self._known[key] = offset

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

    def beyond(self) -> set[RunKey]:
        """Give the runs of the words beyond the prefix."""
        return {word.key for _, word in self._words}

    def prefix(self) -> Prefix:
        """Give what may be committed now.

        Facts are appended one batch at a time, so what the log does not know yet will land at or
        after the end offset known here.
        """
        while self._words and self._is_done_with(*self._words[0]):
            offset = self._words.popleft()[0]
            self._passed.discard(offset)
            self._prefix_due = offset + 1
        if not self._words:
            self._prefix_due = self.due_position
        if self._executions_floor is not None:
            return Prefix(self._prefix_due, self._executions_floor)
        beyond = [self._known[word.key] for _, word in self._words if word.key in self._known]
        if self._deferred:
            beyond += [
                self._deferred[word.key].offset for _, word in self._words if self.is_deferred(word)
            ]
        return Prefix(self._prefix_due, min(beyond, default=self._executions_end))

    def _is_done_with(self, offset: int, word: Word) -> bool:
        return word.key in self._known or offset in self._passed or self.is_deferred(word)
