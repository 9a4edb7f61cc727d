"""What the api does with a command: known state, decide, append, wait to be seen, answer.

Knows the ports and the domain; HTTP only as the problems that it raises. An event is appended once:
where nobody knows whether it landed, the caller is told so and never spared the question.
"""

from collections.abc import Callable, Collection
from typing import Final

import msgspec

from duetime.api import problems
from duetime.api.definitions import Wish, new_definition, replaced_definition
from duetime.api.reads import Reads
from duetime.api.visibility import Visibility
from duetime.events.codec import encode
from duetime.events.envelope import Envelope, Position
from duetime.events.ids import task_id_for_key
from duetime.events.types import TaskEvent, TaskUpdated
from duetime.http.problem import (
    IDEMPOTENCY_KEY_REUSED,
    REVISION_MISMATCH,
    Problem,
    ProblemError,
)
from duetime.log.partitioner import partition_of
from duetime.log.port import Accepted, Log, Record, Refused, Unknown
from duetime.log.topics import Topic
from duetime.runtime.clock import Clock
from duetime.runtime.ids import Ids
from duetime.store.views import TaskDocument
from duetime.task import decide
from duetime.task.commands import CreateTask, DeleteTask, ReplaceTask
from duetime.task.decide import Rejection
from duetime.task.evolve import Verdict, evolve
from duetime.task.state import Task, TaskStatus

TENANT: Final = "default"  # one tenant until there are accounts
ACTOR: Final = "anonymous"  # the same
SOURCE: Final = "/duetime/api"


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted write: the task as it stands, and whether every reader sees it already."""

    document: TaskDocument
    visible: bool
    idempotency_key: str | None = None
    replayed: bool = False


class Handlers:
    """Commands on tasks."""

    def __init__(
        self,
        *,
        log: Log,
        reads: Reads,
        visibility: Visibility,
        clock: Clock,
        ids: Ids,
        known_actions: Collection[str] | None,
    ) -> None:
        """Use these; `known_actions` None: any name of a python action is taken."""
        self._log = log
        self._reads = reads
        self._visibility = visibility
        self._clock = clock
        self._ids = ids
        self._known_actions = known_actions

    async def create(self, wish: Wish, key: str | None, *, wait: bool) -> Written:
        """Register a task under its key; without one a key is made up and given back."""
        definition = new_definition(wish, self._known_actions)
        made_up = key is None
        key = key or self._ids.fresh()
        task_id = task_id_for_key(TENANT, key)
        if not made_up:
            document = await self._reads.document(task_id)
            if document is not None and document.task is not None:
                return _replayed(document, wish, key)
        command = CreateTask(
            task_id=task_id,
            tenant=TENANT,
            actor=ACTOR,
            definition=definition,
            fingerprint=wish.fingerprint,
            keyed=True,
        )
        event = decide.create(command, self._clock.now())
        if isinstance(event, Rejection):
            raise problems.of_rejection(event)
        envelope = await self._append(event, key)
        visible = wait and await self._seen(envelope)
        if visible and not made_up:
            # Someone else may have used the key at the same moment: what was first in the log is
            # the task, and every reader has folded it so.
            document = await self._reads.document(task_id)
            if document is not None and document.task is not None:
                if envelope.event_id in document.task.recent_event_ids:
                    return Written(document=document, visible=True, idempotency_key=key)
                return _replayed(document, wish, key)
        document = _folded(TaskDocument(task_id=task_id), envelope)
        return Written(document=document, visible=visible, idempotency_key=key)

    async def replace(
        self, task_id: str, wish: Wish, expected: "Expected | None", *, wait: bool
    ) -> Written:
        """Give a task a new definition, on the condition that it is at an expected revision."""

        def command(task: Task, revision: int | None) -> TaskEvent | Rejection:
            definition = replaced_definition(wish, task.definition, self._known_actions)
            wanted = ReplaceTask(actor=ACTOR, definition=definition, expected_revision=revision)
            return decide.replace(task, wanted, self._clock.now())

        return await self._change(task_id, expected, command, wait=wait)

    async def delete(self, task_id: str, expected: "Expected | None", *, wait: bool) -> Written:
        """Take a task away, on the condition that it is at an expected revision."""

        def command(task: Task, revision: int | None) -> TaskEvent | Rejection:
            wanted = DeleteTask(actor=ACTOR, expected_revision=revision)
            return decide.delete(task, wanted)

        return await self._change(task_id, expected, command, wait=wait)

    async def _change(
        self,
        task_id: str,
        expected: "Expected | None",
        command: Callable[[Task, int | None], TaskEvent | Rejection],
        *,
        wait: bool,
    ) -> Written:
        before, task = await self._reads.existing(task_id, current=expected is not None)
        event = command(task, None if expected is None else expected.revision_for(task))
        if isinstance(event, Rejection):
            raise problems.of_rejection(event)
        envelope = await self._append(event, None)
        folded = _folded(before, envelope)
        if not (wait and await self._seen(envelope)):
            return Written(document=folded, visible=False)
        after = await self._reads.document(task_id)
        if after is None or after.task is None:
            return Written(document=folded, visible=True)
        applied = envelope.event_id in after.task.recent_event_ids
        if isinstance(event, TaskUpdated) and after.task.status is TaskStatus.DELETED:
            # Deleted before our change landed: it changed nothing. Deleted after it: it counted.
            if not applied:
                raise problems.unknown_task()
            return Written(document=folded, visible=True)
        if expected is not None and not applied:
            # The condition did not hold any more where the event landed, so it changed nothing.
            raise ProblemError(
                Problem(
                    type=REVISION_MISMATCH,
                    detail=f"the task is at revision {after.task.revision} by now",
                )
            )
        return Written(document=after, visible=True)

    async def _append(self, event: TaskEvent, key: str | None) -> Envelope:
        """Append once. Raises ProblemError (503) unless the event is durable and in force."""
        envelope = Envelope(
            event=event, event_id=self._ids.fresh(), source=SOURCE, time=self._clock.now()
        )
        encoded = encode(envelope)
        partition = partition_of(encoded.key, self._log.partitions)
        record = Record(
            topic=Topic.TASKS,
            partition=partition,
            key=encoded.key,
            value=encoded.value,
            headers=encoded.headers,
        )
        (outcome,) = await self._log.append([record])
        match outcome:
            case Accepted(offset=offset, appended_at=appended_at):
                return envelope.placed(Position(Topic.TASKS, partition, offset), appended_at)
            case Refused(reason=reason):
                raise problems.refused_by_log(reason)
            case Unknown(reason=reason):
                raise problems.outcome_unknown(reason, event.task_id, key)

    async def _seen(self, envelope: Envelope) -> bool:
        position = envelope.position
        assert position is not None
        return await self._visibility.reached(position.partition, position.offset)


class Expected(msgspec.Struct, frozen=True):
    """The revisions of which one must hold (`If-Match`); None: any, as long as the task exists."""

    revisions: frozenset[int] | None

    def revision_for(self, task: Task) -> int | None:
        """Give the revision to expect of this task; one that does not hold where none does."""
        if self.revisions is None or task.revision in self.revisions:
            return task.revision
        return min(self.revisions, default=0)


def _folded(before: TaskDocument, envelope: Envelope) -> TaskDocument:
    """Give the document with its own event folded in: what readers will see."""
    task, verdict = evolve(before.task, envelope)
    if verdict is Verdict.VOID:
        # Every reader passes over it, so it must not be acknowledged.
        raise problems.refused_by_log(
            "it took too long, or the clocks of api and log are far apart"
        )
    position = envelope.position
    assert position is not None
    return msgspec.structs.replace(before, task=task, task_offset=position.offset)


def _replayed(document: TaskDocument, wish: Wish, key: str) -> Written:
    """Answer a repeat with the stored task, or refuse it where its body is another."""
    assert document.task is not None
    if document.task.fingerprint != wish.fingerprint:
        raise ProblemError(
            Problem(
                type=IDEMPOTENCY_KEY_REUSED,
                detail="this Idempotency-Key was used with another body",
                extra={"task_id": document.task_id},
            )
        )
    return Written(document=document, visible=True, idempotency_key=key, replayed=True)
