"""What became of an event of ours where it landed: the log's own answer, folded here.

Knows the log and the fold; nothing of HTTP. Kafka cannot append "if unchanged", so a conditional
event may be refused by all readers alike. Every reader folds the same records with the same
function, so whoever knows the task as of some offset can fold what came after, and knows: no reader
has to be waited for, and none has to keep a list of refusals.
"""

from typing import NamedTuple

import msgspec

from duetime.events.envelope import Envelope
from duetime.limits import OUTCOME_RECORDS_MAX
from duetime.log.port import Log, LogError
from duetime.log.reading import read_event
from duetime.log.topics import Topic
from duetime.store.views import TaskDocument
from duetime.task.evolve import Verdict, evolve


class Known(NamedTuple):
    """A task's document that holds all events of its partition of `tasks` below an offset."""

    document: TaskDocument
    below: int


class Outcome(NamedTuple):
    """The task right after an event of ours, and what became of the event."""

    document: TaskDocument
    verdict: Verdict


async def outcome_of(log: Log, known: Known, ours: Envelope) -> Outcome | None:
    """Fold the log from what is known to our event; None where that cannot be done now.

    Costs one read of the few records that came in between, mostly ours alone.
    """
    position = ours.position
    assert position is not None, "it was appended"
    document = known.document
    following = known.below
    if position.offset - following >= OUTCOME_RECORDS_MAX:
        return None
    key = ours.event.task_id.encode()
    while following <= position.offset:
        start = following
        try:
            records, following = await log.read(
                Topic.TASKS, position.partition, start, records_max=OUTCOME_RECORDS_MAX
            )
        except LogError:
            return None
        for record in records:
            if record.key != key or record.offset <= document.task_offset:
                continue
            envelope = read_event(record)
            if not isinstance(envelope, Envelope):
                continue
            task, verdict = evolve(document.task, envelope)
            if verdict is Verdict.APPLIED:
                document = msgspec.structs.replace(document, task=task, task_offset=record.offset)
            if record.offset == position.offset:
                return Outcome(document, verdict)
        if following == start:
            return None  # not to be read yet
    return None
