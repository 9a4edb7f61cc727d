"""The main job through a real process that is killed on the way: nothing accepted is lost."""

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from duetime.events.ids import run_id_for
from tests.support.embedded import EmbeddedProcess

TASKS = 500
SPREAD_SECONDS = 20.0
KILLS = 3
IN_FLIGHT_SECONDS = 1.0  # a run whose end was not durable at a kill began this close before it

STAMPING = Path(__file__).with_name("stamping.py")


@pytest.mark.promise("P1", "P2", "P3")
@pytest.mark.timeout(120)
def test_five_hundred_tasks_survive_three_kills_and_none_is_lost_or_early(tmp_path: Path) -> None:
    stamps = tmp_path / "starts.txt"
    kills: list[float] = []
    with EmbeddedProcess(tmp_path / "data", actions=(STAMPING,)) as duetime:
        began = datetime.now(UTC) + timedelta(seconds=3)
        tasks = register(duetime.url, began, stamps)
        for number in range(KILLS):
            sleep_until(began + timedelta(seconds=SPREAD_SECONDS * (number + 0.5) / KILLS))
            kills.append(time.time())
            duetime.kill()
            duetime.start()
        sleep_until(began + timedelta(seconds=SPREAD_SECONDS))
        runs = wait_for_runs(duetime.url, count=TASKS)
        logs = every(duetime.url, "/tasks/logs")
    starts = read_starts(stamps)

    due_at = {run_id_for(task["id"], instant(task["time"])): task["time"] for task in tasks}
    assert set(due_at) == set(starts), "each acknowledged task's run started, and no other"
    assert set(due_at) == {run["id"] for run in runs}
    assert {run["outcome"] for run in runs} == {"succeeded"}
    for task in tasks:
        assert sum(task["id"] in line for line in logs) == 1
    for run_id, times in starts.items():
        assert instant(due_at[run_id]).timestamp() <= min(times), "never before its time"
        for repeated in sorted(times)[1:]:
            assert_in_flight_at_a_kill(min(times), repeated, kills)


def _take_away(index: Path) -> None:
    shutil.rmtree(index)


def _damage(index: Path) -> None:
    (index / "database" / "CURRENT").write_text("MANIFEST-999999\n", encoding="ascii")


def _put_back_an_old_one(index: Path) -> None:
    shutil.rmtree(index)
    shutil.copytree(index.with_name("old"), index)


@pytest.mark.promise("P1", "P2", "P6")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("lose", [_take_away, _damage, _put_back_an_old_one])
def test_a_due_index_that_is_lost_damaged_or_old_after_a_kill_loses_no_task(
    tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    stamps, index = tmp_path / "starts.txt", tmp_path / "data" / "due"
    with EmbeddedProcess(tmp_path / "data", actions=(STAMPING,)) as duetime:
        first = register(duetime.url, datetime.now(UTC), stamps, spread_seconds=1.0, count=20)
        wait_for_runs(duetime.url, count=20)
        duetime.kill()
        shutil.copytree(index, index.with_name("old"))
        duetime.start()
        began = datetime.now(UTC) + timedelta(seconds=5)
        later = register(duetime.url, began, stamps, spread_seconds=1.0, count=20)
        duetime.kill()
        lose(index)
        duetime.start()
        wait_for_runs(duetime.url, count=40)
    starts = read_starts(stamps)

    due = {run_id_for(task["id"], instant(task["time"])) for task in [*first, *later]}
    assert dict.fromkeys(due, 1) == {run_id: len(each) for run_id, each in starts.items()}


def assert_in_flight_at_a_kill(first: float, repeated: float, kills: Sequence[float]) -> None:
    assert any(
        first - 0.1 <= kill <= repeated and kill - first <= IN_FLIGHT_SECONDS for kill in kills
    ), "a run started twice although no kill came between its start and its end"


def register(
    url: str,
    began: datetime,
    stamps: Path,
    *,
    spread_seconds: float = SPREAD_SECONDS,
    count: int = TASKS,
) -> list[dict[str, Any]]:
    """Register the tasks from several connections; give the acknowledged answers."""

    def post(number: int) -> dict[str, Any]:
        at = began + timedelta(seconds=spread_seconds * number / count)
        answer = client.post(
            "/tasks",
            json={
                "description": f"task {number}",
                "time": at.isoformat(),
                "recurring": False,
                "action": {"type": "python", "name": "stamp", "args": {"file": str(stamps)}},
            },
        )
        assert answer.status_code == httpx.codes.CREATED, answer.text
        body: dict[str, Any] = answer.json()
        return body

    with httpx.Client(base_url=url, timeout=10.0) as client, ThreadPoolExecutor(8) as threads:
        return list(threads.map(post, range(count)))


def wait_for_runs(url: str, *, count: int) -> list[dict[str, Any]]:
    """Wait, bounded, until the read model shows so many runs; give them."""
    until = time.monotonic() + 45.0
    runs = every(url, "/runs")
    while len(runs) < count and time.monotonic() < until:
        time.sleep(0.1)
        runs = every(url, "/runs")
    return runs


def every(url: str, path: str) -> list[Any]:
    """Give a whole list, page by page."""
    items: list[Any] = []
    following: str | None = f"{url}{path}?limit=200"
    while following is not None:
        answer = httpx.get(following, timeout=10.0)
        assert answer.status_code == httpx.codes.OK, answer.text
        items += answer.json()
        link = answer.links.get("next")
        following = None if link is None else str(httpx.URL(url).join(link["url"]))
    return items


def read_starts(stamps: Path) -> dict[str, list[float]]:
    starts: dict[str, list[float]] = defaultdict(list)
    for line in stamps.read_text(encoding="ascii").splitlines():
        run_id, _, nanoseconds = line.split()
        starts[run_id].append(int(nanoseconds) / 1e9)
    return starts


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
