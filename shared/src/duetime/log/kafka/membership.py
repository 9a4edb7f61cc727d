"""Being a member of a consumer group: which partitions are ours, handed over one by one.

Knows the group's rounds (rebalances) through aiokafka's coordinator, reads nothing. The protocol
is the eager one, which would take everything from everyone at each round; the assignor behind it
(`assignment`) gives back what stays, so nothing stops that does not move:

- A round only notes what is ours from now on. No restore and no user code runs inside it, so
  heartbeats are never kept waiting.
- What we lose is ours to use until `release`; then we ask for the next round, in which it is free.
- What we were thrown out of (a session that ran out) is gone at once, and we come back with no
  claim to it.
- Positions are committed between rounds only: a commit that meets a round would throw us out.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import structlog
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from duetime import limits
from duetime.log.kafka.assignment import Claim, assign
from duetime.log.kafka.connection import Connection
from duetime.log.kafka.producer import bounded, end
from duetime.log.port import Commit, LogAwayError, LogError
from duetime.log.topics import Topic

_logger: Final = structlog.get_logger()
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_CLAIM: Final = msgspec.json.Decoder(Claim)
_NEVER_MS: Final = 2**31 - 1
_VERSION: Final = 0


class Membership:
    """One member. `owned` gives the partitions that are ours, with the round each came in."""

    name = "duetime-sticky"  # of the assignment protocol; all members must speak it

    def __init__(
        self,
        connection: Connection,
        group: str,
        topics: Sequence[Topic],
        changed: Callable[[], None],
    ) -> None:
        """Make it; `start` joins. `changed` is called when `owned` has changed."""
        self.owned: dict[int, int] = {}
        self.letting_go: dict[int, int] = {}
        self._group = group
        self._names = connection.names
        self._topics = tuple(topics)
        self._partitions = connection.partitions
        self._changed = changed
        self._generation = -1
        self._claimed: frozenset[int] = frozenset()
        self._settled = asyncio.Event()
        self._committing: set[asyncio.Task[None]] = set()
        self._client: Any = AIOKafkaClient(
            **connection.arguments,
            request_timeout_ms=int(limits.KAFKA_GROUP_REQUEST_SECONDS_MAX * 1_000),
        )
        self._coordinator: Any = None
        self._subscription: Any = None

    async def start(self) -> None:
        """Connect and begin to join; `changed` tells of the outcome. Raises LogAwayError."""
        names = {self._names.of(topic) for topic in self._topics}
        try:
            async with asyncio.timeout(limits.KAFKA_START_SECONDS_MAX):
                await self._client.bootstrap()
                await self._client.set_topics(names)
        except (KafkaError, OSError, TimeoutError) as fault:
            await bounded(self._client.close(), limits.KAFKA_STOP_SECONDS_MAX)
            raise LogAwayError(f"Kafka cannot be reached: {fault}") from fault
        self._subscription = subscription = SubscriptionState()
        subscription.register_fetch_waiters(set())
        subscription.fetch_context().__enter__()  # for good: idle members leave
        subscription.subscribe(names, listener=_Rounds(self._round_begins, self._round_ended))
        self._coordinator = GroupCoordinator(
            self._client,
            subscription,
            group_id=self._names.group(self._group),
            session_timeout_ms=int(limits.KAFKA_SESSION_SECONDS * 1_000),
            heartbeat_interval_ms=int(limits.KAFKA_HEARTBEAT_SECONDS * 1_000),
            rebalance_timeout_ms=int(limits.KAFKA_REBALANCE_SECONDS * 1_000),
            max_poll_interval_ms=_NEVER_MS,
            enable_auto_commit=False,
            assignors=(self,),
        )
        forget = self._coordinator.reset_generation

        def thrown_out() -> None:
            forget()
            self._lose_everything()

        self._coordinator.reset_generation = thrown_out

    def check(self) -> None:
        """Raise LogError where this member can never work; say what else went wrong."""
        try:
            self._coordinator.check_errors()
        except (GroupAuthorizationFailedError, TopicAuthorizationFailedError) as fault:
            raise LogError(f"Kafka does not let us join {self._group}: {fault}") from fault
        except KafkaError as fault:
            if self._coordinator._coordination_task.done():  # noqa: SLF001 # it is the member's life
                raise LogError(f"the member of {self._group} has ended: {fault}") from fault
            _logger.warning("group trouble, trying again", group=self._group, reason=str(fault))

    def release(self, partition: int, generation: int) -> None:
        """Say that a partition which we lost is no longer in use. Harmless when it was said."""
        if self.letting_go.get(partition) == generation:
            del self.letting_go[partition]
            self._ask_for_a_round()

    @property
    def uses_any(self) -> bool:
        """Whether anything is in use."""
        return bool(self.owned or self.letting_go)

    def uses(self, partition: int) -> bool:
        """Whether the partition is ours, or was until the caller lets it go."""
        return partition in self.owned or partition in self.letting_go

    async def committed(self, partition: int) -> Mapping[Topic, Commit]:
        """Give the group's positions. Raises LogAwayError."""
        wanted = {TopicPartition(self._names.of(topic), partition) for topic in self._topics}
        try:
            async with asyncio.timeout(limits.APPEND_WAIT_SECONDS_MAX):
                found = await self._coordinator.fetch_committed_offsets(list(wanted))
        except (KafkaError, TimeoutError) as fault:
            raise LogAwayError(f"the group's positions cannot be read: {fault}") from fault
        return {
            self._names.topic(tp.topic): Commit(place.offset, place.metadata or "")
            for tp, place in found.items()
        }

    async def commit(self, partition: int, commits: Mapping[Topic, Commit]) -> None:
        """Record positions. Raises LogAwayError, and LogError where the partition is not ours."""
        offsets = {
            TopicPartition(self._names.of(topic), partition): OffsetAndMetadata(
                commit.offset, commit.note
            )
            for topic, commit in commits.items()
        }
        try:
            async with asyncio.timeout(limits.KAFKA_COMMIT_SECONDS_MAX):
                await self._settled.wait()
                self._check_in_use(partition)
                work = asyncio.ensure_future(self._coordinator.commit_offsets(None, offsets))
                self._committing.add(work)
                work.add_done_callback(self._committing.discard)
                await work
        except CommitFailedError as fault:
            self._check_in_use(partition)
            raise LogAwayError(f"the group {self._group} is just changing") from fault
        except (KafkaError, TimeoutError) as fault:
            self._check_in_use(partition)
            raise LogAwayError(f"the position may not have been kept: {fault}") from fault

    async def close(self) -> None:
        """Leave the group; bounded. Harmless when repeated."""
        coordinator, self._coordinator = self._coordinator, None
        if coordinator is not None:
            await bounded(coordinator.close(), limits.KAFKA_STOP_SECONDS_MAX)
            # In the middle of a round it cannot leave by itself.
            await end(coordinator._coordination_task, limits.KAFKA_RETRY_SECONDS)  # noqa: SLF001 # as above
            await bounded(coordinator._maybe_leave_group(), limits.KAFKA_STOP_SECONDS_MAX)  # noqa: SLF001 # as above
            await bounded(coordinator._stop_heartbeat_task(), limits.KAFKA_STOP_SECONDS_MAX)  # noqa: SLF001 # as above
            await bounded(self._client.close(), limits.KAFKA_STOP_SECONDS_MAX)
        self._lose_everything()

    # --- what the coordinator asks of an assignor ---------------------------------------------

    def metadata(self, _topics: object) -> Any:
        """Say what we hold, at the beginning of a round."""
        self._claimed = frozenset(self.owned) | frozenset(self.letting_go)
        claim = Claim(generation=self._generation, partitions=self._claimed)
        topics = sorted(self._names.of(topic) for topic in self._topics)
        return ConsumerProtocolMemberMetadata(_VERSION, topics, _ENCODER.encode(claim))

    def assign(self, _cluster: object, members: Mapping[str, Any]) -> dict[str, Any]:
        """Share the partitions out, where we were chosen to do it."""
        claims = {member: _claim(metadata.user_data) for member, metadata in members.items()}
        owned = assign(self._partitions, claims)
        return {
            member: ConsumerProtocolMemberAssignment(
                _VERSION,
                [(topic, sorted(owned[member])) for topic in sorted(metadata.subscription)],
                b"",
            )
            for member, metadata in members.items()
        }

    def on_assignment(self, assignment: Any) -> None:
        """Take note of what is ours from now on."""
        generation = self._generation = int(self._coordinator.generation)
        given = {tp.partition for tp in assignment.partitions()}
        lost = {p: since for p, since in self.owned.items() if p not in given}
        self.owned = {p: self.owned.get(p, generation) for p in sorted(given)}
        # What comes back while it is being let go is new all the same: its user was told.
        self.letting_go = {p: s for p, s in self.letting_go.items() if p not in given} | lost
        for partition, since in lost.items():
            # An owner that hangs must not hold a partition.
            asyncio.get_running_loop().call_later(
                limits.LOG_HANDOVER_SECONDS_MAX, self.release, partition, since
            )
        if self._claimed - self.owned.keys() - self.letting_go.keys():
            # Let go during this round, too late for it: whoever is to have it must be told.
            self._ask_for_a_round()
        _logger.info(
            "group round",
            group=self._group,
            generation=generation,
            owned=sorted(self.owned),
            letting_go=sorted(self.letting_go),
        )
        self._changed()

    # --- rounds -------------------------------------------------------------------------------

    async def _round_begins(self) -> None:
        self._settled.clear()
        if self._committing:
            await asyncio.wait(self._committing, timeout=limits.KAFKA_COMMIT_SECONDS_MAX)

    async def _round_ended(self) -> None:
        self._settled.set()

    def _ask_for_a_round(self) -> None:
        if self._coordinator is not None:
            # After this turn of the loop, so that all that is let go in it is told at once.
            asyncio.get_running_loop().call_soon(self._coordinator.request_rejoin)

    def _lose_everything(self) -> None:
        if self._coordinator is not None and self.uses_any:
            _logger.warning("thrown out of the group", group=self._group, lost=sorted(self.owned))
        self.owned = {}
        self.letting_go = {}
        self._changed()

    def _check_in_use(self, partition: int) -> None:
        if not self.uses(partition):
            raise LogError(f"partition {partition} is not this member's in {self._group}")


class _Rounds:
    """Tells of the beginning and the end of a round."""

    def __init__(self, begins: Callable[[], Any], ended: Callable[[], Any]) -> None:
        self._begins = begins
        self._ended = ended

    async def on_partitions_revoked(self, _revoked: object) -> None:
        await self._begins()

    async def on_partitions_assigned(self, _assigned: object) -> None:
        await self._ended()


ConsumerRebalanceListener.register(_Rounds)


def _claim(user_data: bytes) -> Claim:
    try:
        return _CLAIM.decode(user_data)
    except msgspec.MsgspecError:
        return Claim()  # a member of another make holds nothing that we could know of
