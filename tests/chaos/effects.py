"""Whether a fault met anything, by what can be seen from outside: counted as in the simulation.

Knows what each kind of process has in hand at an instant, read from the topics, the callers' own
notes and the groups' rounds; judges nothing. A fault that meets nothing proves nothing, so tests
ask for a share that did.
"""

import json
import math
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Final

from deploy.local.stack import Stack
from duetime.log.topics import Topic
from tests.chaos.load import at
from tests.simulation.evidence import Evidence
from tests.simulation.history import Answer, Fault, FaultKind, History, Request, seconds_of
from tests.simulation.model import Fact

NEVER_MISSED: Final = 0.75  # of the faults of one kind, so many must have met something
TO_DO_SECONDS: Final = 10.0  # what others have to do in its place before they may be late
MOMENT_SECONDS: Final = 1.0
APIS: Final = 2

_TO_A_PROCESS: Final = frozenset({FaultKind.CRASH, FaultKind.SUSPEND_PAST_SESSION})


def measure(stack: Stack, evidence: Evidence) -> None:
    """Say of each fault of a history whether it met anything."""
    for fault in evidence.history.faults:
        fault.effective = _met(stack, evidence, fault)


def seldom_met(history: History) -> list[str]:
    """Name the kinds of faults too few of which met anything, with their counts."""
    done = Counter(map(_name, history.faults))
    met = Counter(_name(fault) for fault in history.faults if fault.effective)
    return [told(history, name) for name in done if met[name] < NEVER_MISSED * done[name]]


def told(history: History, name: str | None = None) -> str:
    """Tell how many faults of each kind, or of one, met something."""
    of_kind = Counter(map(_name, history.faults))
    met = Counter(_name(fault) for fault in history.faults if fault.effective)
    return ", ".join(
        f"{met[each]} of {done} {each}" for each, done in of_kind.items() if name in {None, each}
    )


def _met(stack: Stack, evidence: Evidence, fault: Fault) -> bool:
    match fault.kind:
        case FaultKind.CRASH | FaultKind.SUSPEND_PAST_SESSION:
            return _met_process(stack, evidence, fault)
        case FaultKind.WIPE_VIEWS:
            return any(fact.at < fault.at for fact in evidence.task_facts)
        case _:
            return any(_felt(request, fault) for request in evidence.history.requests)


def _met_process(stack: Stack, evidence: Evidence, fault: Fault) -> bool:
    if fault.role == "api":
        # The balancer gives each request to who has fewest, so that every api has one of so many.
        return APIS <= sum(_under_way(each, fault.at) for each in evidence.history.requests)
    owned = _owned_at(stack, fault.target, fault.at)
    match fault.role:
        case "timer":
            return _had_to_dispatch(evidence, owned, fault.at)
        case "executor":
            return _had_runs(evidence, owned, fault.at)
        case _:
            return _was_behind(evidence, owned, fault)


def _under_way(request: Request, moment: float) -> bool:
    return request.sent_at <= moment <= (request.answered_at or moment)


def _had_to_dispatch(evidence: Evidence, owned: Collection[int], moment: float) -> bool:
    """Say whether its partitions had, or had a moment later, tasks to be dispatched soon."""
    return any(
        fact.partition in owned
        and moment < fact.at <= moment + TO_DO_SECONDS
        and evidence.tasks[fact.said["task_id"]].versions[0].since <= moment + MOMENT_SECONDS
        for fact in evidence.due_facts
        if fact.said["task_id"] in evidence.tasks
    )


def _had_runs(evidence: Evidence, owned: Collection[int], moment: float) -> bool:
    """Say whether runs had been dispatched to it that had not ended."""
    ended = {
        fact.said["run_id"]
        for fact in evidence.run_facts
        if fact.kind == "TaskExecuted" and fact.at <= moment
    }
    return any(
        fact.partition in owned
        and fact.at <= moment
        and fact.said["run_id"] not in ended
        and _was_wanted(evidence, fact, moment)
        for fact in evidence.due_facts
    )


def _was_wanted(evidence: Evidence, due: Fact, moment: float) -> bool:
    """Say whether a run's task was still to run then: no change had taken the run back."""
    task = evidence.tasks.get(due.said["task_id"])
    nominal = seconds_of(datetime.fromisoformat(due.said["nominal_at"]))
    return task is not None and any(
        each.since <= moment < (math.inf if each.until is None else each.until)
        and not each.deleted
        and abs(each.time - nominal) < 0.001
        for each in task.versions
    )


def _was_behind(evidence: Evidence, owned: Collection[int], fault: Fault) -> bool:
    """Say whether its partitions had, or had a moment later, what was not in the read models."""
    positions = json.loads(fault.note)
    return any(
        fact.partition in owned
        and fact.at <= fault.at + MOMENT_SECONDS
        and fact.offset >= positions.get(f"{topic}/{fact.partition}", 0)
        for topic, read in (
            (Topic.TASKS, evidence.task_facts),
            (Topic.EXECUTIONS, evidence.run_facts),
        )
        for fact in read
    )


def _felt(request: Request, fault: Fault) -> bool:
    """Say whether a caller noticed that the log or the database was away."""
    if request.sent_at > fault.until or (request.answered_at or fault.at) < fault.at:
        return False
    if request.answer is not Answer.OK or (request.answered_at or fault.until) >= fault.until:
        return True
    return fault.kind is FaultKind.STORE_AWAY and not request.visible


def _owned_at(stack: Stack, name: str, moment: float) -> frozenset[int]:
    """Give the partitions that the group had given to a process last."""
    owned: frozenset[int] = frozenset()
    for line in (stack.folder / f"{name}.log").read_text(errors="replace").splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue  # a kill tears lines
        if datetime.fromisoformat(said["time"]) > at(moment):
            break
        if said["event"] == "group round":
            owned = frozenset(said["owned"])
        elif said["event"] == "started" or "thrown out" in said["event"]:
            owned = frozenset()
    return owned


def _name(fault: Fault) -> str:
    return f"{fault.kind} of {fault.role}" if fault.kind in _TO_A_PROCESS else str(fault.kind)
