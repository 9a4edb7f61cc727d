"""Idempotency-Key: a repeat registers nothing, and another body under the key is refused."""

import asyncio
from typing import Final

import pytest

from duetime.events.ids import task_id_for_key
from tests.unit.api.harness import PLAIN, Api, executed

KEY: Final = {"idempotency-key": "order-66"}


async def test_the_id_of_a_task_follows_from_its_key(api: Api) -> None:
    response = await api.client.post("/tasks", json=PLAIN, headers=KEY)

    assert task_id_for_key("default", "order-66") == response.json()["id"]
    assert "order-66" == response.headers["idempotency-key"]
    assert "idempotency-replayed" not in response.headers


async def test_a_repeat_is_answered_with_the_stored_task_and_appends_nothing(api: Api) -> None:
    first = await api.client.post("/tasks", json=PLAIN, headers=KEY)
    ends = await api.ends()
    again = await api.client.post("/tasks", json=PLAIN, headers=KEY)

    assert (201, "true") == (again.status_code, again.headers["idempotency-replayed"])
    assert first.json() == again.json()
    assert ends == await api.ends()


async def test_a_repeat_with_other_white_space_and_order_is_the_same_request(api: Api) -> None:
    await api.client.post("/tasks", json=PLAIN, headers=KEY)
    text = b'{"recurring":false,\n"time" : "2026-06-01T13:00:00Z","description":"Water the plants"}'
    again = await api.client.post(
        "/tasks", content=text, headers={**KEY, "content-type": "application/json"}
    )

    assert "true" == again.headers["idempotency-replayed"]


async def test_another_body_under_a_known_key_is_refused(api: Api) -> None:
    first = await api.client.post("/tasks", json=PLAIN, headers=KEY)
    ends = await api.ends()
    other = await api.client.post("/tasks", json={**PLAIN, "recurring": True}, headers=KEY)

    assert 422 == other.status_code
    assert "/problems/idempotency-key-reused" == other.json()["type"]
    assert first.json()["id"] == other.json()["task_id"]
    assert ends == await api.ends()


async def test_a_repeat_is_answered_also_when_the_task_has_run_and_its_time_is_past(
    api: Api,
) -> None:
    task = (await api.client.post("/tasks", json=PLAIN, headers=KEY)).json()
    await api.record(executed(task))
    api.clock.advance(24 * 3_600)
    again = await api.client.post("/tasks", json=PLAIN, headers=KEY)

    assert 201 == again.status_code
    assert "succeeded" == again.json()["last_run"]["outcome"]


async def test_a_repeat_after_a_delete_brings_nothing_back(api: Api) -> None:
    task = (await api.client.post("/tasks", json=PLAIN, headers=KEY)).json()
    await api.client.delete(f"/tasks/{task['id']}")
    ends = await api.ends()
    again = await api.client.post("/tasks", json=PLAIN, headers=KEY)

    assert (201, "deleted") == (again.status_code, again.json()["status"])
    assert ends == await api.ends()
    assert [] == (await api.client.get("/tasks")).json()


async def test_two_requests_at_once_under_one_key_register_one_task(api: Api) -> None:
    api.pump.hold()
    both = asyncio.gather(
        api.client.post("/tasks", json=PLAIN, headers=KEY),
        api.client.post("/tasks", json=PLAIN, headers=KEY),
    )
    await api.log.until_appended(2)
    api.pump.release()
    responses = await both

    assert [201, 201] == [response.status_code for response in responses]
    assert responses[0].json() == responses[1].json()
    assert 1 == sum("idempotency-replayed" in response.headers for response in responses)
    assert 1 == len((await api.client.get("/tasks")).json())


async def test_of_two_bodies_at_once_under_one_key_the_later_is_refused(api: Api) -> None:
    api.pump.hold()
    both = asyncio.gather(
        api.client.post("/tasks", json=PLAIN, headers=KEY),
        api.client.post("/tasks", json={**PLAIN, "recurring": True}, headers=KEY),
    )
    await api.log.until_appended(2)
    api.pump.release()
    responses = await both

    assert [201, 422] == sorted(response.status_code for response in responses)
    assert 1 == len((await api.client.get("/tasks")).json())


async def test_without_a_key_one_is_made_up_with_which_a_repeat_is_safe(api: Api) -> None:
    first = await api.client.post("/tasks", json=PLAIN)
    key = {"idempotency-key": first.headers["idempotency-key"]}
    again = await api.client.post("/tasks", json=PLAIN, headers=key)
    other = await api.client.post("/tasks", json=PLAIN)

    assert first.json() == again.json()
    assert "true" == again.headers["idempotency-replayed"]
    assert first.json()["id"] != other.json()["id"]


@pytest.mark.parametrize("key", ["", "two words", "tab\there", "x" * 256, "caf\xe9"])
async def test_a_key_that_is_no_visible_ascii_is_refused(api: Api, key: str) -> None:
    headers = {b"idempotency-key": key.encode("latin-1")}
    response = await api.client.post("/tasks", json=PLAIN, headers=headers)

    assert 422 == response.status_code
    assert ["Idempotency-Key"] == [error["header"] for error in response.json()["errors"]]
    assert [0, 0] == await api.ends()


async def test_a_key_of_the_greatest_length_is_taken(api: Api) -> None:
    headers = {"idempotency-key": "~" * 255}

    assert 201 == (await api.client.post("/tasks", json=PLAIN, headers=headers)).status_code


async def test_two_keys_at_once_are_refused(api: Api) -> None:
    headers = [("idempotency-key", "a"), ("idempotency-key", "b")]

    assert 422 == (await api.client.post("/tasks", json=PLAIN, headers=headers)).status_code
