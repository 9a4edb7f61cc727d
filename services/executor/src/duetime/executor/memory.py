"""What `executions` said of runs: which are over, and which run under a lease. For a while.

Rule 1: how long that is remembered lives here; what it means for the prefix is the ledger's.
Rule 2: pure; time comes in as an argument.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from duetime.events.types import TaskExecuted, TaskStarted
from duetime.executor.facts import word_of
from duetime.executor.ledger import Ledger, RunKey, Word
from duetime.limits import FORGOTTEN_PER_COMMIT_MAX, VOID_AFTER_SECONDS

_REMEMBERED: Final = timedelta(seconds=VOID_AFTER_SECONDS)  # starts are remembered past their end


class Memory:
    """One partition's; it tells the ledger what it is told."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin with nothing."""
        self._ledger = ledger
        self._settled: set[RunKey] = set()
        self._leased: dict[RunKey, int] = {}  # by an executor before this one, to the delivery
        self._until: dict[RunKey, datetime] = {}  # what is remembered, and how long at least
        self._forget: deque[tuple[datetime, RunKey]] = deque()

    def __contains__(self, key: RunKey) -> bool:
        """Whether a run is settled."""
        return key in self._settled

    def end(self, event: TaskExecuted, offset: int) -> bool:
        """Take what the record at `offset` says of an end; say whether it settles the run."""
        key = (event.run_id, event.attempt)
        # A repeat by deadline may come long after due, so memory counts from the end.
        self._remember(key, max(event.due_at, event.finished_at))
        if event.deferred:
            self._ledger.defer(word_of(event), offset)
            return False
        self._settled.add(key)
        self._ledger.know(key, offset)
        return True

    def lease(self, event: TaskStarted, offset: int) -> None:
        """Take what the record at `offset` says of a run that another executor has begun."""
        key = (event.run_id, event.attempt)
        self._leased[key] = event.delivery
        self._ledger.know(key, offset)
        self._remember(key, event.lease_until)

    def is_leased(self, word: Word) -> bool:
        """Whether a lease speaks for this word; one for an earlier delivery is over with it."""
        if self._leased.get(word.key, 0) >= word.delivery:
            return True
        if self._leased.pop(word.key, None) is not None:
            # This one is to be started, and until it has been, no prefix may pass it.
            self._ledger.unknow(word.key)
        return False

    def forget(self, now: datetime, *, is_running: Callable[[RunKey], bool]) -> None:
        """Drop the memory of some runs a minute after they ended, if they lie before the prefix.

        At a take-over nothing is forgotten before the ledger is caught up: until then the TaskDue
        of a settled run may still be read again, and would start it once more.
        """
        if not self._ledger.is_caught_up:
            return
        for _ in range(min(len(self._forget), FORGOTTEN_PER_COMMIT_MAX)):
            until, key = self._forget[0]
            if until >= now - _REMEMBERED:
                break
            self._forget.popleft()
            if self._until.get(key) != until:
                continue  # something later was heard of it
            if self._ledger.is_beyond(key):
                self._forget.append((until, key))
            elif not is_running(key):
                del self._until[key]
                self._settled.discard(key)
                self._leased.pop(key, None)
                self._ledger.forget(key)

    def _remember(self, key: RunKey, until: datetime) -> None:
        self._until[key] = until
        self._forget.append((until, key))
