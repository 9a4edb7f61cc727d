"""The core protocol: a service's decisions for one partition, free of I/O.

Knows the questions a shell asks a core; not what any core decides. Cores fit it structurally and
import nothing from `runtime` but this module's values.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from duetime.events.envelope import Envelope, Unreadable

Input = Envelope | Unreadable


class Core(Protocol):
    """Synchronous and deterministic; time is an argument.

    The shell polls, applies, decides, lets the log accept the decision, and tells the core so.
    What `decide` gives answers a question: it changes nothing, so a failed append needs no undo.
    """

    def apply(self, inputs: Sequence[Input]) -> None:
        """Learn what the log holds next, in order. Idempotent by position."""
        ...

    def caught_up(self) -> None:
        """The end of the log, as it was when the partition was taken up, has been reached."""
        ...

    def wake_at(self) -> datetime | None:
        """Say when to ask again without news; None: only news changes anything."""
        ...
