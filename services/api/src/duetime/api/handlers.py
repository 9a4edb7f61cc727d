"""What the api does with a command: known state, decide, append, wait to be seen, answer.

Knows the ports and the domain; HTTP only as the problems that it raises. An event is appended once:
where nobody knows whether it landed, the caller is told so and never spared the question.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from duetime.api import problems
from duetime.api.admission import Admission
from duetime.api.definitions import Wish, new_definition, patched_wish, replaced_definition
from duetime.api.outcomes import Known, outcome_of
from duetime.api.reads import Reads, document_and_task
from duetime.api.visibility import Visibility
from duetime.events.envelope import Envelope, Position
from duetime.events.ids import task_id_for_key
from duetime.events.types import Definition, TaskEvent, TaskUpdated
from duetime.http.problem import ProblemError
from duetime.limits import PATCH_MERGES_MAX
from duetime.log.partitioner import partition_of
from duetime.log.port import Accepted, Log, Refused, Unknown
from duetime.log.reading import event_record
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
VOID: Final = "it took too long, or the clocks of api and log are far apart"


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a command is to be carried out. `wait`: until readers see it, within the bound."""

    wait: bool
    traceparent: str | None = None


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted write: the task as it stands, and whether every reader sees it already.

    `decided` is false where nobody could say yet whether its condition held.
    """

    document: TaskDocument
    visible: bool
    decided: bool = True
    idempotency_key: str | None = None
    replayed: bool = False


class Expected(msgspec.Struct, frozen=True):
    """Which revisions a change may meet: one of `revisions` (None: any), none of `unwanted`."""

    revisions: frozenset[int] | None
    unwanted: frozenset[int] = frozenset()

    def holds_for(self, task: Task) -> bool:
        """Say whether a change may meet the task as it stands."""
        wanted = self.revisions is None or task.revision in self.revisions
        return wanted and task.revision not in self.unwanted


_Command = Callable[[Task, int | None], TaskEvent | Rejection]


class Handlers:
    """Commands on tasks."""

    def __init__(
        self,
        *,
        log: Log,
        reads: Reads,
        visibility: Visibility,
        admission: Admission,
        clock: Clock,
        ids: Ids,
        known_actions: Collection[str] | None,
    ) -> None:
        """Use these; `known_actions` None: any name of a python action is taken."""
        self._log = log
        self._reads = reads
        self._visibility = visibility
        self._admission = admission
        self._clock = clock
        self._ids = ids
        self._known_actions = known_actions

    async def create(self, wish: Wish, key: str | None, manner: Manner) -> Written:
        """Register a task under its key; without one a key is made up and given back."""
        definition = new_definition(wish, self._known_actions)
        made_up = key is None
        key = key or self._ids.fresh()
        task_id = task_id_for_key(TENANT, key)
        if not made_up:
            await self._reads.expect_fresh(task_id)
            document = await self._reads.document(task_id)
            if document is not None and document.task is not None:
                return _replayed(document, wish, key)
        event = decide.create(created(task_id, definition, wish.fingerprint), self._clock.now())
        if isinstance(event, Rejection):
            raise problems.of_rejection(event)
        self._admission.expect_room(partition_of(task_id.encode(), self._log.partitions))
        envelope = await self._append(event, key, manner)
        visible = manner.wait and await self._seen(envelope)
        if visible and not made_up:
            # Someone else may have used the key at the same moment: what was first in the log is
            # the task, and every reader has folded it so.
            document = await self._reads.document(task_id)
            if document is not None and document.task is not None:
                if envelope.event_id in document.task.recent_event_ids:
                    return Written(document=document, visible=True, idempotency_key=key)
                return _replayed(document, wish, key)
        document = folded(TaskDocument(task_id=task_id), envelope)
        return Written(document=document, visible=visible, idempotency_key=key)

    async def replace(
        self, task_id: str, wish: Wish, expected: Expected | None, manner: Manner
    ) -> Written:
        """Give a task a new definition, on the condition that it is at an expected revision."""

        def command(task: Task, revision: int | None) -> TaskEvent | Rejection:
            definition = replaced_definition(wish, task.definition, self._known_actions)
            return self._replaced(task, definition, revision)

        return await self._change(task_id, expected, command, manner)

    async def patch(
        self, task_id: str, patch: Mapping[str, Any], expected: Expected | None, manner: Manner
    ) -> Written:
        """Merge a patch into a task. Where someone else was faster it is merged again.

        Not with a condition of the caller's: that does not hold then. Raises ProblemError (409)
        where others were faster every time.
        """

        def command(task: Task, revision: int | None) -> TaskEvent | Rejection:
            wish = patched_wish(patch, task.definition)
            definition = replaced_definition(wish, task.definition, self._known_actions)
            return self._replaced(task, definition, revision)

        if expected is not None:
            return await self._change_if(task_id, expected, command, manner)
        for _ in range(PATCH_MERGES_MAX):
            written = await self._try(task_id, Expected(None), command, manner)
            if written is not None:
                return written
        raise problems.edit_conflict()

    async def delete(self, task_id: str, expected: Expected | None, manner: Manner) -> Written:
        """Take a task away, on the condition that it is at an expected revision."""

        def command(task: Task, revision: int | None) -> TaskEvent | Rejection:
            return decide.delete(task, DeleteTask(actor=ACTOR, expected_revision=revision))

        return await self._change(task_id, expected, command, manner)

    async def _change(
        self, task_id: str, expected: Expected | None, command: _Command, manner: Manner
    ) -> Written:
        if expected is not None:
            return await self._change_if(task_id, expected, command, manner)
        before, task = await self._reads.to_change(task_id)
        envelope = await self._append(_event(command(task, None)), None, manner)
        after_ours = folded(before, envelope)
        if not (manner.wait and await self._seen(envelope)):
            return Written(document=after_ours, visible=False)
        after = await self._reads.document(task_id)
        if after is None or after.task is None:
            return Written(document=after_ours, visible=True)
        if isinstance(envelope.event, TaskUpdated) and after.task.status is TaskStatus.DELETED:
            # Deleted before our change landed: it changed nothing. Deleted after it: it counted.
            if envelope.event_id not in after.task.recent_event_ids:
                raise problems.unknown_task()
            return Written(document=after_ours, visible=True)
        return Written(document=after, visible=True)

    async def _change_if(
        self, task_id: str, expected: Expected, command: _Command, manner: Manner
    ) -> Written:
        written = await self._try(task_id, expected, command, manner)
        if written is None:
            # The condition did not hold any more where the event landed, so it changed nothing.
            raise problems.revision_mismatch("someone else has changed the task meanwhile")
        return written

    async def _try(
        self, task_id: str, expected: Expected, command: _Command, manner: Manner
    ) -> Written | None:
        """Append a conditional event and see what became of it; None: it was refused."""
        known = await self._reads.current(task_id)
        _, task = document_and_task(known.document)
        decided = command(task, task.revision)  # what is wrong with the body itself goes first
        if not expected.holds_for(task):
            raise problems.revision_mismatch(
                f"the task is at revision {task.revision}, which the request's condition excludes"
            )
        event = _event(decided)
        envelope = await self._append(event, None, manner)
        visible = manner.wait and await self._seen(envelope)
        if visible:
            after = await self._reads.document(task_id)
            if (
                after is not None
                and after.task is not None
                and envelope.event_id in after.task.recent_event_ids
            ):
                return Written(document=after, visible=True)
        return await self._judged(known, envelope, visible=visible)

    async def _judged(self, known: Known, envelope: Envelope, *, visible: bool) -> Written | None:
        """Ask the log what became of a conditional event; None: it was refused."""
        outcome = await outcome_of(self._log, known, envelope)
        if outcome is None:
            document = folded(known.document, envelope)
            return Written(document=document, visible=False, decided=False)
        match outcome.verdict:
            case Verdict.APPLIED | Verdict.DUPLICATE:
                return Written(document=outcome.document, visible=visible)
            case Verdict.VOID:
                raise _void()
            case Verdict.REFUSED:
                return None
            case Verdict.IGNORED:
                raise problems.unknown_task()  # deleted in between

    def _replaced(
        self, task: Task, definition: Definition, revision: int | None
    ) -> TaskEvent | Rejection:
        wanted = ReplaceTask(actor=ACTOR, definition=definition, expected_revision=revision)
        return decide.replace(task, wanted, self._clock.now())

    async def _append(self, event: TaskEvent, key: str | None, manner: Manner) -> Envelope:
        """Append once. Raises ProblemError (503) unless the event is durable."""
        envelope = envelope_of(event, self._ids.fresh(), self._clock.now(), manner)
        partition = partition_of(event.task_id.encode(), self._log.partitions)
        record = event_record(Topic.TASKS, partition, envelope)
        (outcome,) = await self._log.append([record])
        match outcome:
            case Accepted(offset=offset, appended_at=appended_at):
                position = Position(Topic.TASKS, record.partition, offset)
                return envelope.placed(position, appended_at)
            case Refused(reason=reason):
                raise problems.refused_by_log(reason)
            case Unknown(reason=reason):
                raise problems.outcome_unknown(reason, event.task_id, key)

    async def _seen(self, envelope: Envelope) -> bool:
        position = envelope.position
        assert position is not None
        return await self._visibility.reached(position.partition, position.offset, envelope.time)


def envelope_of(event: TaskEvent, event_id: str, now: datetime, manner: Manner) -> Envelope:
    """Give an event of this api with its journey's beginning."""
    return Envelope(
        event=event, event_id=event_id, source=SOURCE, time=now, traceparent=manner.traceparent
    )


def created(task_id: str, definition: Definition, fingerprint: str) -> CreateTask:
    """Give the command that registers a task under a key, the caller's or one made up."""
    return CreateTask(
        task_id=task_id,
        tenant=TENANT,
        actor=ACTOR,
        definition=definition,
        fingerprint=fingerprint,
        keyed=True,
    )


def folded(before: TaskDocument, envelope: Envelope) -> TaskDocument:
    """Give the document with its own event folded in: what readers will see."""
    task, verdict = evolve(before.task, envelope)
    if verdict is Verdict.VOID:
        raise _void()
    position = envelope.position
    assert position is not None
    return msgspec.structs.replace(before, task=task, task_offset=position.offset)


def _event(decided: TaskEvent | Rejection) -> TaskEvent:
    if isinstance(decided, Rejection):
        raise problems.of_rejection(decided)
    return decided


def _void() -> ProblemError:
    # Every reader passes over it, so it must not be acknowledged.
    return problems.refused_by_log(VOID)


def _replayed(document: TaskDocument, wish: Wish, key: str) -> Written:
    """Answer a repeat with the stored task, or refuse it where its body is another."""
    assert document.task is not None
    if document.task.fingerprint != wish.fingerprint:
        raise problems.key_reused(document.task_id)
    return Written(document=document, visible=True, idempotency_key=key, replayed=True)
