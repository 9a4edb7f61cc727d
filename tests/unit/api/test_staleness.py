"""Changes while the read models are far behind: the timer may have forgotten what they still show.

On virtual time; the api's clock is moved by hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from duetime.limits import MARKER_SECONDS, STALE_SECONDS_MAX, VOID_AFTER_SECONDS
from duetime.log.port import Record
from duetime.log.topics import Topic
from tests.support.virtual_loop import run_virtual
from tests.unit.api.harness import PLAIN, Api, serving

KEY: Final = {"idempotency-key": "order-66"}
ASYNC: Final = {"prefer": "respond-async"}


def on_virtual_time(check: Callable[[Api], Awaitable[None]]) -> None:
    """Serve the api on virtual time and check it."""

    async def whole() -> None:
        async with serving(partitions=1) as api:
            await check(api)

    run_virtual(whole())


async def behind(api: Api) -> str:
    """Give the path of a task whose read model stops; an event is in the log that it lacks."""
    task = await api.create()
    api.pump.hold()
    await api.log.append([Record(topic=Topic.TASKS, partition=0, key=b"other", value=b"?")])
    return f"/tasks/{task['id']}"


def test_the_bounds_leave_the_timer_time_to_read_what_was_decided() -> None:
    assert STALE_SECONDS_MAX + VOID_AFTER_SECONDS < MARKER_SECONDS


@pytest.mark.promise("P4")
def test_no_change_is_taken_from_read_models_that_are_minutes_behind() -> None:
    async def check(api: Api) -> None:
        path = await behind(api)
        api.clock.advance(STALE_SECONDS_MAX + 1)
        ends = await api.ends()
        refused = [
            await api.client.put(path, json=PLAIN),
            await api.client.patch(path, json={}),
            await api.client.delete(path),
            await api.client.put(path, json=PLAIN, headers={"if-match": '"1"'}),
            await api.client.post("/tasks", json=PLAIN, headers=KEY),
        ]

        assert [503] * 5 == [response.status_code for response in refused]
        assert {"/problems/not-visible-yet"} == {response.json()["type"] for response in refused}
        assert {"1"} == {response.headers["retry-after"] for response in refused}
        assert ends == await api.ends()
        assert 200 == (await api.client.get(path)).status_code

    on_virtual_time(check)


def test_changes_go_on_while_the_read_models_are_seconds_behind() -> None:
    async def check(api: Api) -> None:
        path = await behind(api)
        api.clock.advance(STALE_SECONDS_MAX - 1)
        put = await api.client.put(path, json=PLAIN, headers=ASYNC)

        assert 200 == put.status_code

    on_virtual_time(check)


def test_a_new_task_needs_no_read_models() -> None:
    async def check(api: Api) -> None:
        await behind(api)
        api.clock.advance(STALE_SECONDS_MAX + 1)

        assert 201 == (await api.client.post("/tasks", json=PLAIN, headers=ASYNC)).status_code

    on_virtual_time(check)


def test_changes_are_taken_again_once_the_read_models_have_caught_up() -> None:
    async def check(api: Api) -> None:
        path = await behind(api)
        api.clock.advance(STALE_SECONDS_MAX + 1)
        refused = await api.client.delete(path)
        api.pump.release()
        deleted = await api.client.delete(path)

        assert [503, 204] == [refused.status_code, deleted.status_code]

    on_virtual_time(check)


def test_what_was_once_in_the_log_is_enough_to_have_passed() -> None:
    async def check(api: Api) -> None:
        path = await behind(api)
        api.clock.advance(STALE_SECONDS_MAX + 1)
        waiting = asyncio.create_task(api.client.put(path, json=PLAIN, headers=ASYNC))
        await asyncio.sleep(0.5)
        api.pump.release()

        assert 200 == (await waiting).status_code

    on_virtual_time(check)


def test_a_clock_that_was_set_back_proves_nothing() -> None:
    async def check(api: Api) -> None:
        path = await behind(api)
        api.clock.advance(-3_600)

        assert 503 == (await api.client.delete(path)).status_code

    on_virtual_time(check)


def test_a_write_that_was_seen_shows_that_nothing_was_missing() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        api.clock.advance(STALE_SECONDS_MAX - 10)
        await api.create()
        api.pump.hold()
        await api.client.post("/tasks", json=PLAIN, headers=ASYNC)
        api.clock.advance(STALE_SECONDS_MAX - 10)
        put = await api.client.put(f"/tasks/{task['id']}", json=PLAIN, headers=ASYNC)

        assert 200 == put.status_code

    on_virtual_time(check)
