"""How many runs may be alive at once in one executor, over all its partitions.

Knows a number and who waits for it to fall; not runs.
"""

from collections.abc import Callable


class Slots:
    """A bounded count. Whoever found none free is woken when some are again."""

    def __init__(self, slots_max: int) -> None:
        """Allow `slots_max` at once. Raises ValueError below 1."""
        if slots_max < 1:
            message = "an executor needs at least one slot"
            raise ValueError(message)
        self._free = slots_max
        self.started = 0
        """How many runs have been started, those that needed no slot too."""
        self._waiting: dict[Callable[[], None], None] = {}

    @property
    def free(self) -> int:
        """How many more may start."""
        return self._free

    def take(self) -> None:
        """Use one; there must be one free."""
        assert self._free > 0
        self._free -= 1

    def give_back(self) -> None:
        """Free one, and wake all who wait: the earliest due among them goes first by due order."""
        self._free += 1
        waiting, self._waiting = self._waiting, {}
        for wake in waiting:
            wake()

    def wait_for_free(self, wake: Callable[[], None]) -> None:
        """Be woken, once, when one is given back."""
        self._waiting[wake] = None
