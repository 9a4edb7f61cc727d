"""Records of `due` that nobody can read: copied for people, counted, and passed over.

Knows reading and the log; the settled prefix waits for `empty`, nothing else does.
"""

import asyncio
from collections.abc import Callable

from duetime.events.envelope import Envelope, Unreadable
from duetime.limits import OUTCOMES_PER_APPEND_MAX
from duetime.log.port import Accepted, Log, Record, Stored
from duetime.log.reading import dead_letter, read_event
from duetime.log.topics import Topic
from duetime.runtime.backoff import Backoff


class DeadLetters:
    """What one partition has to set aside."""

    def __init__(self, log: Log, backoff: Backoff, watch: Callable[[Topic], None]) -> None:
        """Begin with none; `watch` is told each one that the log has accepted."""
        self._log = log
        self._backoff = backoff
        self._watch = watch
        self._letters: list[Record] = []

    @property
    def empty(self) -> bool:
        """Whether all are in the log."""
        return not self._letters

    def read(self, record: Stored) -> Envelope | Unreadable:
        """Read a record; keep a copy of one that cannot be read."""
        event = read_event(record)
        if isinstance(event, Unreadable):
            self._letters.append(dead_letter(record, event.reason))
        return event

    async def append(self) -> None:
        """Append them until the log has all."""
        fault_count = 0
        while letters := self._letters[:OUTCOMES_PER_APPEND_MAX]:
            outcomes = await self._log.append(letters)
            left = [
                letter
                for letter, outcome in zip(letters, outcomes, strict=True)
                if not isinstance(outcome, Accepted)
            ]
            self._letters[: len(letters)] = left
            for _ in range(len(letters) - len(left)):
                self._watch(Topic.DUE)
            if left:
                fault_count += 1
                await asyncio.sleep(self._backoff.seconds(fault_count))
