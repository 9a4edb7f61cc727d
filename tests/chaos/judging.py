"""The verdict over one test's history: the simulator's checkers, once the stack is at rest.

Knows when to ask; the rules are the checkers'.
"""

import time
from datetime import datetime
from typing import Final

from deploy.local.stack import Stack
from tests.chaos.load import Callers, moment
from tests.chaos.recorded import evidence_of
from tests.simulation.checkers import LATENESS_SECONDS_MAX, judge
from tests.simulation.evidence import Evidence
from tests.simulation.history import seconds_of
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
    until = time.monotonic() + REST_SECONDS_MAX
    while True:
        evidence = evidence_of(stack, callers.history, callers.task_ids, callers.stamps)
        # At rest nothing more would come: what has not started by now counts as never started.
        last_due = max(v.time for task in evidence.tasks.values() for v in task.versions)
        evidence.history.ended_at = max(moment(), last_due + LATENESS_SECONDS_MAX + 1.0)
        wrong = judge(evidence)
        if not wrong or time.monotonic() > until:
            return wrong, evidence
        time.sleep(_LOOK_AGAIN_SECONDS)


def await_quiet(callers: Callers) -> None:
    """Wait until nothing has started for a while; bounded."""
    until = time.monotonic() + REST_SECONDS_MAX
    seen, since = -1, time.monotonic()
    while time.monotonic() < until:
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
