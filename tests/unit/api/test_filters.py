"""Filters of the list of tasks: by status, text and due time, page by page."""

import httpx
import pytest

from duetime.limits import QUERY_TEXT_CHARS_MAX
from tests.unit.api.harness import Api, executed


async def found(client: httpx.AsyncClient, query: str) -> list[str]:
    """Give the descriptions of all tasks that are found, over all pages."""
    descriptions: list[str] = []
    url: str | None = f"/tasks?{query}"
    while url is not None:
        page = await client.get(url)
        assert 200 == page.status_code, page.text
        descriptions += [task["description"] for task in page.json()]
        url = page.links.get("next", {}).get("url")
    return descriptions


async def garden(api: Api) -> None:
    """Register a few tasks; it is noon."""
    done = await api.create(description="Dig", time="2026-06-01T12:00:00Z")
    await api.record(executed(done))
    await api.create(description="Water the PLANTS", time="2026-06-01T13:00:00Z")
    await api.create(description="Weed & seed 50%", time="2026-06-01T14:00:00Z")
    await api.create(description="Äpfel pflücken", time="2026-06-01T15:00:00Z")


@pytest.mark.parametrize(
    ("query", "descriptions"),
    [
        ("status=finished", ["Dig"]),
        ("status=scheduled", ["Water the PLANTS", "Weed & seed 50%", "Äpfel pflücken"]),
        ("status=finished&status=overdue", ["Dig"]),
        ("status=paused", []),
        ("q=plants", ["Water the PLANTS"]),
        ("q=%C3%A4PFEL", ["Äpfel pflücken"]),
        ("q=50%25", ["Weed & seed 50%"]),
        ("q=%26", ["Weed & seed 50%"]),
        ("q=cat", []),
        ("due_from=2026-06-01T14:00:00Z", ["Weed & seed 50%", "Äpfel pflücken"]),
        ("due_to=2026-06-01T14:00:00Z", ["Water the PLANTS"]),
        ("due_from=2026-06-01T14:00&due_to=2026-06-01T17:00:00%2B02:00", ["Weed & seed 50%"]),
        ("status=scheduled&q=e&due_to=2026-06-01T15:00", ["Water the PLANTS", "Weed & seed 50%"]),
    ],
)
@pytest.mark.parametrize("limit", ["", "&limit=1", "&limit=2"])
async def test_a_list_holds_what_is_asked_for(
    api: Api, query: str, descriptions: list[str], limit: str
) -> None:
    await garden(api)

    assert descriptions == await found(api.client, query + limit)


async def test_a_status_is_judged_as_it_is_now(api: Api) -> None:
    await garden(api)
    api.clock.advance(3_600 + 11)

    assert ["Water the PLANTS"] == await found(api.client, "status=overdue")


async def test_the_next_page_asks_for_the_same(api: Api) -> None:
    await garden(api)
    page = await api.client.get("/tasks?status=scheduled&status=paused&q=e&limit=1")
    url = page.links["next"]["url"]

    assert url.startswith("/tasks?status=scheduled&status=paused&q=e&limit=1&cursor=")


@pytest.mark.parametrize(
    ("query", "parameter", "suggestion"),
    [
        ("status=done", "status", "finished"),
        ("status=Scheduled", "status", "scheduled"),
        ("status=deleted", "status", "scheduled"),
        ("status=", "status", None),
        ("stauts=paused", "stauts", "status"),
        ("q=", "q", None),
        ("q=" + "x" * (QUERY_TEXT_CHARS_MAX + 1), "q", None),
        ("q=a&q=b", "q", None),
        ("due_from=tomorrow", "due_from", None),
        ("due_to=2026-06-01", "due_to", None),
        ("due_to=2026-06-01T12:00:00Z&due_to=2026-06-01T12:00:00Z", "due_to", None),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_named_with_its_rule(
    api: Api, query: str, parameter: str, suggestion: str | None
) -> None:
    response = await api.client.get(f"/tasks?{query}")
    (error,) = response.json()["errors"]

    assert 422 == response.status_code
    assert parameter == error["parameter"]
    assert error["rule"]
    if suggestion is not None:
        assert error["suggestion"]


async def test_a_wrong_status_is_told_all_there_are(api: Api) -> None:
    response = await api.client.get("/tasks?status=done")
    (error,) = response.json()["errors"]

    for status in ("scheduled", "running", "waiting", "paused", "finished", "overdue"):
        assert status in error["rule"]


async def test_other_lists_take_no_filters(api: Api) -> None:
    for path in ("/runs", "/tasks/logs"):
        assert 422 == (await api.client.get(f"{path}?status=finished")).status_code
