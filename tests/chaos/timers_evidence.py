"""What the timers' changelog gives back, beside what the events alone say must be in it.

Knows the product's restore and, for the other side, the format of events and the promises; judges
nothing. What a restore gives is told in few words, so that both sides can be written without the
other: what stands of a task, what is open of it, and what wakes it.
"""

import asyncio
import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.stack import Stack
from duetime.events.ids import instant
from duetime.events.positions import POSITION_KEY
from duetime.limits import LOOKAHEAD_SECONDS, MARKER_SECONDS
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.partitioner import partition_of
from duetime.log.port import Stored
from duetime.runtime.clock import SystemClock
from duetime.timer.changelog import Changelog
from duetime.timer.due_index import DueIndex, MemoryDueIndex
from duetime.timer.due_index.rocks import RocksDueIndexes
from duetime.timer.restore import restore, rule_of
from tests.simulation.evidence import Documents
from tests.simulation.history import seconds_of
from tests.simulation.model import Fact, ModelTask
from tests.support.stack import partitions_of

LOOKAHEAD: Final = timedelta(seconds=LOOKAHEAD_SECONDS)
UNSURE_SECONDS: Final = 30.0  # around the end of a marker it may be there or not
_FAR_AHEAD: Final = datetime(2200, 1, 1, tzinfo=UTC)
_WITH_MARKER: Final = "with its marker"

Settled = Mapping[str, Collection[float]]
"""Of each task, when something was appended that may have left it with nothing more to do."""


async def restored(log: KafkaLog) -> dict[int, MemoryDueIndex]:
    """Give what a new owner of each partition restores from the changelog, as the product does."""
    found: dict[int, MemoryDueIndex] = {}
    for partition in range(log.partitions):
        index = found[partition] = MemoryDueIndex()
        await Changelog(
            partition=partition,
            log=log,
            clock=SystemClock(),
            index=index,
            rule=rule_of(LOOKAHEAD),
            restore=partial(restore, index, lookahead=LOOKAHEAD),
            mine=lambda: True,
        ).catch_up(asyncio.Semaphore(1))
    return found


def settled_at(tasks: Mapping[str, ModelTask], run_facts: Sequence[Fact]) -> Settled:
    """Say when each task may have come to have nothing more to do: a change, or a run's end."""
    found = {
        task_id: {_rounded(version.since) for version in task.versions}
        for task_id, task in tasks.items()
    }
    for fact in run_facts:
        closes = fact.kind == "TaskSkipped" or fact.said.get("final", True)
        if fact.kind in {"TaskExecuted", "TaskSkipped"} and closes:
            found.get(fact.said["task_id"], set()).add(_rounded(fact.at))
    return found


def unsure(tasks: Mapping[str, ModelTask], settled: Settled, now: float) -> set[str]:
    """Name the tasks whose marker ends about now, and those that recur, of which a rule tells."""
    return {
        task_id
        for task_id, task in tasks.items()
        if task.last.recurring or abs(_marker_end(task, settled) - now) < UNSURE_SECONDS
    }


def expected_states(
    tasks: Mapping[str, ModelTask], settled: Settled, now: float, *, partitions: int
) -> dict[int, Documents]:
    """Give what must be in the timers' state of tasks at rest, from the events alone."""
    found: dict[int, Documents] = {partition: {} for partition in range(partitions)}
    for task_id, task in sorted(tasks.items()):
        last = task.last
        pending = not last.deleted and last.time > now
        if not pending and _marker_end(task, settled) < now:
            continue
        found[partition_of(task_id.encode(), partitions)][task_id] = {
            "revision": last.revision,
            "description": last.description,
            "time": _rounded(last.time),
            "deleted": last.deleted,
            "open": [],
            "next": _rounded(last.time) if pending else None,
            "wakes": _rounded(last.time - LOOKAHEAD_SECONDS) if pending else _WITH_MARKER,
        }
    return found


def restored_states(
    indexes: Mapping[int, MemoryDueIndex], task_ids: Collection[str], settled: Settled
) -> dict[int, Documents]:
    """Give what was restored of these tasks, in the same words."""
    return {
        partition: {
            task_id: _in_words(msgspec.json.decode(value), wake, settled.get(task_id, ()))
            for task_id, (wake, value) in sorted(index._tasks.items())
            if task_id in task_ids
        }
        for partition, index in indexes.items()
    }


def _in_words(state: Any, wake: int | None, settled: Collection[float]) -> dict[str, Any]:
    task = state["task"]
    wakes: Any = None if wake is None else _rounded(seconds_of(instant(wake)))
    marker = state.get("marker_until")
    if marker is not None and wakes == _moment(marker):
        wakes = _WITH_MARKER if _rounded(wakes - MARKER_SECONDS) in settled else f"marker {wakes}"
    next_at = state.get("next_at")
    deleted = task["status"] == "deleted"
    return {
        "revision": task["revision"],
        "description": task["definition"]["description"],
        "time": _moment(task["definition"]["time"]),
        "deleted": deleted,
        # Nobody hears of a run any more that was out when its task was deleted.
        "open": [] if deleted else sorted(run["run_id"] for run in state.get("open_runs", ())),
        "next": None if next_at is None else _moment(next_at),
        "wakes": wakes,
    }


def take_overs(
    stack: Stack, of_tasks: Sequence[Stored], of_due: Sequence[Stored], *, partitions: int
) -> list[list[tuple[float, int]]]:
    """Give when each partition had a new owner, and the end of `tasks` that it had to fold first.

    Both are told by the timers' lines of their group's rounds. Until its first TaskDue the owner
    before may not have been fenced yet: from then on it counts.
    """
    appended: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for record in of_tasks:
        appended[record.partition].append((record.appended_at, record.offset + 1))
    said: dict[tuple[int, str], list[datetime]] = defaultdict(list)
    for record in of_due:
        source = record.headers.get("ce_source", b"").decode()
        said[record.partition, source.rpartition("/")[2]].append(record.appended_at)
    found: list[list[tuple[float, int]]] = [[] for _ in range(partitions)]
    for name, partition, given_at in _given(stack):
        before = bisect_left(appended[partition], (given_at, 0))
        first = bisect_left(said[partition, name], given_at)
        if before and first < len(said[partition, name]):
            counts_from = seconds_of(said[partition, name][first])
            found[partition].append((counts_from, appended[partition][before - 1][1]))
    return [sorted(each) for each in found]


def _given(stack: Stack) -> Iterator[tuple[str, int, datetime]]:
    """Give each partition that the group gave to a timer that had not had it: who, which, when."""
    for path in sorted(stack.folder.glob("timer-*.log")):
        before: set[int] = set()
        for line in path.read_text(errors="replace").splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue  # a kill tears lines
            if told["event"] == "started" or "thrown out" in told["event"]:
                before = set()
            elif told["event"] == "group round":
                owned = set(told["owned"])
                for partition in sorted(owned - before):
                    yield path.stem, partition, datetime.fromisoformat(told["time"])
                before = owned


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an index holds of a partition: states, and whom time wakes, in order and when first."""

    states: dict[str, bytes]
    order: list[str]
    first: datetime | None


def left_on_disk(
    stack: Stack, changelog: Sequence[Stored]
) -> Iterator[tuple[str, int, Held, Held]]:
    """Give each index of each timer that was stopped, and what it must hold by the changelog.

    Each is compared as of its own mark: what others wrote after it was not for it.
    """
    for timer in stack.of_role("timer"):
        database = RocksDueIndexes.open(Path(timer.environment["DUETIME_TIMER_INDEX_DIR"]))
        try:
            for partition in range(partitions_of(stack)):
                index = database.of(partition)
                mark = index.mark
                own = [each for each in changelog if each.partition == partition]
                folded = [each for each in own if mark is not None and each.offset < mark.offset]
                yield timer.name, partition, _held(index, own), _naive(folded)
        finally:
            database.close()


def _held(index: DueIndex, named_by: Sequence[Stored]) -> Held:
    named = {(record.key or b"").decode(errors="replace") for record in named_by}
    found = {task_id: index.get(task_id) for task_id in sorted(named)}
    return Held(
        states={task_id: state for task_id, state in found.items() if state is not None},
        order=list(index.until(_FAR_AHEAD, tasks_max=len(named) + 1)),
        first=index.first(),
    )


def _naive(records: Sequence[Stored]) -> Held:
    states = naive_changelog(records)
    waking = [(_wakes_at(json.loads(value)), task_id) for task_id, value in states.items()]
    in_order = sorted((at, task_id) for at, task_id in waking if at is not None)
    return Held(
        states=states,
        order=[task_id for _, task_id in in_order],
        first=in_order[0][0] if in_order else None,
    )


def naive_changelog(records: Sequence[Stored]) -> dict[str, bytes]:
    """Give the last readable state of each key, in the plainest way: what a restore must equal."""
    states: dict[str, bytes] = {}
    for record in records:
        if record.key is None or record.key == POSITION_KEY:
            continue
        key = record.key.decode(errors="replace")
        if record.value is None:
            states.pop(key, None)
        elif _is_state(record.value):
            states[key] = record.value
    return states


def _wakes_at(state: Any) -> datetime | None:
    if "marker_until" in state:
        return datetime.fromisoformat(state["marker_until"])
    if state["task"]["status"] != "active":
        return None
    wakes = [datetime.fromisoformat(run["deadline"]) for run in state.get("open_runs", ())]
    if state.get("next_at") is not None:
        wakes.append(datetime.fromisoformat(state["next_at"]) - LOOKAHEAD)
    return min(wakes, default=None)


def _is_state(value: bytes) -> bool:
    try:
        return "task" in json.loads(value)
    except ValueError:
        return False


def _marker_end(task: ModelTask, settled: Settled) -> float:
    since = task.last.since if task.last.deleted else max(settled[task.task_id])
    return since + MARKER_SECONDS


def _moment(text: str) -> float:
    return _rounded(seconds_of(datetime.fromisoformat(text)))


def _rounded(seconds: float) -> float:
    return round(seconds, 3)
