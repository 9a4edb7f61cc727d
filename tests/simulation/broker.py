"""The one log of a world: the memory log, with a life of its own beside the processes.

Its timers run whoever is suspended; the fault layer (`faults`) stands between it and processes.
"""

import contextvars
from collections.abc import Callable, Sequence
from datetime import datetime

from duetime.log.local.group import Member
from duetime.log.local.hub import Hub
from duetime.log.local.subscription import LocalSubscription
from duetime.log.memory import MemoryLog
from duetime.log.port import Stored, Transactor
from duetime.log.topics import Topic
from tests.simulation.history import seconds_of


class _BrokerHub(Hub):
    def _bound(self, group: str, let_go: Sequence[tuple[Member, int, int]]) -> None:
        contextvars.Context().run(super()._bound, group, let_go)


class Broker(MemoryLog):
    """The memory log, and what checkers ask of it.

    `records` gives all that was ever appended to a topic; `take_overs` says when each partition's
    transactor was opened anew, and where `tasks` ended then.
    """

    def __init__(self, partitions: int, now: Callable[[], datetime]) -> None:
        """Start empty, with the log's own clock."""
        super().__init__(partitions, now, cluster_id="simulated")
        self.take_overs: list[list[tuple[float, int]]] = [[] for _ in range(partitions)]
        self._hub = _BrokerHub(partitions=partitions, storage=self._storage, ends={}, committed={})

    async def transactor(self, name: str, partition: int) -> Transactor:
        opened_at = seconds_of(self._now())
        self.take_overs[partition].append((opened_at, self._hub.end(Topic.TASKS, partition)))
        return await super().transactor(name, partition)

    def records(self, topic: Topic) -> list[Stored]:
        """Give all records of a topic that is not compacted, by partition and offset."""
        return [
            record
            for partition in range(self.partitions)
            for record in self._storage._records[topic, partition]
        ]

    def drop_tombstones(self, older_than: datetime) -> None:
        """Compact as a log may: of keys that were taken away before, nothing remains."""
        for slot, latest in self._storage._latest.items():
            for key, record in list(latest.items()):
                if record.value is None and record.appended_at < older_than:
                    del latest[key]
            newest = self._storage._records[slot][-1:]  # it says where the partition ends
            kept = {record.offset: record for record in (*latest.values(), *newest)}
            self._storage._records[slot][:] = [kept[offset] for offset in sorted(kept)]

    def owned(self, subscription: LocalSubscription) -> Sequence[int]:
        """Give the partitions that a member owns, as the log sees it."""
        return sorted(subscription._member.assigned)

    def others_own(self, subscription: LocalSubscription, partitions: Sequence[int]) -> bool:
        """Say whether any of the partitions now belongs to another member."""
        group = self._hub._group(subscription._group)
        return any(
            group._holder.get(partition) not in (None, subscription._member)
            for partition in partitions
        )
