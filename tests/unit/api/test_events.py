"""GET /events: what is told, in which order, to whom, and what becomes of those who are slow.

On virtual time: heartbeats and waits are the real ones, and cost nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from duetime.api.live.places import TOPICS, Ids, Place
from duetime.events.types import Outcome, SkipCause, TaskSkipped, TaskStarted
from duetime.limits import (
    EVENTS_QUEUE_BYTES_MAX,
    EVENTS_RESUME_RECORDS_MAX,
    EVENTS_SUBSCRIBERS_MAX,
    HEARTBEAT_SECONDS,
)
from duetime.log.memory import MemoryLog
from duetime.log.port import Record
from duetime.runtime.clock import ManualClock
from tests.support.virtual_loop import run_virtual
from tests.unit.api.harness import NOON, PLAIN, Api, executed, serving
from tests.unit.api.streams import following


def on_virtual_time(check: Callable[[Api], Awaitable[None]]) -> None:
    """Serve the api on virtual time and check it."""

    async def whole() -> None:
        async with serving(seconds_max=1_000.0) as api:
            await check(api)

    run_virtual(whole())


def streams_open(api: Api) -> float:
    """Give how many streams the metrics count."""
    return float(api.metrics.event_streams._value.get())


def test_a_new_task_is_told_as_a_get_shows_it() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as stream:
            task = await api.create()
            (told,) = await stream.until(1)
            shown = (await api.client.get(f"/tasks/{task['id']}")).json()

        assert 200 == stream.status
        assert "text/event-stream" == stream.headers["content-type"]
        assert "no" == stream.headers["x-accel-buffering"]
        assert "no-store" == stream.headers["cache-control"]
        assert ("task", {"type": "task", "task": shown}) == (told.kind, told.body)

    on_virtual_time(check)


def test_a_change_and_a_deletion_are_told() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        path = f"/tasks/{task['id']}"
        async with following(api.app) as stream:
            await api.client.put(path, json={**PLAIN, "description": "Feed the cat"})
            await stream.until(1)
            await api.client.delete(path)
            changed, deleted = await stream.until(2)

        assert "Feed the cat" == changed.body["task"]["description"]
        assert {"type": "task_deleted", "id": task["id"]} == deleted.body
        assert "task_deleted" == deleted.kind

    on_virtual_time(check)


def test_a_run_is_told_with_its_log_line_and_its_task() -> None:
    async def check(api: Api) -> None:
        task = await api.create(time="2026-06-01T12:00:00Z")
        async with following(api.app) as stream:
            await api.record(executed(task, outcome=Outcome.FAILED, error="no water"))
            told = {event.kind: event.body for event in await stream.until(2)}
            (run,) = (await api.client.get("/runs")).json()
            (line,) = (await api.client.get("/tasks/logs")).json()

        assert {"type": "run", "run": run, "line": line} == told["run"]
        assert "no water" == told["task"]["task"]["last_run"]["error"]

    on_virtual_time(check)


def test_a_start_tells_the_task_alone_and_a_skipped_stretch_its_run_too() -> None:
    async def check(api: Api) -> None:
        task = await api.create(recurring=True)
        plain = {"task_id": task["id"], "tenant": "default", "revision": 1}
        started = TaskStarted(
            **plain,
            run_id="11111111-1111-8111-8111-111111111111",
            attempt=1,
            executor="executor/test",
            due_at=NOON,
            started_at=NOON,
            lease_until=NOON.replace(minute=30),
        )
        skipped = TaskSkipped(
            **plain,
            description=task["description"],
            cause=SkipCause.MISSED,
            by="timer/test",
            first_due_at=NOON,
            last_due_at=NOON,
            count=1,
        )
        async with following(api.app) as stream:
            await api.record(started)
            (running,) = await stream.until(1)
            await api.record(skipped)
            await stream.until(3)

        assert ("task", "running") == (running.kind, running.body["task"]["status"])
        assert {"task", "run"} == set(stream.kinds()[1:])

    on_virtual_time(check)


def test_nothing_is_told_before_it_can_be_read() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as stream:
            api.pump.hold()
            await api.client.post("/tasks", json=PLAIN, headers={"prefer": "respond-async"})
            await asyncio.sleep(10)
            early = stream.kinds()
            api.pump.release()
            await stream.until(1)

        assert [] == early

    on_virtual_time(check)


def test_read_models_that_are_away_only_delay_what_is_told() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as stream:
            api.store.away = True
            await api.client.post("/tasks", json=PLAIN, headers={"prefer": "respond-async"})
            await asyncio.sleep(10)
            early = stream.kinds()
            api.store.away = False
            await stream.until(1)

        assert [] == early
        assert ["task"] == stream.kinds()

    on_virtual_time(check)


def test_a_task_that_changes_often_at_once_is_told_once_as_it_stands() -> None:
    async def check(api: Api) -> None:
        task = await api.create()
        async with following(api.app) as stream:
            api.pump.hold()
            for number in range(20):
                await api.client.put(
                    f"/tasks/{task['id']}",
                    json={**PLAIN, "description": f"version {number}"},
                    headers={"prefer": "respond-async"},
                )
            api.pump.release()
            await asyncio.sleep(5)

        assert "version 19" == stream.events[-1].body["task"]["description"]
        assert len(stream.events) <= 2

    on_virtual_time(check)


def test_heartbeats_come_while_nothing_happens() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as stream:
            await asyncio.sleep(4 * HEARTBEAT_SECONDS + 1)

        assert 4 == stream.text.count("\n: ")
        assert [] == stream.events

    on_virtual_time(check)


def test_who_comes_back_is_told_what_came_meanwhile() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as first:
            await api.create(description="seen")
            await first.until(1)
        missed = [await api.create(description=f"missed {n}") for n in range(5)]
        await api.record(executed(missed[0]))
        async with following(api.app, last_id=first.last_id) as second:
            await api.create(description="live")
            await second.until_text(lambda text: "live" in text)

        described = [
            event.body["task"]["description"] for event in second.events if event.kind == "task"
        ]
        assert {f"missed {n}" for n in range(5)} | {"live"} == set(described)
        assert "live" == described[-1]
        assert 1 == second.kinds().count("run")
        assert "reset" not in second.kinds()

    on_virtual_time(check)


def test_who_comes_back_to_a_stream_that_others_follow_misses_nothing_either() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as steady:
            async with following(api.app) as first:
                await api.create(description="seen")
                await first.until(1)
            await api.create(description="missed")
            await steady.until(2)
            async with following(api.app, last_id=first.last_id) as second:
                await second.until(1)

        assert ["missed"] == [event.body["task"]["description"] for event in second.events]

    on_virtual_time(check)


@pytest.mark.parametrize("last_id", ["nonsense", "0", "deadbeef.1.2-3.4-5", "x" * 100_000])
def test_who_comes_back_with_an_id_of_nobody_s_is_told_to_fetch_anew(last_id: str) -> None:
    async def check(api: Api) -> None:
        async with following(api.app, last_id=last_id) as stream:
            await api.create()
            await stream.until(2)

        assert ["reset", "task"] == stream.kinds()
        assert {"type": "reset"} == stream.events[0].body

    on_virtual_time(check)


def test_who_comes_back_too_late_is_told_to_fetch_anew() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as first:
            await api.create()
            await first.until(1)
        await api.create()
        api.clock.advance(3_601)
        async with following(api.app, last_id=first.last_id) as second:
            await second.until(1)

        assert ["reset"] == second.kinds()

    on_virtual_time(check)


def test_who_missed_too_much_is_told_to_fetch_anew() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as first:
            pass
        nonsense = Record(topic=TOPICS[0], partition=0, key=b"key", value=b"?")
        await api.log.append([nonsense] * EVENTS_RESUME_RECORDS_MAX)
        async with following(api.app, last_id=first.last_id) as just:
            await asyncio.sleep(1)
        await api.log.append([nonsense])
        async with following(api.app, last_id=first.last_id) as stream:
            await stream.until(1)

        assert [] == just.kinds()
        assert ["reset"] == stream.kinds()

    on_virtual_time(check)


def test_a_client_that_takes_less_than_comes_is_told_to_fetch_anew_and_let_go() -> None:
    async def check(api: Api) -> None:
        async with following(api.app, taking=False) as slow, following(api.app) as quick:
            big = {
                **PLAIN,
                "action": {"type": "python", "name": "water", "args": {"x": "y" * 99_999}},
            }
            count = EVENTS_QUEUE_BYTES_MAX // 100_000 + 2
            for number in range(count):
                await api.client.post("/tasks", json={**big, "description": f"task {number}"})
                await quick.until(number + 1)
            slow.taking.set()
            await slow.until_ended()
            still_there = streams_open(api)

        assert ["task"] * count == quick.kinds()
        assert "reset" == slow.kinds()[-1]
        assert slow.last_id in {event.id for event in quick.events}
        assert 1.0 == still_there
        assert 1.0 == api.metrics.event_streams_dropped_total._value.get()

    on_virtual_time(check)


def test_a_client_that_takes_nothing_is_let_go_in_the_end() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as stuck:
            stuck.taking.clear()
            await asyncio.sleep(100)
            left = streams_open(api)

        assert 0.0 == left
        assert not stuck.ended

    on_virtual_time(check)


def test_one_more_client_than_there_is_room_for_is_refused() -> None:
    async def check(api: Api) -> None:
        async with AsyncExitStack() as stack:
            for _ in range(EVENTS_SUBSCRIBERS_MAX):
                await stack.enter_async_context(following(api.app))
            refused = await api.client.get("/events")

        assert 503 == refused.status_code
        assert "/problems/events-unavailable" == refused.json()["type"]
        assert "1" == refused.headers["retry-after"]

    on_virtual_time(check)


def test_the_log_is_followed_from_the_first_client_to_the_last() -> None:
    async def check(api: Api) -> None:
        def readers() -> int:
            return len(api.log._hub._readers)

        await api.create()
        before = readers()
        async with following(api.app) as first, following(api.app) as second:
            during = readers()
            first.hang_up()
            await first.until_ended()
            await api.create()
            await second.until(1)
        await asyncio.sleep(0.1)

        assert (before + 1, before) == (during, readers())
        assert 0.0 == streams_open(api)

    on_virtual_time(check)


def test_a_log_that_ends_lets_its_clients_go() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as stream:
            await api.log.close()
            await stream.until_ended()
        refused = await api.client.get("/events")

        assert ["reset"] == stream.kinds()
        assert 503 == refused.status_code

    on_virtual_time(check)


def test_a_process_that_stops_ends_its_streams_and_takes_no_more() -> None:
    async def check(api: Api) -> None:
        async with following(api.app) as stream:
            api.app.end_streams()
            await stream.until_ended()
        refused = await api.client.get("/events")

        assert 503 == refused.status_code
        assert "stopping" in refused.json()["detail"]

    on_virtual_time(check)


def test_a_head_gives_the_headers_alone() -> None:
    async def check(api: Api) -> None:
        response = await api.client.head("/events")

        assert (200, b"") == (response.status_code, response.content)
        assert "text/event-stream" == response.headers["content-type"]
        assert 0.0 == streams_open(api)

    on_virtual_time(check)


def test_an_id_comes_back_as_the_place_it_was_written_from() -> None:
    log = MemoryLog(3, ManualClock(NOON).now)
    offsets = {(topic, part): part * 7 for topic in TOPICS for part in range(3)}
    place = Place(offsets, NOON)
    ids = Ids(log)

    assert place == ids.read(ids.write(place))
    assert None is Ids(MemoryLog(2, ManualClock(NOON).now)).read(ids.write(place))
    other = MemoryLog(3, ManualClock(NOON).now, cluster_id="another")
    assert None is Ids(other).read(ids.write(place))
