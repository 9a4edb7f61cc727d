"""Conditional reads and changes: tags, editors at once, patches, refusals that change nothing.

On virtual time where the order of appends is arranged.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from duetime.events.types import TaskUpdated
from duetime.limits import PATCH_MERGES_MAX, RECENT_EVENT_IDS_MAX
from duetime.task.evolve import Verdict, evolve
from duetime.task.state import Task
from tests.support.virtual_loop import run_virtual
from tests.unit.api.harness import PLAIN, Api, executed, serving

RICH = {
    "timezone": "Europe/Berlin",
    "timeout_seconds": 7.5,
    "action": {"type": "python", "name": "water", "args": {"litres": 2, "where": {"bed": 3}}},
}


def on_virtual_time(check: Callable[[Api], Awaitable[None]]) -> None:
    """Serve the api on virtual time and check it."""

    async def whole() -> None:
        async with serving() as api:
            await check(api)

    run_virtual(whole())


def described(text: str) -> dict[str, Any]:
    """Give the plain body with another description."""
    return {**PLAIN, "description": text}


# --- reads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
async def test_a_read_of_what_the_caller_has_is_a_304(api: Api, form: str) -> None:
    path = f"/tasks/{(await api.create())['id']}"
    first = await api.client.get(path)
    tag = first.headers["etag"]
    again = await api.client.get(path, headers={"if-none-match": form.format(tag)})

    assert (304, b"", tag) == (again.status_code, again.content, again.headers["etag"])


async def test_a_run_makes_the_answer_new_though_the_revision_stays(api: Api) -> None:
    task = await api.create(time="2026-06-01T12:00:00Z")
    path = f"/tasks/{task['id']}"
    tag = (await api.client.get(path)).headers["etag"]
    await api.record(executed(task))
    again = await api.client.get(path, headers={"if-none-match": tag})

    assert (200, "finished", 1) == (
        again.status_code,
        again.json()["status"],
        again.json()["revision"],
    )


async def test_a_tag_that_a_read_gave_conditions_a_change_by_its_revision(api: Api) -> None:
    task = await api.create(time="2026-06-01T12:00:00Z")
    path = f"/tasks/{task['id']}"
    tag = (await api.client.get(path)).headers["etag"]
    await api.record(executed(task))
    first = await api.client.put(path, json=task, headers={"if-match": tag})
    second = await api.client.put(path, json=task, headers={"if-match": tag})

    assert [200, 412] == [first.status_code, second.status_code]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("tag", ["*", '"1"', 'W/"1"', '"7", "1"'])
async def test_a_change_unless_it_is_at_this_revision_is_refused_at_it(
    api: Api, method: str, tag: str
) -> None:
    task = await api.create()
    ends = await api.ends()
    body = None if method == "DELETE" else PLAIN
    refused = await api.client.request(
        method, f"/tasks/{task['id']}", json=body, headers={"if-none-match": tag}
    )

    assert 412 == refused.status_code
    assert ends == await api.ends()


async def test_a_change_unless_it_is_at_another_revision_is_made(api: Api) -> None:
    task = await api.create()
    response = await api.client.put(
        f"/tasks/{task['id']}", json=PLAIN, headers={"if-none-match": '"2"'}
    )

    assert (200, '"2"') == (response.status_code, response.headers["etag"])


# --- concurrent editors --------------------------------------------------------------------------


async def all_at_once(api: Api, requests: list[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    """Send them so that all have decided before any has appended."""
    api.log.free.clear()
    together = asyncio.gather(*requests)
    await api.log.until_waiting(len(requests))
    api.log.free.set()
    return await together


@pytest.mark.promise("P1")
@pytest.mark.parametrize("count", [2, 20])
def test_of_many_conditional_puts_at_one_revision_one_wins(count: int) -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        path = f"/tasks/{task['id']}"
        headers = {"if-match": '"1"'}
        responses = await all_at_once(
            api,
            [
                api.client.put(path, json=described(f"by {number}"), headers=headers)
                for number in range(count)
            ],
        )
        (won,) = [response for response in responses if response.status_code == 200]
        after = (await api.client.get(path)).json()

        assert [412] * (count - 1) == sorted(r.status_code for r in responses if r is not won)
        assert (2, after) == (after["revision"], won.json())

    on_virtual_time(check)


def test_a_refused_event_changes_nothing_for_whoever_folds_it() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        path = f"/tasks/{task['id']}"
        headers = {"if-match": '"1"'}
        await all_at_once(
            api,
            [
                api.client.put(path, json=described("a"), headers=headers),
                api.client.delete(path, headers=headers),
                api.client.put(path, json=described("b"), headers=headers),
            ],
        )
        before: Task | None = None
        verdicts = []
        for envelope in api.events():
            after, verdict = evolve(before, envelope)
            verdicts.append(verdict)
            assert (verdict is Verdict.APPLIED) or after is before
            before = after
        document = await api.store.task(task["id"])

        expected = [Verdict.APPLIED, Verdict.APPLIED, Verdict.REFUSED, Verdict.REFUSED]
        assert document is not None
        assert expected[:2] == verdicts[:2]
        assert set(expected[2:]) <= set(verdicts[2:]) <= {Verdict.REFUSED, Verdict.IGNORED}
        assert document.task is not None
        assert before is not None
        assert (before.definition, before.status, before.revision) == (
            document.task.definition,
            document.task.status,
            document.task.revision,
        )

    on_virtual_time(check)


def test_a_change_that_many_others_follow_at_once_is_not_taken_for_refused() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        path = f"/tasks/{task['id']}"
        api.pump.hold()
        conditional = asyncio.create_task(
            api.client.put(path, json=described("mine"), headers={"if-match": '"1"'})
        )
        await api.log.until_appended(2)
        for number in range(RECENT_EVENT_IDS_MAX + 2):
            await api.client.put(
                path, json=described(f"later {number}"), headers={"prefer": "respond-async"}
            )
        api.pump.release()
        response = await conditional
        after = (await api.client.get(path)).json()

        assert 200 == response.status_code
        assert ("mine", 2) == (response.json()["description"], response.json()["revision"])
        assert RECENT_EVENT_IDS_MAX + 4 == after["revision"]

    on_virtual_time(check)


def test_a_conditional_change_that_lands_after_a_delete_is_a_404() -> None:
    async def check(api: Api) -> None:
        path = f"/tasks/{(await api.create())['id']}"
        api.pump.hold()
        put = asyncio.create_task(api.client.put(path, json=PLAIN, headers={"if-match": '"1"'}))
        api.log.free.clear()
        await api.log.until_waiting(1)
        delete = asyncio.create_task(api.client.delete(path, headers={"prefer": "respond-async"}))
        await api.log.until_waiting(2)
        api.log.reverse_waiting()
        api.log.free.set()
        api.pump.release()

        assert [404, 204] == [(await put).status_code, (await delete).status_code]

    on_virtual_time(check)


# --- patches -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        ({"description": "x"}, {"description": "x"}),
        ({"time": "2026-06-02T09:00"}, {"time": "2026-06-02T07:00:00Z"}),
        ({"timezone": None}, {"timezone": "UTC"}),
        ({"timeout_seconds": None}, {"timeout_seconds": 30.0}),
        ({"action": None}, {"action": {"type": "log"}}),
        (
            {"action": {"args": {"litres": None, "where": {"pot": 1}}}},
            {"action": {**RICH["action"], "args": {"where": {"bed": 3, "pot": 1}}}},  # type: ignore[dict-item]  # a table of JSON
        ),
        ({"recurring": True}, {"recurring": True, "recurrence": {"rule": "daily"}}),
        ({"recurrence": {"rule": "daily"}}, {"recurring": True, "recurrence": {"rule": "daily"}}),
        ({"status": "finished", "revision": 99, "id": "x"}, {}),
    ],
)
@pytest.mark.parametrize("kind", ["application/merge-patch+json", "application/json"])
async def test_a_patch_changes_what_it_names_and_nothing_else(
    api: Api, patch: dict[str, Any], changed: dict[str, Any], kind: str
) -> None:
    task = await api.create(**RICH)
    response = await api.client.patch(
        f"/tasks/{task['id']}", json=patch, headers={"content-type": kind}
    )
    after = response.json()
    moving = {"revision", "updated_at", "next_due_at"}

    assert 200 == response.status_code, response.text
    assert {**task, **changed, **{name: after[name] for name in moving}} == after
    assert (2, '"2"') == (after["revision"], response.headers["etag"])


@pytest.mark.parametrize("patch", [{"recurring": False}, {"recurrence": None}])
async def test_a_patch_can_end_a_recurrence(api: Api, patch: dict[str, Any]) -> None:
    task = await api.create(recurring=True)
    after = (await api.client.patch(f"/tasks/{task['id']}", json=patch)).json()

    assert (False, None) == (after["recurring"], after["recurrence"])


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"description": None}, "description"),
        ({"description": ""}, "description"),
        ({"time": "2020-01-01T00:00:00Z"}, "time"),
        ({"recurring": "no"}, "recurring"),
        ({"recurring": None}, "recurring"),
        ({"timezone": "Berlin"}, "timezone"),
        ({"action": {"type": "http"}}, "action.type"),
        ({"action": {"name": "nobody"}}, "action.name"),
        ({"descripton": "x"}, "descripton"),
        ([], "body"),
        ("x", "body"),
    ],
)
async def test_a_patch_that_breaks_a_rule_names_it_and_changes_nothing(
    api: Api, patch: Any, field: str
) -> None:
    task = await api.create(**RICH)
    ends = await api.ends()
    response = await api.client.patch(f"/tasks/{task['id']}", json=patch)

    assert 422 == response.status_code
    assert [field] == [error["field"] for error in response.json()["errors"]]
    assert ends == await api.ends()


async def test_a_time_that_a_patch_does_not_name_may_lie_back(api: Api) -> None:
    task = await api.create(time="2026-06-01T12:00:00Z")
    api.clock.advance(3_600)
    response = await api.client.patch(f"/tasks/{task['id']}", json={"description": "x"})

    assert (200, task["time"]) == (response.status_code, response.json()["time"])


async def test_a_patch_of_nobody_is_a_404(api: Api) -> None:
    task = await api.create()
    await api.client.delete(f"/tasks/{task['id']}")

    for path in (
        f"/tasks/{task['id']}",
        "/tasks/nobody",
        f"/tasks/{'0' * 8}-0000-0000-0000-{'0' * 12}",
    ):
        assert 404 == (await api.client.patch(path, json={})).status_code


async def test_a_patch_expects_the_revision_it_was_merged_on(api: Api) -> None:
    task = await api.create()
    await api.client.patch(f"/tasks/{task['id']}", json={"description": "x"})
    event = api.events()[-1].event

    assert isinstance(event, TaskUpdated)
    assert 1 == event.expected_revision


@pytest.mark.parametrize("headers", [{}, {"prefer": "respond-async"}])
def test_patches_of_different_fields_at_once_are_both_made(headers: dict[str, str]) -> None:
    async def check(api: Api) -> None:
        path = f"/tasks/{(await api.create())['id']}"
        responses = await all_at_once(
            api,
            [
                api.client.patch(path, json=patch, headers=headers)
                for patch in (
                    {"description": "patched"},
                    {"timeout_seconds": 5.0},
                    {"timezone": "Europe/Berlin"},
                )
            ],
        )
        await asyncio.sleep(0.1)
        after = (await api.client.get(path)).json()

        assert [200] * 3 == [response.status_code for response in responses]
        assert ("patched", 5.0, "Europe/Berlin", 4) == (
            after["description"],
            after["timeout_seconds"],
            after["timezone"],
            after["revision"],
        )

    on_virtual_time(check)


def test_a_patch_under_a_condition_is_not_merged_again() -> None:
    async def check(api: Api) -> None:
        path = f"/tasks/{(await api.create())['id']}"
        responses = await all_at_once(
            api,
            [
                api.client.patch(path, json={"description": name}, headers={"if-match": '"1"'})
                for name in "ab"
            ],
        )

        assert [200, 412] == sorted(response.status_code for response in responses)

    on_virtual_time(check)


def test_a_patch_that_others_are_always_faster_than_is_a_409() -> None:
    async def check(api: Api) -> None:
        path = f"/tasks/{(await api.create())['id']}"
        api.log.free.clear()
        patch = asyncio.create_task(api.client.patch(path, json={"description": "mine"}))
        for number in range(PATCH_MERGES_MAX):
            await api.log.until_waiting(1)
            put = asyncio.create_task(api.client.put(path, json=described(f"theirs {number}")))
            await api.log.until_waiting(2)
            api.log.reverse_waiting()
            await api.log.let_go(2)
            await put
        response = await patch
        api.log.free.set()
        after = (await api.client.get(path)).json()

        assert (409, "/problems/edit-conflict") == (response.status_code, response.json()["type"])
        assert ("theirs 3", 5) == (after["description"], after["revision"])

    on_virtual_time(check)


# --- what the event says of its request ----------------------------------------------------------


async def test_the_caller_s_trace_travels_with_the_event(api: Api) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"traceparent": trace}
    created = await api.client.post("/tasks", json=PLAIN, headers=headers)
    path = created.headers["location"]
    await api.client.put(path, json=PLAIN, headers=headers)
    await api.client.patch(path, json={}, headers={"traceparent": "nonsense"})
    await api.client.delete(path, headers=headers)

    assert [trace, trace, None, trace] == [envelope.traceparent for envelope in api.events()]
