"""POST /tasks/batch: every task by itself, all of them in one append."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from duetime.events.ids import task_id_for_key
from duetime.limits import (
    BATCH_BODY_BYTES_MAX,
    BATCH_SLICE_TASKS,
    BATCH_TASKS_MAX,
    BATCHES_AT_ONCE_MAX,
    BODY_BYTES_MAX,
)
from duetime.log.port import Refused, Unknown
from tests.unit.api.harness import PLAIN, Api

JSON = {"content-type": "application/json"}


async def batch(api: Api, tasks: Any) -> httpx.Response:
    """Send a batch, as bytes or as values."""
    content = tasks if isinstance(tasks, bytes) else orjson.dumps(tasks)
    return await api.client.post("/tasks/batch", content=content, headers=JSON)


def task(number: int, **fields: Any) -> dict[str, Any]:
    """Give the plain task with a number."""
    return {**PLAIN, "description": f"task {number}", **fields}


async def settled(api: Api) -> dict[str, Any]:
    """Give all tasks by id, once the read models show what was acknowledged."""
    await api.create(description="the last one")
    tasks = {entry["id"]: entry for entry in (await api.client.get("/tasks?limit=10000")).json()}
    return {key: value for key, value in tasks.items() if value["description"] != "the last one"}


async def test_all_tasks_of_a_batch_are_registered_in_one_append(api: Api) -> None:
    response = await batch(api, [task(number) for number in range(3)])
    entries = response.json()
    appends = api.log.append_count
    tasks = await settled(api)

    assert (201, "false") == (response.status_code, response.headers["duetime-visible"])
    assert [201] * 3 == [entry["status"] for entry in entries]
    assert 1 == appends
    assert ["task 0", "task 1", "task 2"] == [tasks[e["id"]]["description"] for e in entries]
    assert all(task_id_for_key("default", e["idempotency_key"]) == e["id"] for e in entries)


async def test_what_is_wrong_with_one_task_keeps_no_other_from_being_registered(api: Api) -> None:
    response = await batch(
        api,
        [
            task(0),
            task(1, time="2020-01-01T00:00:00Z"),
            task(2, descripton="x"),
            "no object",
            task(4, action={"type": "python", "name": "nobody"}),
            task(5, idempotency_key="with space"),
            task(6, idempotency_key=7),
            task(7),
        ],
    )
    entries = response.json()
    fields = [
        [error["field"] for error in entry["problem"]["errors"]]
        for entry in entries
        if entry["status"] == 422
    ]

    assert 200 == response.status_code
    assert [201, *[422] * 6, 201] == [entry["status"] for entry in entries]
    assert [
        ["time"],
        ["descripton"],
        ["body"],
        ["action.name"],
        ["idempotency_key"],
        ["idempotency_key"],
    ] == fields
    assert 2 == len(await settled(api))


@pytest.mark.promise("P1")
async def test_a_repeated_batch_registers_nothing_twice(api: Api) -> None:
    body = [task(number, idempotency_key=f"order-{number}") for number in range(3)]
    first = await batch(api, body)
    before = await settled(api)
    ends = await api.ends()
    second = await batch(api, body)

    assert [False] * 3 == [entry["replayed"] for entry in first.json()]
    assert [True] * 3 == [entry["replayed"] for entry in second.json()]
    assert [entry["id"] for entry in first.json()] == [entry["id"] for entry in second.json()]
    assert ends == await api.ends()
    assert 3 == len(before)


async def test_a_key_of_a_batch_is_that_of_a_single_registration(api: Api) -> None:
    single = await api.client.post("/tasks", json=task(0), headers={"idempotency-key": "order-66"})
    same, other = (
        await batch(api, [task(0, idempotency_key="order-66")]),
        await batch(api, [task(1, idempotency_key="order-66")]),
    )

    assert (single.json()["id"], True) == (same.json()[0]["id"], same.json()[0]["replayed"])
    assert [422] == [entry["status"] for entry in other.json()]
    assert "/problems/idempotency-key-reused" == other.json()[0]["problem"]["type"]


async def test_a_key_that_comes_twice_in_a_batch_counts_once(api: Api) -> None:
    response = await batch(
        api,
        [
            task(0, idempotency_key="k"),
            task(0, idempotency_key="k"),
            task(1, idempotency_key="k"),
        ],
    )
    first, same, other = response.json()

    assert (first["id"], False) == (same["id"], first["replayed"])
    assert (201, True, 422) == (same["status"], same["replayed"], other["status"])
    assert 1 == len(await settled(api))


async def test_each_task_is_told_what_the_log_said_of_it(api: Api) -> None:
    api.log.next_batch = [Refused("the disk is full"), Unknown("no reply")]
    response = await batch(
        api, [task(0, idempotency_key="k"), task(1), task(0, idempotency_key="k")]
    )
    refused, unknown, same = response.json()

    assert 200 == response.status_code
    assert [503] * 3 == [refused["status"], unknown["status"], same["status"]]
    assert "/problems/log-unavailable" == refused["problem"]["type"] == same["problem"]["type"]
    assert "/problems/outcome-unknown" == unknown["problem"]["type"]
    assert unknown["idempotency_key"] == unknown["problem"]["idempotency_key"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[{]", 400),
        (b'[{"description": "\\ud800"}]', 400),
        (b'[{"description": "x",}]', 400),
        (b"{}", 422),
        (b'"x"', 422),
        (b"null", 422),
        (b"[]", 422),
        (b"[" + b",".join([b"1"] * (BATCH_TASKS_MAX + 1)) + b"]", 422),
        (b"[" + b" " * BATCH_BODY_BYTES_MAX + b"]", 413),
    ],
    ids=range(10),
)
async def test_what_is_no_batch_is_refused_whole(api: Api, body: bytes, status: int) -> None:
    response = await batch(api, body)

    assert status == response.status_code
    assert [0, 0] == list(await api.ends())


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b'{"description": "a", "description": "b"}', 400),
        (b"1e999", 400),
        (b"[" * 40 + b"]" * 40, 400),
        (b'{"args": "' + b"x" * BODY_BYTES_MAX + b'"}', 413),
    ],
    ids=range(4),
)
async def test_an_element_that_is_no_sound_json_is_refused_by_itself(
    api: Api, text: bytes, status: int
) -> None:
    response = await batch(api, b"[" + text + b"," + orjson.dumps(task(0)) + b"]")

    assert [status, 201] == [entry["status"] for entry in response.json()], response.text


async def test_a_key_for_the_whole_batch_is_refused(api: Api) -> None:
    headers = {"idempotency-key": "order-66"}
    response = await api.client.post("/tasks/batch", json=[PLAIN], headers=headers)

    assert 422 == response.status_code


async def test_one_more_batch_than_there_is_room_for_is_a_429(api: Api) -> None:
    api.log.free.clear()
    under_way = [
        asyncio.create_task(batch(api, [task(number)])) for number in range(BATCHES_AT_ONCE_MAX)
    ]
    await api.log.until_waiting(BATCHES_AT_ONCE_MAX)
    refused = await batch(api, [task(99)])
    api.log.free.set()
    done = [(await each).status_code for each in under_way]

    assert (429, "1") == (refused.status_code, refused.headers["retry-after"])
    assert "/problems/too-many-batches" == refused.json()["type"]
    assert [201] * BATCHES_AT_ONCE_MAX == done
    assert 201 == (await batch(api, [task(99)])).status_code


async def test_the_largest_batch_leaves_the_loop_its_turns(api: Api) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    response = await batch(api, [task(number) for number in range(BATCH_TASKS_MAX)])
    counting.cancel()

    assert 201 == response.status_code
    assert BATCH_TASKS_MAX == len({entry["id"] for entry in response.json()})
    assert turns > 3 * BATCH_TASKS_MAX / BATCH_SLICE_TASKS
