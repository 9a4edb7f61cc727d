"""What a release has written means the same to every later one: its log folds to the same state.

Each file in corpora/ is a log as that release wrote it, and what became of it: tasks, the timer's
states, the read models' documents. None changes once it was released; a later release may know more
about a task, and must not know anything else. `python -m tests.unit.events.test_corpora` writes the
absent one of this release.
"""

import json
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from duetime.events.codec import VERSIONS, decode, encode
from duetime.events.envelope import Envelope, Position
from duetime.events.types import (
    AnyEvent,
    Outcome,
    SkipCause,
    TaskExecuted,
    TaskSkipped,
    TaskStarted,
)
from duetime.log.topics import Topic
from duetime.log_projector.core import project
from duetime.task.evolve import evolve
from duetime.task.state import Task
from duetime.timer.core import TimerCore
from duetime.timer.due_index import MemoryDueIndex
from tests.support.builders import (
    DAILY,
    DAY,
    EARLIER,
    MINUTE,
    NOON,
    SECOND,
    TENANT,
    created,
    deleted,
    due,
    executed,
    paused,
    resumed,
    started,
    triggered,
    updated,
)

CORPORA: Final = Path(__file__).parent / "corpora"
RELEASE: Final = version("duetime")


def task_id(number: int) -> str:
    return f"0197280a-0000-7000-8000-{number:012d}"


def story() -> list[tuple[AnyEvent, str, datetime, timedelta]]:
    """Give events, their ids, when each was made, and how long it was on its way."""
    once, daily, gone, held, idle, slow, dead = map(task_id, range(1, 8))
    first, second = due(task_id=once), due(task_id=daily)
    failed = replace(
        executed(due(task_id=slow), final=False),
        outcome=Outcome.FAILED,
        retry_at=NOON + MINUTE,
        error="the target said no",
    )
    events: list[AnyEvent] = [
        created(task_id=once),
        created(task_id=daily, recurrence=DAILY, timezone="Europe/Berlin"),
        created(task_id=gone),
        created(task_id=held),
        created(task_id=idle),
        created(task_id=slow),
        updated(task_id=daily, recurrence=DAILY, timezone="Europe/Berlin", description="the cat"),
        updated(NOON + DAY, task_id=gone, expected_revision=5),  # refused
        updated(NOON + DAY, task_id=gone, expected_revision=1),
        deleted(gone, revision=3, expected_revision=2),
        paused(held),
        resumed(held),
        paused(idle),
        triggered(slow),
        updated(task_id=dead, revision=2),  # of a task that nobody knows
        started(first, lease_until=NOON + 30 * SECOND),
        executed(first, finished_at=NOON + 2 * SECOND),
        executed(second),
        failed,
        TaskSkipped(
            task_id=held,
            tenant=TENANT,
            revision=3,
            description="water the plants",
            cause=SkipCause.MISSED,
            by="timer",
            first_due_at=NOON - 2 * DAY,
            last_due_at=NOON - DAY,
            count=2,
            next_due_at=NOON,
        ),
    ]
    told = [
        (event, f"event {number}", EARLIER + number * SECOND, timedelta(0))
        for number, event in enumerate(events)
    ]
    told.append((created(task_id=gone), "event 2", EARLIER + 2 * SECOND, 2 * MINUTE))  # too late
    told.append((updated(NOON + DAY, task_id=once), "late", EARLIER + MINUTE, 2 * MINUTE))  # void
    return told


def written() -> list[dict[str, Any]]:
    """Give the story as records, as this release writes them."""
    records, offsets = [], {Topic.TASKS: 0, Topic.EXECUTIONS: 0}
    for event, event_id, made_at, late in story():
        of_run = isinstance(event, TaskStarted | TaskExecuted | TaskSkipped)
        topic = Topic.EXECUTIONS if of_run else Topic.TASKS
        key, value, headers = encode(
            Envelope(event=event, event_id=event_id, source="corpus", time=made_at)
        )
        records.append(
            {
                "topic": topic.value,
                "offset": offsets[topic],
                "appended_at": (made_at + late).isoformat(),
                "key": key.decode(),
                "value": value.decode(),
                "headers": {name: text.decode() for name, text in headers.items()},
            }
        )
        offsets[topic] += 1
    return records


def folded(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give what tasks, timer and read models make of records, as plain JSON by id."""
    envelopes = [_read(record) for record in records]
    tasks: dict[str, Task | None] = {}
    for envelope in envelopes:
        name = envelope.event.task_id
        tasks[name] = evolve(tasks.get(name), envelope)[0]
    index = MemoryDueIndex()
    core = TimerCore(source="corpus", index=index, lookahead=timedelta(0))
    core.apply(envelopes)
    changes = project({}, envelopes, {})
    return {
        "tasks": {name: _plain(task) for name, task in tasks.items() if task is not None},
        "timer": {name: json.loads(value) for name, (_, value) in index._tasks.items()},
        "documents": {document.task_id: _plain(document) for document in changes.tasks},
        "runs": {run.id: _plain(run) for run in changes.runs},
    }


def _read(record: dict[str, Any]) -> Envelope:
    envelope = decode(
        key=record["key"].encode(),
        value=record["value"].encode(),
        headers={name: text.encode() for name, text in record["headers"].items()},
    )
    assert isinstance(envelope, Envelope)
    position = Position(record["topic"], 0, record["offset"])
    return envelope.placed(position, datetime.fromisoformat(record["appended_at"]))


def _plain(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))


def _as_recorded(recorded: Any, found: Any) -> Any:
    """Give what was found without the fields that the release which recorded did not have."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        return {
            name: _as_recorded(recorded.get(name), value)
            for name, value in found.items()
            if name in recorded
        }
    return found


@pytest.mark.promise("P6")
@pytest.mark.parametrize("path", sorted(CORPORA.glob("*.json")), ids=lambda path: path.stem)
def test_the_log_of_a_release_folds_to_the_state_that_it_had_then(path: Path) -> None:
    corpus = json.loads(path.read_text(encoding="utf-8"))
    found = folded(corpus["records"])

    for part, recorded in corpus["state"].items():
        assert sorted(recorded) == sorted(found[part])
        assert recorded == {
            name: _as_recorded(recorded[name], state) for name, state in found[part].items()
        }


def test_this_release_has_a_corpus_and_writes_it_still() -> None:
    corpus = json.loads((CORPORA / f"{RELEASE}.json").read_text(encoding="utf-8"))

    assert corpus["records"] == written()


def test_the_corpus_of_this_release_holds_every_event_that_is_folded() -> None:
    types = {record["headers"]["ce_type"] for record in written()}
    folded_types = {f"duetime.{kind.__name__}.v{number}" for kind, number in VERSIONS.items()}

    assert folded_types - {f"duetime.TaskDue.v{VERSIONS[type(due())]}"} == types


if __name__ == "__main__":
    absent = CORPORA / f"{RELEASE}.json"
    if not absent.exists():
        corpus = {"records": written(), "state": folded(written())}
        absent.write_text(
            json.dumps(corpus, ensure_ascii=False, indent=1, sort_keys=True) + "\n",
            encoding="utf-8",
        )
