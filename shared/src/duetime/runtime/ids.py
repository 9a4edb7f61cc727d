"""Fresh ids as a port: UUIDv7 from a clock and randomness, and a counting one for tests.

Ids that follow from what they name are in `duetime.events.ids`.
"""

import os
from collections.abc import Sequence
from typing import Final, Protocol

from duetime.events.ids import VARIANT, microseconds
from duetime.runtime.clock import Clock

_RANDOM_BYTES: Final = 10
_IDS_PER_DRAW: Final = 256
_MILLISECONDS_MASK: Final = (1 << 48) - 1


class Ids(Protocol):
    """Gives ids that nobody has."""

    def fresh(self) -> str:
        """Give a new UUID as canonical lower-case text."""
        ...

    def many(self, count: int) -> Sequence[str]:
        """Give so many new ones; those of one moment have their time in common."""
        ...


class SystemIds:
    """UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits."""

    def __init__(self, clock: Clock) -> None:
        """Take the time from `clock`."""
        self._clock = clock
        self._random: list[str] = []

    def fresh(self) -> str:
        """Give a new UUIDv7."""
        if not self._random:
            # One call for many ids: each call hands the interpreter to other threads.
            self._random = _drawn(_IDS_PER_DRAW)
        return _version_7(self._time(), self._random.pop())

    def many(self, count: int) -> Sequence[str]:
        """Give so many new UUIDv7."""
        time = self._time()
        return [_version_7(time, random) for random in _drawn(count)]

    def _time(self) -> str:
        """Give the first two parts of an id that is made now."""
        milliseconds = microseconds(self._clock.now()) // 1_000
        digits = f"{milliseconds & _MILLISECONDS_MASK:012x}"
        return f"{digits[:8]}-{digits[8:]}"


class CountingIds:
    """Ids 1, 2, 3 … shaped as UUIDv7, for tests."""

    def __init__(self, start: int = 1) -> None:
        """Begin at `start`."""
        self._next = start

    def fresh(self) -> str:
        """Give the next one."""
        number = self._next
        self._next += 1
        return _text(0x7 << 76 | 0x2 << 62 | number)

    def many(self, count: int) -> Sequence[str]:
        """Give the next ones."""
        return [self.fresh() for _ in range(count)]


def _drawn(count: int) -> list[str]:
    """Draw the random digits of so many ids."""
    drawn = os.urandom(_RANDOM_BYTES * count).hex()
    width = 2 * _RANDOM_BYTES
    return [drawn[start : start + width] for start in range(0, len(drawn), width)]


def _version_7(time: str, r: str) -> str:
    return f"{time}-7{r[:3]}-{VARIANT[r[3]]}{r[4:7]}-{r[7:19]}"


def _text(number: int) -> str:
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
