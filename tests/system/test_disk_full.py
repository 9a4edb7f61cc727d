"""A full disk under a real process: what cannot be written is refused, and nothing is half done."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from duetime.events.ids import run_id_for
from tests.support.embedded import EmbeddedProcess
from tests.support.small_disk import SmallDisk, small_disk

DISK_BYTES: Final = 16 * 1024 * 1024
REFUSED: Final = 503
FULL_SECONDS: Final = 8.0  # how long the disk stays full: tasks come due meanwhile
RECOVER_SECONDS_MAX: Final = 10.0  # from room to write to the first write that is accepted
RUN_SECONDS_MAX: Final = 45.0  # and until all that came due meanwhile has run


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", size_bytes=DISK_BYTES) as made:
        yield made


@pytest.mark.promise("P1", "P2", "P5")
@pytest.mark.timeout(180)
def test_a_full_disk_refuses_writes_loudly_and_loses_nothing_when_there_is_room_again(
    tmp_path: Path, disk: SmallDisk
) -> None:
    duetime = EmbeddedProcess(
        disk.path / "data", within=disk.within, printed=tmp_path / "printed.txt"
    )
    with duetime:
        began = datetime.now(UTC)
        tasks = [register(duetime, began + timedelta(seconds=3 + n)) for n in range(12)]
        accepted = [answer.json() for answer in tasks]
        assert {201} == {answer.status_code for answer in tasks}
        disk.fill()
        refused = refuse_for(duetime, FULL_SECONDS, accepted)
        while_full = {
            path: httpx.get(f"{duetime.url}{path}", timeout=5.0).status_code
            for path in ("/livez", "/tasks", "/tasks/logs")
        }
        told = duetime.output()
        disk.empty()
        room_at = datetime.now(UTC)
        accepted.append(accepted_again(duetime))
        runs = wait_for_runs(duetime, [task["id"] for task in accepted if is_due_soon(task)])
        duetime.kill()
        duetime.start()
        known = {task["id"]: task for task in get(duetime, "/tasks")}

    assert len(refused) > 10
    assert {REFUSED} == {answer.status_code for answer in refused}
    assert all("retry-after" in answer.headers for answer in refused)
    assert {200} == set(while_full.values()), "reading goes on"
    assert 1 <= told.count("writes are refused until it can be") <= 3, "not at each refusal"
    assert "the log can be written again" in duetime.output()
    assert {task["id"] for task in accepted} == set(known), "all that was accepted, nothing else"
    for task in accepted:
        if is_due_soon(task):
            assert run_id_for(task["id"], instant(task["time"])) in runs
    for run in runs.values():
        due_at, started_at = instant(run["due_at"]), instant(run["started_at"])
        assert due_at <= started_at <= max(due_at, room_at) + timedelta(seconds=10)


def register(duetime: EmbeddedProcess, due_at: datetime) -> httpx.Response:
    body = {"description": "x" * 900, "time": due_at.isoformat(), "recurring": False}
    return httpx.post(f"{duetime.url}/tasks", json=body, timeout=10.0)


def refuse_for(
    duetime: EmbeddedProcess, seconds: float, accepted: list[dict[str, Any]]
) -> list[httpx.Response]:
    """Write until the time is over; what still found room, as in a file's old part, is accepted."""
    refused: list[httpx.Response] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = register(duetime, datetime.now(UTC) + timedelta(days=1))
        if answer.status_code == httpx.codes.CREATED:
            accepted.append(answer.json())
        else:
            refused.append(answer)
            time.sleep(0.1)
    return refused


def accepted_again(duetime: EmbeddedProcess) -> dict[str, Any]:
    until = time.monotonic() + RECOVER_SECONDS_MAX
    while time.monotonic() < until:
        answer = register(duetime, datetime.now(UTC) + timedelta(days=1))
        if answer.status_code == httpx.codes.CREATED:
            task: dict[str, Any] = answer.json()
            return task
        time.sleep(0.1)
    raise AssertionError(f"still refused:\n{duetime.output()}")


def wait_for_runs(duetime: EmbeddedProcess, task_ids: list[str]) -> dict[str, dict[str, Any]]:
    until = time.monotonic() + RUN_SECONDS_MAX
    runs: dict[str, dict[str, Any]] = {}
    while time.monotonic() < until:
        runs = {run["id"]: run for run in get(duetime, "/runs")}
        if {run["task_id"] for run in runs.values()} >= set(task_ids):
            return runs
        time.sleep(0.1)
    missing = set(task_ids) - {run["task_id"] for run in runs.values()}
    raise AssertionError(f"{missing} have not run:\n{duetime.output()}")


def get(duetime: EmbeddedProcess, path: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{duetime.url}{path}", timeout=5.0)
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()
    return found


def is_due_soon(task: dict[str, Any]) -> bool:
    return instant(task["time"]) < datetime.now(UTC) + timedelta(hours=1)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
