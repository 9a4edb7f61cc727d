"""PUT and DELETE: what changes, what stays, what is judged."""

from typing import Any

import pytest

from duetime.events.types import TaskDeleted, TaskUpdated
from tests.unit.api.harness import PLAIN, Api, executed

RICH: dict[str, Any] = {
    "recurring": True,
    "timezone": "Europe/Berlin",
    "action": {"type": "python", "name": "water", "args": {"litres": 2}},
    "timeout_seconds": 7.5,
}
UNNAMED = ("timezone", "action", "timeout_seconds")


async def test_put_replaces_the_plain_fields_and_keeps_what_it_does_not_name(api: Api) -> None:
    task = await api.create(**RICH)
    body = {"description": "Feed the cat", "time": "2026-06-02T08:00:00Z", "recurring": True}
    response = await api.client.put(f"/tasks/{task['id']}", json=body)
    after = response.json()

    assert 200 == response.status_code
    assert '"2"' == response.headers["etag"]
    assert body == {name: after[name] for name in body}
    assert {name: task[name] for name in UNNAMED} == {name: after[name] for name in UNNAMED}
    assert after == (await api.client.get(f"/tasks/{task['id']}")).json()


async def test_put_of_a_task_s_own_answer_changes_nothing_but_the_revision(api: Api) -> None:
    task = await api.create(**RICH)
    after = (await api.client.put(f"/tasks/{task['id']}", json=task)).json()
    changing = {"revision": 2, "updated_at": after["updated_at"]}

    assert {**task, **changing} == after


async def test_recurring_false_drops_the_recurrence_even_if_it_is_carried_back(api: Api) -> None:
    task = await api.create(**RICH)
    body = {**task, "recurring": False}
    after = (await api.client.put(f"/tasks/{task['id']}", json=body)).json()

    assert (False, None) == (after["recurring"], after["recurrence"])


async def test_recurring_true_makes_a_one_time_task_daily(api: Api) -> None:
    task = await api.create()
    body = {**task, "recurring": True}
    after = (await api.client.put(f"/tasks/{task['id']}", json=body)).json()

    assert (True, {"rule": "daily"}) == (after["recurring"], after["recurrence"])


async def test_a_naive_time_in_put_is_read_in_the_zone_that_the_task_has(api: Api) -> None:
    task = await api.create(timezone="Europe/Berlin")
    body = {**PLAIN, "time": "2026-06-02T10:00"}
    after = (await api.client.put(f"/tasks/{task['id']}", json=body)).json()

    assert ("2026-06-02T08:00:00Z", "Europe/Berlin") == (after["time"], after["timezone"])


async def test_a_time_long_past_is_not_judged_where_it_does_not_change(api: Api) -> None:
    task = await api.create()
    api.clock.advance(30 * 24 * 3_600)
    body = {**PLAIN, "description": "Water them well"}
    response = await api.client.put(f"/tasks/{task['id']}", json=body)

    assert 200 == response.status_code


async def test_a_time_long_past_is_refused_where_it_is_new(api: Api) -> None:
    task = await api.create()
    ends = await api.ends()
    body = {**PLAIN, "time": "2026-05-01T00:00:00Z"}
    response = await api.client.put(f"/tasks/{task['id']}", json=body)

    assert 422 == response.status_code
    assert ["time"] == [error["field"] for error in response.json()["errors"]]
    assert ends == await api.ends()


async def test_a_new_time_schedules_a_finished_task_again(api: Api) -> None:
    task = await api.create(time="2026-06-01T12:00:00Z")
    await api.record(executed(task))
    finished = (await api.client.get(f"/tasks/{task['id']}")).json()
    body = {**PLAIN, "time": "2026-06-03T12:00:00Z"}
    after = (await api.client.put(f"/tasks/{task['id']}", json=body)).json()

    assert "finished" == finished["status"]
    assert ("scheduled", "2026-06-03T12:00:00Z") == (after["status"], after["next_due_at"])


async def test_an_action_that_stays_is_not_judged_again(api: Api) -> None:
    task = await api.create(action={"type": "python", "name": "water"})
    other = {"type": "python", "name": "gone"}
    same = await api.client.put(f"/tasks/{task['id']}", json=task)
    changed = await api.client.put(f"/tasks/{task['id']}", json={**task, "action": other})

    assert 200 == same.status_code
    assert 422 == changed.status_code


async def test_put_appends_one_event_with_the_whole_definition(api: Api) -> None:
    task = await api.create(**RICH)
    await api.client.put(f"/tasks/{task['id']}", json=PLAIN)
    event = api.events()[-1].event

    assert isinstance(event, TaskUpdated)
    assert (2, None) == (event.revision, event.expected_revision)
    assert ("Europe/Berlin", 7.5) == (event.definition.timezone, event.definition.timeout_seconds)


async def test_a_deleted_task_is_gone_for_every_read_and_write(api: Api) -> None:
    task = await api.create()
    path = f"/tasks/{task['id']}"
    deleted = await api.client.delete(path)
    afterwards = [
        await api.client.get(path),
        await api.client.get(f"{path}/runs"),
        await api.client.put(path, json=PLAIN),
        await api.client.delete(path),
    ]

    assert (204, b"") == (deleted.status_code, deleted.content)
    assert "content-type" not in deleted.headers
    assert [404] * 4 == [response.status_code for response in afterwards]
    assert [] == (await api.client.get("/tasks")).json()
    assert isinstance(api.events()[-1].event, TaskDeleted)


async def test_the_log_lines_of_a_deleted_task_stay(api: Api) -> None:
    task = await api.create()
    await api.record(executed(task))
    await api.client.delete(f"/tasks/{task['id']}")

    assert 1 == len((await api.client.get("/tasks/logs")).json())


@pytest.mark.parametrize("tag", ['"1"', '"7", "1"', "*"])
async def test_a_change_under_a_condition_that_holds_is_made(api: Api, tag: str) -> None:
    task = await api.create()
    response = await api.client.put(f"/tasks/{task['id']}", json=PLAIN, headers={"if-match": tag})
    event = api.events()[-1].event

    assert (200, '"2"') == (response.status_code, response.headers["etag"])
    assert isinstance(event, TaskUpdated)
    assert 1 == event.expected_revision


@pytest.mark.parametrize("tag", ['"2"', 'W/"1"', '"x"', '""', '"0", "2"'])
async def test_a_change_under_a_condition_that_does_not_hold_changes_nothing(
    api: Api, tag: str
) -> None:
    task = await api.create()
    ends = await api.ends()
    headers = {"if-match": tag}
    put = await api.client.put(f"/tasks/{task['id']}", json=PLAIN, headers=headers)
    delete = await api.client.delete(f"/tasks/{task['id']}", headers=headers)

    assert (412, 412) == (put.status_code, delete.status_code)
    assert "/problems/revision-mismatch" == put.json()["type"]
    assert ends == await api.ends()


async def test_a_condition_that_cannot_be_read_is_refused(api: Api) -> None:
    task = await api.create()
    response = await api.client.put(f"/tasks/{task['id']}", json=PLAIN, headers={"if-match": "1"})

    assert 422 == response.status_code
    assert ["If-Match"] == [error["header"] for error in response.json()["errors"]]
