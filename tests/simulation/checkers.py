"""The promises P1 to P6 of the design, judged over one history and what it left behind.

Written against the promises, never against the code. Each checker gives sentences, one for each
thing that is wrong; none: the promise was kept.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from tests.simulation.evidence import Evidence
from tests.simulation.excuses import Excuses
from tests.simulation.history import Answer, FaultKind, Request, Start, seconds_of
from tests.simulation.model import Fact, ModelTask, Version
from tests.simulation.views_checkers import a_rebuild_is_equal, read_models_are_the_fold

LATENESS_SECONDS_MAX: Final = 10.0
CHANGE_WINS_SECONDS: Final = 1.0
SKEW_SECONDS_MAX: Final = 0.2  # two clocks, each up to 100 ms off
ENDS_WITHIN_SECONDS: Final = 12.0  # the longest action takes 8 s

Checker = Callable[[Evidence, Excuses], Iterator[str]]


def accepted_is_durable(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P1: what was answered with a 2xx is in the log."""
    created = {fact.said["task_id"] for fact in evidence.task_facts if fact.kind == "TaskCreated"}
    said = {
        (fact.said["task_id"], fact.said["definition"]["description"])
        for fact in evidence.task_facts
        if fact.kind in {"TaskCreated", "TaskUpdated"}
    }
    deleted = {fact.said["task_id"] for fact in evidence.task_facts if fact.kind == "TaskDeleted"}
    for request in evidence.history.requests:
        if request.answer is not Answer.OK or request.method == "GET":
            continue
        if request.method == "DELETE":
            if _target(request) not in deleted:
                yield f"request {request.number}: the deletion was acknowledged and is not there"
        elif request.method == "POST" and request.task_id not in created:
            yield f"request {request.number}: the task was acknowledged and is not there"
        elif request.body is not None and not request.replayed:
            task_id = _target(request)
            if (task_id, request.body["description"]) not in said:
                yield f"request {request.number}: the change was acknowledged and is not there"


def one_key_is_one_task(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P1: a repeat under the same key is the same task, and an acknowledged body is the task's."""
    by_key: dict[str, set[str]] = {}
    for request in evidence.history.requests:
        if request.method != "POST" or request.key is None or request.answer is not Answer.OK:
            continue
        assert request.task_id is not None
        by_key.setdefault(request.key, set()).add(request.task_id)
        task = evidence.tasks.get(request.task_id)
        if task is None or request.body is None:
            continue
        first = task.versions[0].description
        if request.visible and request.body["description"] != first:
            yield f"request {request.number}: acknowledged with another body than the task's"
    for key, task_ids in by_key.items():
        if len(task_ids) > 1:
            yield f"{key} names {len(task_ids)} tasks"


def conditions_hold(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P4: a conditional change that was confirmed is the one that followed its revision."""
    for request in evidence.history.requests:
        if request.method != "PUT" or request.if_match is None or request.body is None:
            continue
        if request.answer is not Answer.OK or request.status == 202:
            continue
        revision = int(request.if_match.strip('"')) + 1
        task = evidence.tasks.get(_target(request) or "")
        followed = [each for each in task.versions if each.revision == revision] if task else []
        if [each.description for each in followed] != [request.body["description"]]:
            yield f"request {request.number}: confirmed, and another change followed that revision"


def nothing_starts_early(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P2: never before its time, by the clock of the process that starts it."""
    for start in evidence.starts:
        if start.clock_at < start.due_at or start.due_at < start.nominal_at:
            early = (start.due_at - start.clock_at).total_seconds()
            yield f"{_name(start)} started {early:.6f} s early by {start.process}'s clock"


def everything_due_runs(evidence: Evidence, excuses: Excuses) -> Iterator[str]:
    """P2, P5: an occurrence starts in time, or there is a record that says why it did not."""
    starts: dict[tuple[str, float], list[float]] = {}
    for start in evidence.starts:
        nominal = round(seconds_of(start.nominal_at), 6)
        at = start.at if start.exact else min(start.at, seconds_of(start.due_at) + 1.0)
        starts.setdefault((start.task_id, nominal), []).append(at)
    for task in evidence.tasks.values():
        ran: set[float] = set()
        for version in task.versions:
            nominal = round(version.time, 6)
            if version.deleted or nominal in ran:
                continue
            if version.ruled_since is not None and version.ruled_since > version.time:
                continue  # made to recur after its time: it goes on from that change
            due = max(version.time, version.timed_since)
            until = version.until if version.until is not None else evidence.history.ended_at
            latest = excuses.start_until(due, LATENESS_SECONDS_MAX) + SKEW_SECONDS_MAX
            found = [at for at in starts.get((task.task_id, nominal), []) if at >= due - 1.0]
            if starts.get((task.task_id, nominal)):
                ran.add(nominal)
            if latest >= until or any(at <= latest for at in found):
                continue
            if any(at < due for at in starts.get((task.task_id, nominal), [])):
                continue  # it had run before it was asked for again
            if _skipped(evidence, task, version):
                continue
            if found and _unreadable(task, due - CHANGE_WINS_SECONDS, min(found)):
                continue  # held until it could be read again
            late = f"started {min(found) - due:.3f} s late" if found else "never started"
            yield f"task {task.task_id[-8:]} at {nominal:.3f} (due {due:.3f}): {late}"


def one_identity_per_occurrence(evidence: Evidence, excuses: Excuses) -> Iterator[str]:
    """P3: one run id per occurrence; an attempt starts once, but for faults of executors."""
    ids: dict[tuple[str, float], set[str]] = {}
    attempts: dict[tuple[str, int], list[Start]] = {}
    for start in evidence.starts:
        ids.setdefault((start.task_id, seconds_of(start.nominal_at)), set()).add(start.run_id)
        attempts.setdefault((start.run_id, start.attempt), []).append(start)
    for (task_id, nominal), run_ids in ids.items():
        if len(run_ids) > 1:
            yield f"task {task_id[-8:]} at {nominal:.3f} has {len(run_ids)} run ids"
    ended: dict[tuple[str, int], float] = {}
    for fact in evidence.run_facts:
        if fact.kind == "TaskExecuted":
            ended.setdefault((fact.said["run_id"], fact.said.get("attempt", 1)), fact.at)
    for repeated in attempts.values():
        repeated.sort(key=lambda start: start.at)
        for earlier, later in pairwise(repeated):
            recorded_at = ended.get((later.run_id, later.attempt))
            if not excuses.repeat(earlier, later, recorded_at):
                yield (
                    f"{_name(later)} started again after {later.at - earlier.at:.3f} s "
                    f"({earlier.process}, then {later.process}) without a fault that explains it"
                )


def changes_win(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P4: what was acknowledged at least a second before the due time decides."""
    for start in evidence.starts:
        task = evidence.tasks.get(start.task_id)
        if task is None:
            yield f"{_name(start)} is of a task that the log does not know"
            continue
        if not start.exact:
            continue
        due = seconds_of(start.due_at)
        in_force = [
            version
            for version in task.versions
            if not version.deleted
            and version.since <= start.at + SKEW_SECONDS_MAX
            and not _superseded(evidence, task, version, min(due - CHANGE_WINS_SECONDS, start.at))
        ]
        nominal = round(seconds_of(start.nominal_at), 6)
        wanted = [version for version in in_force if round(version.time, 6) == nominal]
        if not wanted:
            yield f"{_name(start)} started although a change had been acknowledged before"
        elif start.description not in {version.description for version in in_force}:
            yield f"{_name(start)} started as {start.description!r}, which had been replaced"


def what_cannot_be_read_holds(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P4: a change that nobody can read might have been the deletion, so nothing runs after it."""
    for start in evidence.starts:
        task = evidence.tasks.get(start.task_id)
        due = seconds_of(start.due_at)
        if task is None:
            continue
        for since, until in task.unreadable:
            if since <= due - CHANGE_WINS_SECONDS and start.at + SKEW_SECONDS_MAX < until:
                yield f"{_name(start)} started although an event since {since:.3f} is unreadable"


def _moved_at_start(task: ModelTask, start: Start) -> bool:
    """Say whether a start that was cut off raced a change that took its occurrence away."""
    due = seconds_of(start.due_at)
    return start.ended_at is None and any(
        due - CHANGE_WINS_SECONDS <= version.since <= start.at + SKEW_SECONDS_MAX
        and round(version.time, 6) != round(seconds_of(start.nominal_at), 6)
        for version in task.versions
    )


def _unreadable(task: ModelTask, begin: float, end: float) -> bool:
    return any(since <= end and until >= begin for since, until in task.unreadable)


def _superseded(evidence: Evidence, task: ModelTask, version: Version, before: float) -> bool:
    """Say whether a later version of the task had been acknowledged by then."""
    later = {each.event_id: each for each in task.versions if each.revision > version.revision}
    for request in evidence.history.requests:
        if request.answer is not Answer.OK or request.answered_at is None:
            continue
        if request.method not in {"PUT", "DELETE"} or _target(request) != task.task_id:
            continue
        if request.status == 202 or request.answered_at > before:
            continue
        if any(_is_of(request, each) for each in later.values()):
            return True
    return False


def _is_of(request: Request, version: Version) -> bool:
    """Say whether a version came from a request."""
    if request.method == "DELETE":
        return version.deleted and request.sent_at <= version.since
    said = request.body is not None and request.body["description"] == version.description
    return said and not version.deleted


def reads_are_honest(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P1: a task that was there all the time is no 404; a visible write is seen by later reads."""
    written: dict[str, list[tuple[float, int]]] = {}
    for request in evidence.history.requests:
        task_id = _target(request)
        task = evidence.tasks.get(task_id or "")
        if request.status == 404 and task is not None and request.answered_at is not None:
            there = task.versions[0].since < request.sent_at
            gone = task.last.deleted and task.last.since <= request.answered_at
            if there and not gone and not _changed_hands(evidence, request):
                yield f"request {request.number}: 404 for a task that was there"
        if request.status == 500:
            yield f"request {request.number}: the api failed"
        if request.answer is not Answer.OK or not isinstance(request.content, dict):
            continue
        revision = request.content.get("revision")
        if task_id is None or revision is None:
            continue
        if request.method == "GET":
            seen = [least for at, least in written.get(task_id, []) if at <= request.sent_at]
            if seen and revision < max(seen) and not _may_be_stale(evidence, request):
                yield (
                    f"request {request.number}: saw revision {revision} after "
                    f"{max(seen)} had been confirmed as visible"
                )
        elif request.visible and request.answered_at is not None:
            written.setdefault(task_id, []).append((request.answered_at, revision))


def _changed_hands(evidence: Evidence, request: Request) -> bool:
    """Say whether one request read two databases: before and after a loss, or two replicas."""
    until = request.answered_at or request.sent_at
    return any(
        (
            fault.kind is FaultKind.WIPE_VIEWS
            and fault.at <= until
            and fault.until >= request.sent_at
        )
        or (
            fault.kind is FaultKind.STALE_READS
            and fault.target == request.api
            and request.sent_at <= fault.at <= until
        )
        for fault in evidence.history.faults
    )


def _may_be_stale(evidence: Evidence, request: Request) -> bool:
    """Say whether the read went to a replica that lags, or to read models being rebuilt."""
    return any(
        fault.kind in {FaultKind.STALE_READS, FaultKind.WIPE_VIEWS}
        and fault.at <= (request.answered_at or request.sent_at)
        for fault in evidence.history.faults
    )


def every_start_is_recorded(evidence: Evidence, excuses: Excuses) -> Iterator[str]:
    """P5: whatever started left a record of how it went, or why nobody will ever say."""
    recorded = {
        fact.said.get("run_id")
        for fact in evidence.run_facts
        if fact.kind in {"TaskExecuted", "TaskSkipped"}
    }
    last: dict[str, Start] = {}
    for start in evidence.starts:
        if start.run_id not in last or start.at > last[start.run_id].at:
            last[start.run_id] = start
    for run_id, start in last.items():
        task = evidence.tasks.get(start.task_id)
        # Its owner wants nothing more of it, or of this occurrence, and it was cut off.
        deleted = task is not None and (task.last.deleted or _moved_at_start(task, start))
        under_way = start.at > evidence.history.ended_at - ENDS_WITHIN_SECONDS
        if run_id in recorded or deleted or under_way or excuses.long_lease(start):
            continue
        yield f"{_name(start)} has no record of its end"


def owners_know_what_they_decide_on(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """P4, P6: who takes a partition over first folds what there was, and says a thing once."""
    said: dict[str, Fact] = {}
    for fact in evidence.due_facts:
        first = said.setdefault(fact.event_id, fact)
        if first is not fact:
            yield (
                f"TaskDue {fact.event_id} of task {fact.said['task_id'][-8:]} was written twice: "
                f"due/{first.partition}@{first.offset} at {first.at:.3f} and @{fact.offset} "
                f"at {fact.at:.3f}"
            )
        taken = [each for each in evidence.take_overs[fact.partition] if each[0] <= fact.at]
        if taken and fact.said["based_on"] < taken[-1][1]:
            yield (
                f"TaskDue {fact.event_id} is based on offset {fact.said['based_on']}, and "
                f"{taken[-1][1]} was there when its owner took over at {taken[-1][0]:.3f}"
            )


def nothing_dies_by_itself(evidence: Evidence, _excuses: Excuses) -> Iterator[str]:
    """A fault of the ground must not end a process."""
    for at, process, reason in evidence.history.deaths:
        yield f"{process} died at {at:.3f}: {reason}"


def _skipped(evidence: Evidence, task: ModelTask, version: Version) -> bool:
    return any(
        fact.kind == "TaskSkipped"
        and fact.said["task_id"] == task.task_id
        and _seconds(fact.said["first_due_at"]) <= version.time
        and version.time <= _seconds(fact.said["last_due_at"])
        for fact in evidence.run_facts
    )


def _target(request: Request) -> str | None:
    if request.task_id is not None:
        return request.task_id
    parts = request.path.partition("?")[0].split("/")
    return parts[2] if len(parts) == 3 and parts[2] != "logs" else None


def _seconds(text: Any) -> float:
    return seconds_of(text if isinstance(text, datetime) else datetime.fromisoformat(text))


def _name(start: Start) -> str:
    nominal = seconds_of(start.nominal_at)
    return f"run {start.run_id[-8:]} #{start.attempt} of task {start.task_id[-8:]} at {nominal:.3f}"


CHECKERS: Final[tuple[tuple[str, Checker], ...]] = (
    ("P1", accepted_is_durable),
    ("P1", one_key_is_one_task),
    ("P1", reads_are_honest),
    ("P4", conditions_hold),
    ("P2", nothing_starts_early),
    ("P2", everything_due_runs),
    ("P3", one_identity_per_occurrence),
    ("P4", changes_win),
    ("P4", what_cannot_be_read_holds),
    ("P5", every_start_is_recorded),
    ("P6", read_models_are_the_fold),
    ("P6", a_rebuild_is_equal),
    ("P6", owners_know_what_they_decide_on),
    ("life", nothing_dies_by_itself),
)
"""Every checker, with the promise that it holds the system to."""


def judge(evidence: Evidence) -> list[str]:
    """Give everything that is wrong with a history."""
    excuses = Excuses(evidence.history.faults, evidence.switches, evidence.history.taken)
    return [
        f"{promise} {check.__name__}: {sentence}"
        for promise, check in CHECKERS
        for sentence in check(evidence, excuses)
    ]
