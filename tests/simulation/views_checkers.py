"""P6, judged over one history: the read models and the timers' states say what the log says.

Written against the promise, never against the code, as all of `checkers`.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.simulation.evidence import Documents, Evidence
from tests.simulation.excuses import Excuses
from tests.simulation.history import instant, seconds_of


def read_models_are_the_fold(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P6: the read models say what the log says."""
    documents = evidence.task_documents
    known = {task_id for task_id, document in documents.items() if document.get("task")}
    for task_id in known ^ set(evidence.tasks):
        where = "read models" if task_id in known else "log"
        yield f"task {task_id} is only in the {where}"
    for task_id in sorted(known & set(evidence.tasks)):
        last, document = evidence.tasks[task_id].last, documents[task_id]["task"]
        definition = document["definition"]
        expected = (last.revision, last.description, instant(last.time), last.deleted)
        found = (
            document["revision"],
            definition["description"],
            instant(_seconds(definition["time"])),
            document["status"] == "deleted",
        )
        if expected != found:
            yield f"task {task_id[-8:]}: the log says {expected}, the read model {found}"
    yield from _runs_are_the_executions(evidence)


def _runs_are_the_executions(evidence: Evidence) -> Iterator[str]:
    """P6: every run that was recorded is in the read models, as its last record says."""
    recorded: dict[str, Any] = {}
    for fact in evidence.run_facts:
        if fact.kind == "TaskExecuted" and fact.said.get("final", True):
            recorded[fact.said["run_id"]] = fact.said
        elif fact.kind == "TaskSkipped":
            recorded[fact.event_id] = fact.said
    if set(recorded) != set(evidence.run_documents):
        missing = set(recorded) - set(evidence.run_documents)
        surplus = set(evidence.run_documents) - set(recorded)
        yield f"runs missing in the read models: {sorted(missing)}; only there: {sorted(surplus)}"
        return
    for run_id, said in recorded.items():
        document = evidence.run_documents[run_id]
        for name in ("outcome", "started_at", "executor", "task_id"):
            if document.get(name) != said.get(name) and not _same_instant(document, said, name):
                yield f"run {run_id[-8:]}: {name} is {document.get(name)}, not {said.get(name)}"


def a_rebuild_is_equal(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P6: read models and timer state can be wiped and come back equal."""
    yield from _differences("task", evidence.task_documents, evidence.rebuilt_tasks)
    yield from _differences("run", evidence.run_documents, evidence.rebuilt_runs)
    for partition, changelog in evidence.timer_changelogs.items():
        held = evidence.timer_states.get(partition)
        if held is None:
            yield f"partition {partition} has no timer at the end"
        else:
            yield from _differences(f"timer state of partition {partition},", held, changelog)


def _differences(what: str, live: Documents, rebuilt: Documents) -> Iterator[str]:
    for name in sorted(set(live) | set(rebuilt)):
        if live.get(name) != rebuilt.get(name):
            one = json.dumps(live.get(name), default=str, sort_keys=True)
            other = json.dumps(rebuilt.get(name), default=str, sort_keys=True)
            yield f"{what} {name} is {one}\n    and {other} when rebuilt"


def _seconds(text: Any) -> float:
    return seconds_of(text if isinstance(text, datetime) else datetime.fromisoformat(text))


def _same_instant(document: Any, said: Any, name: str) -> bool:
    if not name.endswith("_at") or name not in document or name not in said:
        return False
    return _seconds(document[name]) == _seconds(said[name])
