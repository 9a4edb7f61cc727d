"""What people need to see of a history that went wrong: the stories of the tasks that are named.

Knows how to write it so that people can follow; judges nothing. Times are wall-clock UTC, as in the
processes' own log lines, of which the warnings follow.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from deploy.local.stack import Stack
from tests.chaos.load import at
from tests.simulation.evidence import Evidence
from tests.simulation.history import seconds_of

TASKS_MAX: Final = 3
WARNINGS_MAX: Final = 60
AROUND_SECONDS: Final = 20.0
_TASK: Final = re.compile(r"\btask ([0-9a-f]{8})\b")


def story(stack: Stack, evidence: Evidence, wrong: Sequence[str]) -> str:
    """Tell the faults, what happened to the first tasks that are named, and the warnings then."""
    named = list(dict.fromkeys(found for text in wrong for found in _TASK.findall(text)))
    lines = [*_faults(evidence), *_of_tasks(evidence, tuple(named[:TASKS_MAX]))]
    moments = [moment for moment, _ in _of_tasks(evidence, tuple(named[:TASKS_MAX]))]
    if moments:
        window = (min(moments) - AROUND_SECONDS, max(moments) + AROUND_SECONDS)
        warnings = [each for each in _warnings(stack) if window[0] <= each[0] <= window[1]]
        lines += sorted(warnings)[-WARNINGS_MAX:]
    told = [f"{at(moment):%H:%M:%S.%f} {text}" for moment, text in sorted(lines)]
    return "\n".join([*wrong, "", *told])


def _faults(evidence: Evidence) -> Iterator[tuple[float, str]]:
    for fault in evidence.history.faults:
        yield fault.at, f"fault  {fault.kind} {fault.target} for {fault.until - fault.at:.1f} s"


def _of_tasks(evidence: Evidence, endings: tuple[str, ...]) -> Iterator[tuple[float, str]]:
    for request in evidence.history.requests:
        task_id = request.task_id or request.path.rpartition("/")[2]
        if task_id.endswith(endings) and endings:
            end = "no answer" if request.answered_at is None else f"{request.answered_at:.3f}"
            due = "" if request.body is None else f" due {request.body['time']}"
            took = "" if request.answered_at is None else request.answered_at - request.sent_at
            answer = f"{request.status} {request.problem} after {took} s, at {end}"
            yield request.sent_at, f"asked  {request.method} {task_id}{due}: {answer}"
    for topic, facts in (
        ("tasks", evidence.task_facts),
        ("due", evidence.due_facts),
        ("executions", evidence.run_facts),
    ):
        for fact in facts:
            if str(fact.said["task_id"]).endswith(endings) and endings:
                place = f"{topic}/{fact.partition}@{fact.offset}"
                yield fact.at, f"record {place} {fact.kind} {json.dumps(fact.said)}"
    for start in evidence.starts:
        if start.task_id.endswith(endings) and endings:
            yield start.at, f"start  {start.run_id} #{start.attempt} due {start.due_at}"


def _warnings(stack: Stack) -> Iterator[tuple[float, str]]:
    for name in stack.processes:
        path = stack.folder / f"{name}.log"
        for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
            try:
                told = json.loads(line)
                moment = seconds_of(datetime.fromisoformat(told["time"]))
            except (ValueError, KeyError, TypeError):
                continue
            if told.get("level") not in {"debug", "info"}:
                yield moment, f"{name}: {line[:300]}"
