"""What the api answers when the log or the read models are slow, away or in doubt.

On virtual time: the waits are the real ones, and cost nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Final

import pytest

from duetime.events.ids import task_id_for_key
from duetime.log.port import Accepted, Refused, Unknown
from tests.support.virtual_loop import run_virtual
from tests.unit.api.harness import NOON, PLAIN, Api, serving

KEY: Final = {"idempotency-key": "order-66"}
ASYNC: Final = {"prefer": "respond-async"}


def on_virtual_time(check: Callable[[Api], Awaitable[None]]) -> None:
    """Serve the api on virtual time and check it."""

    async def whole() -> None:
        async with serving() as api:
            await check(api)

    run_virtual(whole())


def test_a_write_that_is_not_seen_in_time_is_answered_from_its_own_event() -> None:
    async def check(api: Api) -> None:
        api.pump.hold()
        began = asyncio.get_running_loop().time()
        response = await api.client.post("/tasks", json=PLAIN)
        waited_seconds = asyncio.get_running_loop().time() - began
        api.pump.release()
        task = response.json()

        assert (201, "false") == (response.status_code, response.headers["duetime-visible"])
        assert pytest.approx(1.0) == waited_seconds
        assert task == (await api.client.get(f"/tasks/{task['id']}")).json()

    on_virtual_time(check)


def test_put_and_delete_that_are_not_seen_in_time_are_answered_as_usual() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        api.pump.hold()
        body = {**PLAIN, "description": "Feed the cat"}
        put = await api.client.put(f"/tasks/{task['id']}", json=body)
        delete = await api.client.delete(f"/tasks/{task['id']}")

        assert (200, "false") == (put.status_code, put.headers["duetime-visible"])
        assert ("Feed the cat", 2) == (put.json()["description"], put.json()["revision"])
        assert (204, "false") == (delete.status_code, delete.headers["duetime-visible"])

    on_virtual_time(check)


def test_nobody_waits_while_the_read_models_lag_by_more_than_a_wait() -> None:
    async def check(api: Api) -> None:
        loop = asyncio.get_running_loop()
        api.pump.hold()
        responses = [await api.client.post("/tasks", json=PLAIN, headers=KEY)]
        began = loop.time()
        responses.append(await api.client.post("/tasks", json=PLAIN, headers=KEY))
        waited_seconds = loop.time() - began
        api.pump.release()
        responses.append(await api.client.post("/tasks", json=PLAIN, headers=KEY))

        assert 0.0 == waited_seconds
        assert ["false", "false"] == [r.headers["duetime-visible"] for r in responses[:2]]

        later = await api.client.post("/tasks", json=PLAIN)

        assert "duetime-visible" not in later.headers

    on_virtual_time(check)


def test_respond_async_skips_the_wait() -> None:
    async def check(api: Api) -> None:
        api.pump.hold()
        began = asyncio.get_running_loop().time()
        response = await api.client.post("/tasks", json=PLAIN, headers=ASYNC)

        assert 0.0 == asyncio.get_running_loop().time() - began
        assert 201 == response.status_code
        assert "false" == response.headers["duetime-visible"]
        assert "respond-async" == response.headers["preference-applied"]

    on_virtual_time(check)


def test_an_unknown_id_is_no_404_before_the_read_models_are_current() -> None:
    async def check(api: Api) -> None:
        api.pump.hold()
        created = await api.client.post("/tasks", json=PLAIN, headers=ASYNC)
        path = created.headers["location"]
        behind = [
            await api.client.get(path),
            await api.client.put(path, json=PLAIN),
            await api.client.delete(path),
            await api.client.get(f"{path}/runs"),
        ]
        api.pump.release()

        assert [503] * 4 == [response.status_code for response in behind]
        assert {"/problems/not-visible-yet"} == {response.json()["type"] for response in behind}
        assert {"1"} == {response.headers["retry-after"] for response in behind}
        assert 200 == (await api.client.get(path)).status_code

    on_virtual_time(check)


def test_a_read_waits_for_a_task_that_is_on_its_way() -> None:
    async def check(api: Api) -> None:
        api.pump.hold()
        created = await api.client.post("/tasks", json=PLAIN, headers=ASYNC)
        asyncio.get_running_loop().call_later(0.5, api.pump.release)

        assert 200 == (await api.client.get(created.headers["location"])).status_code

    on_virtual_time(check)


def test_a_refused_append_is_a_503_that_changed_nothing() -> None:
    async def check(api: Api) -> None:
        api.log.next_outcomes = [Refused("the disk is full")]
        response = await api.client.post("/tasks", json=PLAIN)

        assert 503 == response.status_code
        assert "/problems/log-unavailable" == response.json()["type"]
        assert "the disk is full" in response.json()["detail"]
        assert "1" == response.headers["retry-after"]

    on_virtual_time(check)


@pytest.mark.parametrize("headers", [{}, KEY])
def test_an_unknown_outcome_names_the_task_and_the_key_to_repeat_with(
    headers: dict[str, str],
) -> None:
    async def check(api: Api) -> None:
        api.log.next_outcomes = [Unknown("no reply")]
        response = await api.client.post("/tasks", json=PLAIN, headers=headers)
        problem = response.json()
        key = {"idempotency-key": problem["idempotency_key"]}
        again = await api.client.post("/tasks", json=PLAIN, headers=key)

        assert 503 == response.status_code
        assert "/problems/outcome-unknown" == problem["type"]
        assert task_id_for_key("default", problem["idempotency_key"]) == problem["task_id"]
        assert problem["idempotency_key"] == response.headers["idempotency-key"]
        assert (201, problem["task_id"]) == (again.status_code, again.json()["id"])

    on_virtual_time(check)


def test_an_unknown_outcome_of_a_change_names_the_task() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        api.log.next_outcomes = [Unknown("no reply"), Unknown("no reply")]
        put = await api.client.put(f"/tasks/{task['id']}", json=PLAIN)
        delete = await api.client.delete(f"/tasks/{task['id']}")

        assert [503, 503] == [put.status_code, delete.status_code]
        assert {task["id"]} == {put.json()["task_id"], delete.json()["task_id"]}
        assert "idempotency_key" not in put.json()

    on_virtual_time(check)


def test_an_event_that_every_reader_passes_over_is_not_acknowledged() -> None:
    async def check(api: Api) -> None:
        # The log says that it took the event more than a minute after it was made.
        api.log.next_outcomes = [Accepted(0, NOON + timedelta(seconds=61))]
        response = await api.client.post("/tasks", json=PLAIN, headers=ASYNC)

        assert 503 == response.status_code
        assert "/problems/log-unavailable" == response.json()["type"]

    on_virtual_time(check)


def test_read_models_that_are_away_are_a_503() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        api.store.away = True
        response = await api.client.get(f"/tasks/{task['id']}")

        assert 503 == response.status_code
        assert "/problems/read-models-unavailable" == response.json()["type"]
        assert "1" == response.headers["retry-after"]

    on_virtual_time(check)


def test_of_two_conditional_changes_at_once_one_is_refused() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        path, headers = f"/tasks/{task['id']}", {"if-match": '"1"'}
        api.log.free.clear()
        both = asyncio.gather(
            api.client.put(path, json={**PLAIN, "description": "a"}, headers=headers),
            api.client.put(path, json={**PLAIN, "description": "b"}, headers=headers),
        )
        await api.log.until_waiting(2)
        api.log.free.set()
        responses = await both
        after = (await api.client.get(path)).json()

        assert [200, 412] == sorted(response.status_code for response in responses)
        assert 2 == after["revision"]
        assert [after] == [r.json() for r in responses if r.status_code == 200]

    on_virtual_time(check)


def test_a_conditional_change_is_decided_by_the_log_where_the_read_models_are_behind() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        path, headers = f"/tasks/{task['id']}", {"if-match": '"1"', **ASYNC}
        api.log.free.clear()
        both = asyncio.gather(
            *(api.client.put(path, json=PLAIN, headers=headers) for _ in range(2))
        )
        await api.log.until_waiting(2)
        api.pump.hold()
        api.log.free.set()
        responses = await both
        made = next(response for response in responses if response.status_code == 200)

        assert [200, 412] == sorted(response.status_code for response in responses)
        assert ("false", '"2"') == (made.headers["duetime-visible"], made.headers["etag"])

    on_virtual_time(check)


def test_a_conditional_change_that_nobody_can_judge_yet_is_a_202() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        path, headers = f"/tasks/{task['id']}", {"if-match": '"1"', **ASYNC}
        api.log.readable = False
        put = await api.client.put(path, json=PLAIN, headers=headers)

        assert (202, path) == (put.status_code, put.headers["location"])
        assert "false" == put.headers["duetime-visible"]

    on_virtual_time(check)


def test_a_put_that_lands_after_a_delete_is_a_404() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        path = f"/tasks/{task['id']}"
        api.pump.hold()
        both = asyncio.gather(api.client.delete(path), api.client.put(path, json=PLAIN))
        await api.log.until_appended(3)
        api.pump.release()
        delete, put = await both

        assert [204, 404] == [delete.status_code, put.status_code]

    on_virtual_time(check)


def test_a_body_that_stops_coming_is_given_up() -> None:
    async def check(api: Api) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(3_600)
            yield b"}"

        headers = {"content-type": "application/json"}
        response = await api.client.post("/tasks", content=parts(), headers=headers)

        assert 408 == response.status_code
        assert "/problems/request-incomplete" == response.json()["type"]

    on_virtual_time(check)
