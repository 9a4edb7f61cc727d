"""The verdict over one test's history: the simulator's checkers, once the stack is at rest.

Knows when to ask; the rules are the checkers'. What other programs took of this machine meanwhile
was measured, and excuses as many seconds, no more: never by asking the system once again.
"""

import time
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Final

from deploy.local.stack import Stack
from tests.chaos.effects import measure, told
from tests.chaos.load import Callers, moment, moment_of
from tests.chaos.recorded import evidence_of
from tests.chaos.telling import story
from tests.simulation.checkers import LATENESS_SECONDS_MAX, judge
from tests.simulation.evidence import Evidence
from tests.simulation.excuses import Excuses
from tests.simulation.history import Start, seconds_of
from tests.support.machine import machine
from tests.support.stack import stamped

QUIET_SECONDS: Final = 2.0
REST_SECONDS_MAX: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.5


def verdict(stack: Stack, callers: Callers) -> tuple[list[str], Evidence]:
    """Give everything that is wrong, after as much time as the stack needs to come to rest.

    What is late or repeated stays so, however long one waits; what is only not projected yet, or
    not started yet, is asked for again, bounded.
    """
    await_quiet(callers)
    clock = machine().clock
    until = clock() + REST_SECONDS_MAX
    while True:
        evidence = evidence_of(stack, callers.history, callers.task_ids, callers.stamps)
        # At rest nothing more would come: what has not started by now counts as never started.
        last_due = max(v.time for task in evidence.tasks.values() for v in task.versions)
        evidence.history.taken = taken_from(callers)
        evidence.history.ended_at = max(moment(), last_due + LATENESS_SECONDS_MAX + 1.0)
        measure(stack, evidence)
        wrong = judge(evidence)
        if not wrong or clock() > until:
            print(f"others took {sum(each[2] for each in evidence.history.taken):.1f} s")
            print(f"faults that met something: {told(evidence.history) or 'none was done'}")
            if wrong:
                print(story(stack, evidence, wrong))
            return wrong, evidence
        time.sleep(_LOOK_AGAIN_SECONDS)


def taken_from(callers: Callers) -> list[tuple[float, float, float]]:
    """Give what other programs took of this machine since the callers began, in moments."""
    return [
        (moment_of(at), moment_of(until), seconds)
        for at, until, seconds in machine().taken(callers.began_at)
    ]


def started_twice(evidence: Evidence) -> list[str]:
    """Give the runs that started more than once, without others having taken the machine."""
    excuses = Excuses((), evidence.switches, evidence.history.taken)
    starts: dict[str, list[Start]] = defaultdict(list)
    for start in sorted(evidence.starts, key=lambda each: each.at):
        starts[start.run_id].append(start)
    return [
        run_id
        for run_id, each in starts.items()
        for earlier, later in pairwise(each)
        if not excuses.repeat(earlier, later, None)
    ]


def await_quiet(callers: Callers) -> None:
    """Wait until nothing has started for a while; bounded."""
    clock = machine().clock
    until = clock() + REST_SECONDS_MAX
    seen, since = -1, time.monotonic()
    while clock() < until:
        count = sum(map(len, stamped(callers.stamps).values()))
        if count != seen:
            seen, since = count, time.monotonic()
        elif time.monotonic() - since > QUIET_SECONDS and moment() > _last_due(callers) + 1.0:
            return
        time.sleep(_LOOK_AGAIN_SECONDS)


def worst_lateness(evidence: Evidence) -> float:
    """Give the seconds by which the latest first start was late."""
    first: dict[str, float] = {}
    for start in evidence.starts:
        late = start.at - seconds_of(start.due_at)
        first[start.run_id] = min(first.get(start.run_id, late), late)
    return max(first.values(), default=0.0)


def _last_due(callers: Callers) -> float:
    times = [
        seconds_of(datetime.fromisoformat(request.body["time"]))
        for request in callers.history.requests
        if request.body is not None
    ]
    return max(times, default=0.0)
