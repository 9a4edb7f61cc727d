"""Fresh ids as a port: UUIDv7 from a clock and randomness, and a counting one for tests.

Ids that follow from what they name are in `duetime.events.ids`.
"""

import os
from typing import Final, Protocol

from duetime.events.ids import microseconds
from duetime.runtime.clock import Clock

_RANDOM_BYTES: Final = 10
_IDS_PER_DRAW: Final = 256


class Ids(Protocol):
    """Gives ids that nobody has."""

    def fresh(self) -> str:
        """Give a new UUID as canonical lower-case text."""
        ...


class SystemIds:
    """UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits."""

    def __init__(self, clock: Clock) -> None:
        """Take the time from `clock`."""
        self._clock = clock
        self._random = b""

    def fresh(self) -> str:
        """Give a new UUIDv7."""
        milliseconds = microseconds(self._clock.now()) // 1_000
        if not self._random:
            # One call for many ids: each call hands the interpreter to other threads.
            self._random = os.urandom(_RANDOM_BYTES * _IDS_PER_DRAW)
        random_bits = int.from_bytes(self._random[:_RANDOM_BYTES])
        self._random = self._random[_RANDOM_BYTES:]
        number = (
            (milliseconds & (1 << 48) - 1) << 80
            | 0x7 << 76
            | (random_bits >> 68 & 0xFFF) << 64
            | 0x2 << 62
            | random_bits & (1 << 62) - 1
        )
        return _text(number)


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


def _text(number: int) -> str:
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
