"""Many tasks in one request: each is read, judged and answered by itself, all appended at once.

Knows how a batch is cut into tasks and what is answered for each; the rules of one task are those
of a single registration. Nothing of it holds the loop for long: it is worked through in slices.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson

from duetime.api import problems
from duetime.api.admission import Admission
from duetime.api.body import parse_json
from duetime.api.definitions import Wish, new_definition, read_wish
from duetime.api.handlers import TENANT, VOID, Manner, created, envelope_of
from duetime.api.quick import cut_quickly, read_quickly
from duetime.api.reads import Reads
from duetime.api.requests import checked_key
from duetime.events.envelope import Envelope
from duetime.events.ids import task_id_for_key
from duetime.events.types import TaskCreated
from duetime.http.problem import Problem, ProblemError
from duetime.limits import (
    BATCH_READ_TASKS,
    BATCH_SLICE_TASKS,
    BATCH_TASKS_MAX,
    BATCHES_AT_ONCE_MAX,
    BODY_BYTES_MAX,
)
from duetime.log.partitioner import partition_of, partitions_of
from duetime.log.port import Accepted, AppendOutcome, Log, Record, Refused, Unknown
from duetime.log.reading import event_record
from duetime.log.topics import Topic
from duetime.runtime.clock import Clock
from duetime.runtime.ids import Ids
from duetime.runtime.precedence import Precedence
from duetime.task import decide
from duetime.task.decide import Rejection
from duetime.task.evolve import is_void

KEY_FIELD: Final = "idempotency_key"
"""Where a task of a batch carries what a single registration has in a header."""

_RAW_TASKS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Entry:
    """One task of a batch on its way. In the end it has a fault, or is registered."""

    __slots__ = (
        *("_fault", "envelope", "first", "key", "keyed"),
        *("record", "replayed", "task_id", "wish"),
    )

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.key = ""
        self.task_id = ""
        self.keyed = False  # by the caller; else the key is made up
        self.wish: Wish | None = None
        self.envelope: Envelope | None = None
        self.record: Record | None = None
        self.first: Entry | None = None  # the one of the same key before it, in this very batch
        self.replayed = False
        self._fault: Problem | None = None

    @property
    def fault(self) -> Problem | None:
        """Why it is not registered."""
        return self._fault if self.first is None else self.first.fault

    def fail(self, fault: ProblemError) -> None:
        """Take note that it is not registered."""
        self._fault = fault.problem
        self.record = None

    def members(self) -> dict[str, Any]:
        """Give what is answered for it."""
        fault = self.fault
        key = {KEY_FIELD: self.key} if self.key else {}
        if fault is not None:
            return {"status": fault.status, **key, "problem": orjson.Fragment(fault.body())}
        return {"status": 201, "id": self.task_id, **key, "replayed": self.replayed}


class Batches:
    """Registers many tasks at once."""

    def __init__(
        self,
        *,
        log: Log,
        reads: Reads,
        admission: Admission,
        clock: Clock,
        ids: Ids,
        known_actions: Collection[str] | None,
        precedence: Precedence,
    ) -> None:
        """Use these; `known_actions` None: any name of a python action is taken.

        `precedence`: whatever gives way to it waits while a batch is under way.
        """
        self._log = log
        self._reads = reads
        self._admission = admission
        self._clock = clock
        self._ids = ids
        self._known_actions = known_actions
        self._precedence = precedence
        self._under_way = 0

    @contextmanager
    def room(self) -> Iterator[None]:
        """Take one of the few places, before anything of the body is in memory.

        Raises ProblemError (429) where all are taken, or the timers are too far behind.
        """
        self._admission.expect_room_for_batch()
        if self._under_way >= BATCHES_AT_ONCE_MAX:
            raise problems.too_many_batches()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def create(self, body: bytes, manner: Manner) -> Sequence[Entry]:
        """Register the tasks of a JSON array; give what became of each, in order.

        Raises ProblemError where nothing of it can be taken; nothing was changed then.
        """
        with self._precedence.taken():
            return await self._create(body, manner)

    async def _create(self, body: bytes, manner: Manner) -> Sequence[Entry]:
        entries = await self._read_all(body)
        registered = await self._registered(entries)
        first: dict[str, Entry] = {}
        for start in range(0, len(entries), BATCH_SLICE_TASKS):
            some = entries[start : start + BATCH_SLICE_TASKS]
            now = self._clock.now()
            decided = [(entry, self._decided(entry, registered, first, now)) for entry in some]
            self._make([(entry, event) for entry, event in decided if event], now, manner)
            await asyncio.sleep(0)
        fresh = [(entry, entry.record) for entry in entries if entry.record is not None]
        if fresh:
            outcomes = await self._log.append([record for _, record in fresh])
            settled = [(entry, it) for (entry, _), it in zip(fresh, outcomes, strict=True)]
            await _in_slices(settled, lambda it: _settle(*it))
        return entries

    async def _read_all(self, body: bytes) -> Sequence[Entry]:
        """Read the tasks: in one step where they are of the usual shape, else one by one."""
        entries: list[Entry] = []
        bodies = cut_quickly(body)
        if bodies is not None and 0 < len(bodies) <= BATCH_TASKS_MAX:
            keys = self._ids.many(len(bodies))
            pairs = list(zip(bodies, keys, strict=True))
            await _in_slices(pairs, lambda it: entries.append(_read_quickly(*it)))
            if all(entry.wish is not None for entry in entries):
                return entries
        texts = _cut(body)
        entries = [Entry() for _ in texts]
        cut = list(zip(entries, texts, strict=True))
        await _in_slices(cut, lambda it: self._read(*it), size=BATCH_READ_TASKS)
        return entries

    def _read(self, entry: Entry, text: msgspec.Raw) -> None:
        """Read one task and its key, and hold it to the rules."""
        try:
            if len(bytes(text)) > BODY_BYTES_MAX:
                raise problems.too_large(BODY_BYTES_MAX)
            value = parse_json(bytes(text))
            if isinstance(value, dict) and KEY_FIELD in value:
                entry.key = checked_key(value.pop(KEY_FIELD), KEY_FIELD)
                entry.keyed = True
            entry.key = entry.key or self._ids.fresh()
            entry.task_id = task_id_for_key(TENANT, entry.key)
            entry.wish = read_wish(value)
        except ProblemError as fault:
            entry.fail(fault)

    async def _registered(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Give the fingerprints of those that are registered already, under the caller's keys."""
        ids = [entry.task_id for entry in entries if entry.keyed and entry.fault is None]
        partitions = {
            partition_of(task_id.encode(), self._log.partitions): task_id for task_id in ids
        }
        for task_id in partitions.values():
            await self._reads.expect_fresh(task_id)
        documents = await self._reads.documents(ids)
        return {it.task_id: it.task.fingerprint for it in documents if it.task is not None}

    def _decided(
        self,
        entry: Entry,
        registered: dict[str, str],
        first: dict[str, Entry],
        now: datetime,
    ) -> TaskCreated | None:
        """Decide on a task; None where there is nothing to append, as the entry says."""
        if entry.fault is not None or entry.wish is None:
            return None
        task_id = entry.task_id
        try:
            if task_id in registered:
                if registered[task_id] != entry.wish.fingerprint:
                    raise problems.key_reused(task_id)
                entry.replayed = True
                entry.first = first.get(task_id)
                return None
            definition = new_definition(entry.wish, self._known_actions)
            event = decide.create(created(task_id, definition, entry.wish.fingerprint), now)
            if isinstance(event, Rejection):
                raise problems.of_rejection(event)
        except ProblemError as fault:
            entry.fail(fault)
            return None
        registered[task_id] = entry.wish.fingerprint
        first[task_id] = entry
        return event

    def _make(
        self, decided: Sequence[tuple[Entry, TaskCreated]], now: datetime, manner: Manner
    ) -> None:
        """Make the events and the records of those that are to be appended."""
        event_ids = self._ids.many(len(decided))
        keys = [event.task_id.encode() for _, event in decided]
        partitions = partitions_of(keys, self._log.partitions)
        for (entry, event), event_id, at in zip(decided, event_ids, partitions, strict=True):
            entry.envelope = envelope_of(event, event_id, now, manner)
            entry.record = event_record(Topic.TASKS, at, entry.envelope)


def _read_quickly(body: Any, key: str) -> Entry:
    """Read a task of the usual shape; `key` is for one that has none."""
    entry = Entry()
    quick = read_quickly(body)
    if quick is not None:
        entry.wish = quick.wish
        entry.keyed = bool(quick.key)
        entry.key = quick.key or key
        entry.task_id = task_id_for_key(TENANT, entry.key)
    return entry


def _cut(body: bytes) -> list[msgspec.Raw]:
    """Cut an array into the texts of its elements. Raises ProblemError."""
    try:
        texts = _RAW_TASKS.decode(body)
    except msgspec.ValidationError:
        raise problems.no_batch("is no array") from None
    except msgspec.DecodeError:
        parse_json(body)  # says where
        raise problems.no_batch("cannot be cut into tasks") from None
    if not 0 < len(texts) <= BATCH_TASKS_MAX:
        raise problems.no_batch(f"has {len(texts):,} elements")
    return texts


async def _in_slices(
    items: Sequence[Any], do: Callable[[Any], None], *, size: int = BATCH_SLICE_TASKS
) -> None:
    """Work through a sequence, letting the loop turn between slices."""
    for start in range(0, len(items), size):
        for item in items[start : start + size]:
            do(item)
        await asyncio.sleep(0)


def _settle(entry: Entry, outcome: AppendOutcome) -> None:
    """Take note of what the log said."""
    assert entry.envelope is not None
    assert entry.record is not None
    match outcome:
        case Accepted(appended_at=appended_at):
            if is_void(entry.envelope, appended_at):  # every reader passes over it
                entry.fail(problems.refused_by_log(VOID))
        case Refused(reason=reason):
            entry.fail(problems.refused_by_log(reason))
        case Unknown(reason=reason):
            entry.fail(problems.outcome_unknown(reason, entry.task_id, entry.key))
