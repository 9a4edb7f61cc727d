"""How long to wait before trying again: exponential, capped, with jitter.

Pure; `chance` is the one source of randomness, which composition roots hand in.
"""

import random
from collections.abc import Callable

import msgspec


def chance() -> float:
    """Give a random number in [0, 1), for production's jitter."""
    return random.random()  # noqa: S311 - spreads retries, guards nothing


class Backoff(msgspec.Struct, frozen=True, kw_only=True):
    """Waits that double from `first_seconds` up to `seconds_max`, each cut by up to half.

    `fraction` gives a number in [0, 1): randomness in production, a fixed one in tests.
    """

    first_seconds: float
    seconds_max: float
    fraction: Callable[[], float]

    def seconds(self, attempt: int) -> float:
        """Give the wait before attempt number `attempt` + 1 (the first fault is attempt 1)."""
        whole = min(self.seconds_max, self.first_seconds * 2.0 ** min(attempt - 1, 60))
        return whole * (0.5 + 0.5 * self.fraction())
