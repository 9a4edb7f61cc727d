"""Attempts of one partition that are under way, and when each is to be said to be alive.

Knows when an attempt began and when its next lease is due; not what an end means.
"""

import heapq
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from duetime.events.types import TaskDue
from duetime.executor.ledger import RunKey
from duetime.limits import STARTED_AFTER_SECONDS

_STARTED_AFTER: Final = timedelta(seconds=STARTED_AFTER_SECONDS)


class Run(msgspec.Struct, frozen=True, gc=False):
    """An attempt that is under way."""

    due: TaskDue
    started_at: datetime
    lease_at: datetime  # when its next TaskStarted is to be written


class Running:
    """Those that are under way, also in the order of their leases."""

    def __init__(self) -> None:
        """Begin with none."""
        self._runs: dict[RunKey, Run] = {}
        self._lease_order: list[tuple[datetime, str, int]] = []

    def __contains__(self, key: RunKey) -> bool:
        """Whether an attempt is under way."""
        return key in self._runs

    def __len__(self) -> int:
        """How many are."""
        return len(self._runs)

    def start(self, key: RunKey, due: TaskDue, now: datetime) -> None:
        """Note that an attempt is under way."""
        self._put(key, Run(due, now, now + _STARTED_AFTER))

    def begun(self, key: RunKey, now: datetime) -> None:
        """Note that its work begins only now."""
        run = self._runs.get(key)
        if run is not None:
            self._runs[key] = Run(run.due, max(now, run.started_at), run.lease_at)

    def end(self, key: RunKey) -> Run:
        """Note that it is no longer under way."""
        return self._runs.pop(key)

    def leased(self, key: RunKey, lease_at: datetime) -> None:
        """Note when its next lease is due; nothing where it has ended."""
        run = self._runs.get(key)
        if run is not None:
            self._put(key, Run(run.due, run.started_at, lease_at))

    def lease_at(self) -> datetime | None:
        """Say when the earliest TaskStarted is to be written."""
        while self._lease_order:
            lease_at, run_id, attempt = self._lease_order[0]
            run = self._runs.get((run_id, attempt))
            if run is not None and run.lease_at == lease_at:
                return lease_at
            heapq.heappop(self._lease_order)
        return None

    def lacking_lease(self, now: datetime) -> Sequence[Run]:
        """Give those whose lease is due."""
        if not self._lease_order or self._lease_order[0][0] > now:
            return ()
        lacking = []
        for lease_at, run_id, attempt in self._lease_order:
            run = self._runs.get((run_id, attempt)) if lease_at <= now else None
            if run is not None and run.lease_at == lease_at:
                lacking.append(run)
        return lacking

    def _put(self, key: RunKey, run: Run) -> None:
        self._runs[key] = run
        heapq.heappush(self._lease_order, (run.lease_at, *key))
        if len(self._lease_order) > 2 * len(self._runs) + 64:
            # Most runs end before their lease is due, and leave their entry behind.
            self._lease_order = [(known.lease_at, *of) for of, known in self._runs.items()]
            heapq.heapify(self._lease_order)
