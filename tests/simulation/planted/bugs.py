"""Bugs that are known to be bugs: small changes to the sources which could pass a review.

Each breaks a promise, and the simulator must find it. `before` stands exactly once in the file;
where the sources have moved on, the bug is to be planted anew, or replaced by a better one.
"""

from dataclasses import dataclass
from typing import Final

from tests.simulation.history import FaultKind

_API: Final = "services/api/src/duetime/api"
_TIMER: Final = "services/timer/src/duetime/timer"
_EXECUTOR: Final = "services/executor/src/duetime/executor"
_PROJECTOR: Final = "services/log-projector/src/duetime/log_projector"
_SHARED: Final = "shared/src/duetime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A change to one file, and what is wrong with it.

    `only` and `story` say which histories it is searched in: those of all faults by chance, those
    of a few kinds under which it must show, or those of a story.
    """

    name: str
    says: str
    path: str
    before: str
    after: str
    only: tuple[FaultKind, ...] = ()
    story: str = ""

    @property
    def where(self) -> str:
        """Name its histories, as the command line that replays one does."""
        only = f" --only {','.join(self.only)}" if self.only else ""
        story = f" --story {self.story}" if self.story else ""
        return only + story


BUGS: Final = (
    Bug(
        name="acknowledged-before-durable",
        says="the api answers 2xx to an append of which nobody knows whether it landed",
        path=f"{_API}/handlers.py",
        before="                raise problems.outcome_unknown(reason, event.task_id, key)",
        after=(
            "                position = Position(Topic.TASKS, record.partition, 0)\n"
            "                return envelope.placed(position, envelope.time)"
        ),
    ),
    Bug(
        name="key-ignored",
        says="the api makes a new task for each request, whatever its Idempotency-Key",
        path=f"{_API}/handlers.py",
        before="        task_id = task_id_for_key(TENANT, key)",
        after="        task_id = self._ids.fresh()",
    ),
    Bug(
        name="no-such-task-too-soon",
        says="the api answers 404 from read models that are behind",
        path=f"{_API}/visibility.py",
        before="        if end == 0:",
        after="        if end >= 0:",
    ),
    Bug(
        name="visible-one-too-soon",
        says="`>=` for `>`: a write counts as visible when only what lies before it is",
        path=f"{_SHARED}/store/progress.py",
        before="        if self._next_offsets.get(at, 0) > offset:",
        after="        if self._next_offsets.get(at, 0) >= offset:",
    ),
    Bug(
        name="revision-not-checked",
        says="a conditional change is applied although its revision does not hold",
        path=f"{_SHARED}/task/evolve.py",
        before="event.expected_revision is not None and event.expected_revision != task.revision",
        after="False",
    ),
    Bug(
        name="duplicate-events-applied",
        says="an event that is in the log twice is applied twice",
        path=f"{_SHARED}/task/evolve.py",
        before="    if task is not None and envelope.event_id in task.recent_event_ids:",
        after="    if task is None and envelope.event_id in ():",
        only=(FaultKind.APPEND_TWICE,),
    ),
    Bug(
        name="late-events-applied",
        says="a producer's stuck retry is applied, however late it lands",
        path=f"{_SHARED}/task/evolve.py",
        before="    return appended_at - envelope.time > _VOID_AFTER",
        after="    return appended_at - envelope.time > 100 * _VOID_AFTER",
        story="stuck-retries",
    ),
    Bug(
        name="deleted-comes-back",
        says="a change that lands after the deletion brings the task back",
        path=f"{_SHARED}/task/evolve.py",
        before="    if isinstance(event, TaskCreated) or task.status is TaskStatus.DELETED:",
        after="    if isinstance(event, TaskCreated):",
        only=(FaultKind.APPEND_LATE, FaultKind.STALE_READS),
    ),
    Bug(
        name="decided-before-caught-up",
        says="a timer decides before it has folded all there was when it took over",
        path=f"{_TIMER}/lane.py",
        before="        if not self._core.is_caught_up and self._at_the_ends():",
        after="        if not self._core.is_caught_up:",
    ),
    Bug(
        name="state-not-restored",
        says="a timer takes over the position of the one before it, and not its states",
        path=f"{_TIMER}/changelog.py",
        before="                elif record.key is not None:",
        after="                elif record.key is None:",
    ),
    Bug(
        name="position-without-states",
        says="the position record moves on, and the folded states are not written with it",
        path=f"{_TIMER}/core.py",
        before="            states.setdefault(task_id, kept)\n        return Decided",
        after="            continue\n        return Decided",
    ),
    Bug(
        name="due-without-state",
        says="TaskDue is written, and that it was written is not",
        path=f"{_TIMER}/core.py",
        before="states[task_id] = self._kept(task_id, fired.state)",
        after=(
            "before = self._index.get(task_id)\n"
            "            kept = self._kept(task_id, fired.state)\n"
            "            states[task_id] = msgspec.structs.replace(kept, value=before)"
        ),
    ),
    Bug(
        name="accepted-before-the-log",
        says="a decision becomes state before the log has taken it, and its failure is passed over",
        path=f"{_TIMER}/lane.py",
        before="        accepted = await self._transactor.commit(records)\n",
        after=(
            "        try:\n"
            "            accepted = await self._transactor.commit(records)\n"
            "        except Exception:\n"
            "            self._transactor = await self._log.transactor(\n"
            "                TRANSACTOR_NAME, self._partition\n"
            "            )\n"
            "            self._core.accepted(decided, self._clock.now())\n"
            "            return\n"
        ),
        only=(FaultKind.COMMIT_UNKNOWN_LOST,),
    ),
    Bug(
        name="producer-rebuilt-under-a-living-core",
        says="after a doubtful commit the timer opens a new transactor, and keeps its core",
        path=f"{_TIMER}/lane.py",
        before="        accepted = await self._transactor.commit(records)\n",
        after=(
            "        try:\n"
            "            accepted = await self._transactor.commit(records)\n"
            "        except Exception:\n"
            "            self._transactor = await self._log.transactor(\n"
            "                TRANSACTOR_NAME, self._partition\n"
            "            )\n"
            "            return\n"
        ),
        only=(FaultKind.COMMIT_UNKNOWN_LANDED,),
    ),
    Bug(
        name="tombstone-at-once",
        says="a deleted task leaves no marker: a late repeat of its creation brings it back",
        path=f"{_TIMER}/machine.py",
        before="        return replace(before, next_at=None, marker_until=at + _MARKER)",
        after="        return replace(before, next_at=None, marker_until=at)",
        only=(FaultKind.APPEND_TWICE, FaultKind.APPEND_LATE),
    ),
    Bug(
        name="never-delivered-again",
        says="a run whose TaskDue was lost is open for ever",
        path=f"{_TIMER}/machine.py",
        before="    if all(run.deadline > now for run in state.open_runs):\n        return state",
        after="    if True:\n        return state",
        story="torn-transaction",
    ),
    Bug(
        name="unreadable-passed-over",
        says="an event of a known task that cannot be read is ignored: it may have been a deletion",
        path=f"{_TIMER}/machine.py",
        before="    return before if before.unreadable else replace(before, unreadable=True)",
        after="    return before",
        only=(FaultKind.POISON,),
    ),
    Bug(
        name="late-runs-not-taken-back",
        says="a change takes back only what left early, not what a sleeping timer sent late",
        path=f"{_TIMER}/machine.py",
        before="run.phase is RunPhase.DISPATCHED and run.due_at > at",
        after="run.ahead and run.phase is RunPhase.DISPATCHED and run.due_at > at",
        story="slept-through",
    ),
    Bug(
        name="no-dedupe-by-run-id",
        says="an executor starts whatever TaskDue comes, also one that it has started",
        path=f"{_EXECUTOR}/core.py",
        before="        if key in self._memory or key in self._running",
        after="        if key in self._running",
        only=(FaultKind.REBALANCE, FaultKind.POSITION_NOT_COMMITTED),
    ),
    Bug(
        name="prefix-ahead-of-the-runs",
        says="an executor commits what it has read, not what has been settled",
        path=f"{_EXECUTOR}/ledger.py",
        before="            self._prefix_due = self.due_position",
        after="            pass\n        self._prefix_due = self.due_position",
        only=(FaultKind.CRASH, FaultKind.REBALANCE),
    ),
    Bug(
        name="starts-without-looking",
        says="an executor starts held runs without having read the latest changes",
        path=f"{_EXECUTOR}/freshness.py",
        before="        return self.as_of >= due_at - _FRESH",
        after="        return True",
        only=(FaultKind.SUSPEND, FaultKind.CRASH),
    ),
    Bug(
        name="changes-do-not-void",
        says="a change before the due time does not take a held run back",
        path=f"{_EXECUTOR}/freshness.py",
        before="        return self.offset >= due.based_on and self.appended_at < due.due_at",
        after="        return self.offset > due.based_on and self.appended_at < due.due_at",
        only=(FaultKind.SUSPEND, FaultKind.CRASH),
    ),
    Bug(
        name="starts-early",
        says="an executor starts what will be due within a moment",
        path=f"{_EXECUTOR}/core.py",
        before="            place = self._order.take(now)",
        after="            place = self._order.take(now + timedelta(milliseconds=20))",
    ),
    Bug(
        name="end-forgotten",
        says="an executor gives up on an end whose append it knows nothing of",
        path=f"{_EXECUTOR}/lane.py",
        before="                else:\n                    left.append(event)",
        after="                else:\n                    self._core.accepted(event, 0)",
        only=(FaultKind.APPEND_UNKNOWN_LOST,),
    ),
    Bug(
        name="positions-before-effects",
        says="the projector says how far it has read before it has written what it read",
        path=f"{_PROJECTOR}/lane.py",
        before="            await self._store.write(project(documents, events, positions))",
        after=(
            "            changes = project(documents, events, positions)\n"
            "            early = msgspec.structs.replace(changes, tasks=(), runs=())\n"
            "            await self._store.write(early)\n"
            "            await self._store.write(changes)"
        ),
    ),
    Bug(
        name="what-came-meanwhile-is-dropped",
        says="the projector drops what came while the runs before it were being written",
        path=f"{_PROJECTOR}/lane.py",
        before="            del self._pending[topic][:count]",
        after="            self._pending[topic].clear()",
    ),
    Bug(
        name="old-documents-overwrite",
        says="a projector that was taken over writes over what its successor has written",
        path=f"{_SHARED}/store/views.py",
        before="    task_is_newer = incoming.task_offset > known.task_offset",
        after="    task_is_newer = True",
        only=(FaultKind.STORE_WRITE_LATE,),
    ),
    Bug(
        name="old-inbox-for-a-new-lane",
        says="a lane that is opened anew is given what was read for the one before it",
        path=f"{_SHARED}/runtime/worker.py",
        before="                driven.inbox, driven.positions = [], {}\n",
        after="",
        only=(FaultKind.COMMIT_UNKNOWN_LOST, FaultKind.FENCE),
    ),
    Bug(
        name="generation-ignored",
        says="a partition that was lost and regained between two polls is taken for never lost",
        path=f"{_SHARED}/runtime/worker.py",
        before="            if assigned.get(partition) != driven.generation:",
        after="            if partition not in assigned:",
        only=(FaultKind.REBALANCE,),
    ),
    Bug(
        name="lost-position-record",
        says="a timer that takes over folds again from an older position than its states have",
        path=f"{_TIMER}/changelog.py",
        before="                    position = record.value",
        after="                    position = mark.position",
        only=(FaultKind.CRASH, FaultKind.TIMER_DISK_LOST),
    ),
    Bug(
        name="index-committed-before-the-log",
        says="the local index holds a decision that the log has not taken",
        path=f"{_TIMER}/lane.py",
        before="        accepted = await self._transactor.commit(records)\n",
        after=(
            "        if self._index.mark is not None:\n"
            "            self._core.accepted(decided, self._clock.now())\n"
            "            self._index.commit(decided.states, self._index.mark)\n"
            "        accepted = await self._transactor.commit(records)\n"
        ),
        only=(FaultKind.COMMIT_UNKNOWN_LOST,),
    ),
    Bug(
        name="stale-index-trusted",
        says="a local index that is older than the tombstones is used: what was deleted comes back",
        path=f"{_TIMER}/restore.py",
        before="    if not -_AHEAD_MAX <= age < _AGE_MAX:",
        after="    if age < -_AHEAD_MAX:",
        story="long-absence",
    ),
    Bug(
        name="taken-back-for-good",
        says="what left early and was taken back by a change counts as having run",
        path=f"{_TIMER}/machine.py",
        before="        progress=first.before,\n",
        after="",
    ),
    Bug(
        name="held-run-kept",
        says="a run that left early is not dropped when its task is changed before it is due",
        path=f"{_EXECUTOR}/core.py",
        before=(
            "                    self._ledger.pass_over(held.offset)\n"
            "                    self._let_go(key)"
        ),
        after="                    self._ledger.pass_over(held.offset)",
    ),
    Bug(
        name="freshness-from-before",
        says="an executor that knew enough once is taken to know enough from then on",
        path=f"{_EXECUTOR}/freshness.py",
        before="        return self.as_of >= due_at - _FRESH",
        after="        return self.as_of > _NEVER",
        story="executor-slept-through",
    ),
)
"""Every planted bug."""
