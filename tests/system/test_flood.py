"""More than it can take: a flood of registrations, twice the rate, and what came due meanwhile.

Bounds are the promises': ten seconds, plus what other programs took of the machine.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pytest

from duetime.events.ids import run_id_for
from duetime.limits import (
    BATCHES_AT_ONCE_MAX,
    LATENESS_SECONDS_MAX,
    LOG_QUEUE_BYTES_MAX,
    LOG_RECENT_BYTES_MAX,
    PARTITIONS_EMBEDDED,
)
from duetime.log.partitioner import partition_of
from tests.support.embedded import EmbeddedProcess
from tests.support.machine import machine
from tests.support.stack import stamped

STAMPING: Final = Path(__file__).with_name("stamping.py")
FLOOD_SECONDS: Final = 6.0
FLOODERS: Final = 2 * BATCHES_AT_ONCE_MAX
BATCH_TASKS: Final = 5_000
TASK_BYTES_MAX: Final = 2_048  # what the embedded system holds of a pending task, and to spare
BATCH_BYTES_MAX: Final = 80_000_000  # what `BATCHES_AT_ONCE_MAX` says that each holds
ROOM_BYTES: Final = (
    BATCHES_AT_ONCE_MAX * BATCH_BYTES_MAX
    + LOG_QUEUE_BYTES_MAX
    + 2 * PARTITIONS_EMBEDDED * LOG_RECENT_BYTES_MAX  # of `tasks` and of `schedule`
)
Dues = Mapping[str, float]
"""When each run is due, in epoch seconds, by its id."""


@pytest.mark.promise("P1", "P2")
@pytest.mark.timeout(180)
def test_a_flood_of_registrations_is_refused_in_time_and_makes_nobody_late(tmp_path: Path) -> None:
    stamps = tmp_path / "starts.txt"
    with EmbeddedProcess(tmp_path / "data", actions=(STAMPING,)) as duetime:
        first = datetime.now(UTC) + timedelta(seconds=4)
        dues = register(duetime.url, spread(first, count=200, seconds=FLOOD_SECONDS), stamps)
        with watched_memory(duetime.pid) as sizes:
            answers = flooded(duetime.url)
        starts = awaited(stamps, dues)
        ids = [each["id"] for answer in answers for each in registered(answer)]
        found = [is_known(duetime.url, task_id) for task_id in ids[:: max(1, len(ids) // 50)]]

    refused = [answer for answer in answers if answer.is_error]
    assert {429, 503} >= {answer.status_code for answer in refused}
    assert refused
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert {"application/problem+json"} == {each.headers["content-type"] for each in refused}
    assert ids
    assert all(found), "what was acknowledged is there"
    assert max(sizes) - sizes[0] <= ROOM_BYTES + TASK_BYTES_MAX * len(ids)
    assert_on_time(dues, starts)


@pytest.mark.promise("P2", "P3")
@pytest.mark.timeout(180)
def test_at_twice_the_rate_that_it_sustains_all_start_once_in_time_and_callers_are_answered(
    tmp_path: Path,
) -> None:
    stamps = tmp_path / "starts.txt"
    with EmbeddedProcess(tmp_path / "data", actions=(STAMPING,)) as duetime:
        first = datetime.now(UTC) + timedelta(seconds=8)
        dues = register(duetime.url, spread(first, count=12_000, seconds=3.0), stamps)
        sleep_until(first)
        answered = [
            httpx.post(f"{duetime.url}/tasks", json=body(first + timedelta(days=1)), timeout=20.0)
            for _ in range(10)
        ]
        starts = awaited(stamps, dues)

    assert {201, 429, 503} >= {answer.status_code for answer in answered}
    assert_on_time(dues, starts)
    assert {1} == {len(times) for times in starts.values()}


@pytest.mark.promise("P1", "P2")
@pytest.mark.timeout(120)
def test_what_came_due_while_nothing_ran_is_worked_off_in_due_order(tmp_path: Path) -> None:
    stamps = tmp_path / "starts.txt"
    with EmbeddedProcess(tmp_path / "data", actions=(STAMPING,)) as duetime:
        first = datetime.now(UTC) + timedelta(seconds=6)
        times = spread(first, count=600, seconds=2.0)
        partitions: dict[str, int] = {}
        dues = register(duetime.url, times, stamps, partitions=partitions)
        duetime.stop()
        sleep_until(times[-1])
        duetime.start()
        starts = awaited(stamps, dues)

    begun = {run_id: min(times) for run_id, times in starts.items()}
    for partition in range(PARTITIONS_EMBEDDED):
        mine = [run_id for run_id in dues if partitions[run_id] == partition]
        in_due_order = sorted(mine, key=lambda run_id: (dues[run_id], run_id))
        assert in_due_order == sorted(mine, key=lambda run_id: begun[run_id])


# --- what it is made of -------------------------------------------------------------------------


def spread(first: datetime, *, count: int, seconds: float) -> list[datetime]:
    """Give so many instants, evenly, from one on."""
    return [first + timedelta(seconds=seconds * number / count) for number in range(count)]


def body(at: datetime, action: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give the body of a task."""
    more = {} if action is None else {"action": action}
    return {"description": "a task", "time": at.isoformat(), "recurring": False, **more}


def register(
    url: str,
    times: Sequence[datetime],
    stamps: Path,
    *,
    partitions: dict[str, int] | None = None,
) -> dict[str, float]:
    """Register tasks that stamp their starts in a batch; give when each run is due."""
    args = {"file": str(stamps), "seconds": 0.0}  # on the loop: threads would mix up the order
    action = {"type": "python", "name": "stamp slowly", "args": args}
    dues: dict[str, float] = {}
    for start in range(0, len(times), BATCH_TASKS):
        some = times[start : start + BATCH_TASKS]
        answer = httpx.post(
            f"{url}/tasks/batch", json=[body(at, action) for at in some], timeout=30.0
        )
        assert answer.status_code == httpx.codes.CREATED, answer.text[:500]
        for task, at in zip(answer.json(), some, strict=True):
            run_id = run_id_for(task["id"], at)
            dues[run_id] = at.timestamp()
            if partitions is not None:
                partitions[run_id] = partition_of(task["id"].encode(), PARTITIONS_EMBEDDED)
    return dues


def flooded(url: str) -> list[httpx.Response]:
    """Register tasks of next year from several connections, without a pause; give all answers."""
    at = datetime.now(UTC) + timedelta(days=365)
    text = "[" + ",".join([httpx.Request("POST", url, json=body(at)).read().decode()] * BATCH_TASKS)
    content = f"{text}]".encode()
    until = time.monotonic() + FLOOD_SECONDS

    def post(_: int) -> list[httpx.Response]:
        answers = []
        with httpx.Client(timeout=30.0) as client:
            while time.monotonic() < until:
                headers = {"content-type": "application/json"}
                answers.append(client.post(f"{url}/tasks/batch", content=content, headers=headers))
        return answers

    with ThreadPoolExecutor(FLOODERS) as threads:
        return [answer for answers in threads.map(post, range(FLOODERS)) for answer in answers]


def registered(answer: httpx.Response) -> list[dict[str, Any]]:
    """Give the acknowledged tasks of a batch."""
    return [] if answer.is_error else [each for each in answer.json() if each["status"] == 201]


def is_known(url: str, task_id: str) -> bool:
    """Ask for a task, until the read model has come so far; bounded."""
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        answer = httpx.get(f"{url}/tasks/{task_id}", timeout=10.0)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return answer.status_code == httpx.codes.OK
        time.sleep(0.2)
    return False


@contextmanager
def watched_memory(pid: int) -> Iterator[list[int]]:
    """Give the resident bytes of a process, a few times a second."""
    process, over = psutil.Process(pid), threading.Event()
    sizes = [process.memory_info().rss]

    def look() -> None:
        while not over.wait(0.2):
            sizes.append(process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield sizes
    finally:
        over.set()
        thread.join()


def awaited(stamps: Path, dues: Dues) -> dict[str, list[float]]:
    """Wait, bounded, until every run has started; give the starts of each."""
    clock = machine().clock
    until = clock() + max(dues.values()) - time.time() + 2 * LATENESS_SECONDS_MAX
    starts = stamped(stamps)
    while len(starts) < len(dues) and clock() < until:
        time.sleep(0.2)
        starts = stamped(stamps)
    return {run_id: [at for _, at in each] for run_id, each in starts.items()}


def assert_on_time(dues: Dues, starts: Mapping[str, Sequence[float]]) -> None:
    """Hold every run to P2; what others took of the machine excuses as much."""
    assert set(dues) == set(starts), "every run started, and no other"
    for run_id, due in dues.items():
        start = min(starts[run_id])
        assert due <= start, "never before its time"
        late = start - due
        if late > LATENESS_SECONDS_MAX:
            late -= sum(each.seconds for each in machine().taken(due) if each.at < start)
        assert late <= LATENESS_SECONDS_MAX


def sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
