"""Lists: plain arrays, their order, and pages by cursor."""

from datetime import timedelta

import httpx
import pytest

from duetime.events.types import Outcome, SkipCause, TaskSkipped
from duetime.limits import RENDER_ITEMS_PER_SLICE
from tests.unit.api.harness import NOON, Api, executed

HOUR = timedelta(hours=1)


async def _pages(client: httpx.AsyncClient, path: str) -> list[httpx.Response]:
    """Follow the Link headers to the end."""
    pages = [await client.get(path)]
    while "next" in pages[-1].links:
        pages.append(await client.get(pages[-1].links["next"]["url"]))
    return pages


async def test_tasks_stand_by_next_due_and_finished_ones_after_them(api: Api) -> None:
    late = await api.create(description="late", time="2026-06-03T00:00:00Z")
    finished = await api.create(description="finished", time="2026-06-01T12:00:00Z")
    soon = await api.create(description="soon", time="2026-06-02T00:00:00Z")
    await api.record(executed(finished))
    listed = (await api.client.get("/tasks")).json()

    assert [soon["id"], late["id"], finished["id"]] == [task["id"] for task in listed]


async def test_pages_by_limit_give_every_task_once_in_order(api: Api) -> None:
    made = [await api.create(time=f"2026-06-02T00:0{minute}:00Z") for minute in range(7)]
    pages = await _pages(api.client, "/tasks?limit=3")

    assert [3, 3, 1] == [len(page.json()) for page in pages]
    assert [task["id"] for task in made] == [task["id"] for page in pages for task in page.json()]
    assert pages[0].links["next"]["url"].startswith("/tasks?limit=3&cursor=")


async def test_a_list_of_more_than_a_slice_is_one_array(api: Api) -> None:
    made = {(await api.create())["id"] for _ in range(RENDER_ITEMS_PER_SLICE + 1)}
    response = await api.client.get("/tasks?limit=10000")

    assert made == {task["id"] for task in response.json()}
    assert "link" not in response.headers


async def test_an_empty_list_is_an_empty_array(api: Api) -> None:
    for path in ("/tasks", "/tasks/logs", "/runs"):
        response = await api.client.get(path)

        assert (200, []) == (response.status_code, response.json())
        assert "link" not in response.headers


@pytest.mark.parametrize("path", ["/tasks/logs", "/runs", "/tasks/{id}/runs"])
async def test_what_ran_comes_newest_first_in_pages(api: Api, path: str) -> None:
    task = await api.create(recurring=True)
    for number in range(5):
        run_id = f"{number}1111111-1111-8111-8111-111111111111"
        await api.record(executed(task, run_id=run_id, due_at=NOON + number * HOUR))
    pages = await _pages(api.client, path.format(id=task["id"]) + "?limit=2")
    seen = [
        entry if isinstance(entry, str) else entry["due_at"] for p in pages for entry in p.json()
    ]

    assert [2, 2, 1] == [len(page.json()) for page in pages]
    assert sorted(seen, reverse=True) == seen
    assert 5 == len(set(seen))


async def test_a_failed_run_and_a_skipped_stretch_say_why(api: Api) -> None:
    task = await api.create(recurring=True)
    await api.record(executed(task, outcome=Outcome.FAILED, error="ValueError: no\nwater"))
    api.clock.advance(3_600)
    skipped = TaskSkipped(
        task_id=task["id"],
        tenant="default",
        revision=1,
        description=task["description"],
        cause=SkipCause.MISSED,
        by="timer/test",
        first_due_at=NOON,
        last_due_at=NOON + 48 * HOUR,
        count=3,
    )
    await api.record(skipped)
    lines = (await api.client.get("/tasks/logs")).json()
    runs = (await api.client.get("/runs")).json()

    assert 2 == len(lines)
    assert "3 runs skipped (missed) from 2026-06-01T12:00:00.000Z to 2026-06-03T12:0" in lines[0]
    assert "failed: ValueError: no water, 4 ms late, took 1 ms" in lines[1]
    assert ["missed", None] == [run["skipped"] for run in runs]
    assert [None, "failed"] == [run["outcome"] for run in runs]


@pytest.mark.parametrize(
    ("query", "parameter", "reason"),
    [
        ("limit=0", "limit", "is 0"),
        ("limit=10001", "limit", "is 10001"),
        ("limit=-1", "limit", "is not a whole number"),
        ("limit=ten", "limit", "is not a whole number"),
        ("limit=", "limit", "is not a whole number"),
        ("limit=1&limit=2", "limit", "comes twice"),
        ("limt=3", "limt", "is no known parameter; did you mean `limit`?"),
        ("cursor=", "cursor", "is none that this list has given out"),
        ("cursor=x", "cursor", "is none that this list has given out"),
        ("cursor=%00%F0", "cursor", "is none that this list has given out"),
        ("cursor=" + "x" * 1_001, "cursor", "is none that this list has given out"),
    ],
)
@pytest.mark.parametrize("path", ["/tasks", "/tasks/logs", "/runs"])
async def test_a_wrong_parameter_is_named_with_its_rule(
    api: Api, path: str, query: str, parameter: str, reason: str
) -> None:
    response = await api.client.get(f"{path}?{query}")
    (error,) = response.json()["errors"]

    assert 422 == response.status_code
    assert "/problems/invalid-parameters" == response.json()["type"]
    assert (parameter, reason) == (error["parameter"], error["reason"])
    assert error["rule"]


async def test_a_path_without_parameters_takes_none(api: Api) -> None:
    task = await api.create()

    assert 422 == (await api.client.get(f"/tasks/{task['id']}?x=1")).status_code
    assert 422 == (await api.client.delete(f"/tasks/{task['id']}?force")).status_code
