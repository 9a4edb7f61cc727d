"""Registering a task and reading it back: the plain contract."""

from datetime import timedelta
from typing import Any

import pytest

from duetime.api.schemas import RunAnswer, TaskAnswer
from duetime.events.types import Definition, LogAction, Outcome, PythonAction, TaskCreated
from duetime.recurrence.rules import Daily
from tests.unit.api.harness import NOON, PLAIN, Api, executed, serving


async def test_a_posted_task_is_answered_with_all_that_is_known_of_it(api: Api) -> None:
    response = await api.client.post("/tasks", json=PLAIN)
    task = response.json()

    assert 201 == response.status_code
    assert f"/tasks/{task['id']}" == response.headers["location"]
    assert '"1"' == response.headers["etag"]
    assert {
        "id": task["id"],
        "description": "Water the plants",
        "time": "2026-06-01T13:00:00Z",
        "recurring": False,
        "timezone": "UTC",
        "recurrence": None,
        "action": {"type": "log"},
        "timeout_seconds": 30.0,
        "status": "scheduled",
        "next_due_at": "2026-06-01T13:00:00Z",
        "last_run": None,
        "revision": 1,
        "created_at": "2026-06-01T12:00:00Z",
        "updated_at": "2026-06-01T12:00:00Z",
    } == task


async def test_what_was_posted_is_one_event_with_the_whole_definition(api: Api) -> None:
    action = {"type": "python", "name": "water", "args": {"litres": 2, "where": ["roof"]}}
    task = await api.create(
        recurring=True, timezone="Europe/Berlin", action=action, timeout_seconds=5
    )
    (envelope,) = api.events()

    assert isinstance(envelope.event, TaskCreated)
    assert task["id"] == envelope.event.task_id
    assert envelope.event.keyed
    assert (
        Definition(
            description="Water the plants",
            time=NOON + timedelta(hours=1),
            timezone="Europe/Berlin",
            recurrence=Daily(),
            action=PythonAction(name="water", args={"litres": 2, "where": ["roof"]}),
            timeout_seconds=5.0,
        )
        == envelope.event.definition
    )


async def test_an_acknowledged_task_is_seen_by_the_next_read(api: Api) -> None:
    task = await api.create()
    one = await api.client.get(f"/tasks/{task['id']}")
    many = await api.client.get("/tasks")

    assert task == one.json()
    assert one.headers["etag"].startswith('"1-')
    assert [task] == many.json()


@pytest.mark.parametrize(
    ("time", "timezone", "answered"),
    [
        ("2026-06-01T13:00:00Z", "UTC", "2026-06-01T13:00:00Z"),
        ("2026-06-01t13:00:00z", "UTC", "2026-06-01T13:00:00Z"),
        ("2026-06-01 13:00", "UTC", "2026-06-01T13:00:00Z"),
        ("2026-06-01T14:00:00.25+02:00", "UTC", "2026-06-01T12:00:00.250000Z"),
        ("2026-06-01T13:00:00,5-0330", "UTC", "2026-06-01T16:30:00.500000Z"),
        ("2026-06-01T15:00:00.123456789", "UTC", "2026-06-01T15:00:00.123456Z"),
        ("2026-06-01T15:00:00", "Europe/Berlin", "2026-06-01T13:00:00Z"),
        ("2026-06-01T15:00:00Z", "Europe/Berlin", "2026-06-01T15:00:00Z"),
        ("2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00Z"),
        ("2027-03-28T02:30:00", "Europe/Berlin", "2027-03-28T01:00:00Z"),
    ],
)
async def test_a_time_is_read_with_its_offset_or_in_the_task_s_zone(
    api: Api, time: str, timezone: str, answered: str
) -> None:
    task = await api.create(time=time, timezone=timezone)

    assert answered == task["time"]


async def test_a_time_up_to_a_minute_past_is_taken_and_due_at_once(api: Api) -> None:
    task = await api.create(time="2026-06-01T11:59:00Z")

    assert "scheduled" == task["status"]
    assert "2026-06-01T11:59:00Z" == task["next_due_at"]


async def test_a_recurring_task_runs_every_day_at_the_same_time(api: Api) -> None:
    task = await api.create(recurring=True)

    assert task["recurring"] is True
    assert {"rule": "daily"} == task["recurrence"]


async def test_a_task_s_own_answer_can_be_posted_back(api: Api) -> None:
    task = await api.create(recurring=True, action={"type": "python", "name": "water"})
    again = await api.client.post("/tasks", json=task)
    changing = ("id", "created_at", "updated_at")

    assert 201 == again.status_code
    assert task["id"] != again.json()["id"]
    assert {k: v for k, v in task.items() if k not in changing} == {
        k: v for k, v in again.json().items() if k not in changing
    }


@pytest.mark.parametrize("description", ["x", "x" * 1_000, "two\nlines\tand a tab", "día 🌱"])
async def test_a_description_is_kept_as_it_was_written(api: Api, description: str) -> None:
    assert description == (await api.create(description=description))["description"]


async def test_any_name_of_a_python_action_is_taken_where_none_can_be_known() -> None:
    async with serving(known_python_actions=None) as api:
        task = await api.create(action={"type": "python", "name": "anything"})

    assert {"type": "python", "name": "anything", "args": {}} == task["action"]


async def test_a_run_shows_in_the_task_the_runs_and_the_log_lines(api: Api) -> None:
    task = await api.create()
    await api.record(executed(task, due_at=NOON + timedelta(hours=1)))
    api.clock.advance(3_700)
    after = (await api.client.get(f"/tasks/{task['id']}")).json()
    runs = (await api.client.get("/runs")).json()
    of_task = (await api.client.get(f"/tasks/{task['id']}/runs")).json()
    lines = (await api.client.get("/tasks/logs")).json()

    assert "finished" == after["status"]
    assert after["next_due_at"] is None
    assert "succeeded" == after["last_run"]["outcome"]
    assert 0.004 == after["last_run"]["lateness_seconds"]
    assert runs == of_task
    assert [("succeeded", 0.004, 0.001)] == [
        (run["outcome"], run["lateness_seconds"], run["duration_seconds"]) for run in runs
    ]
    assert [
        f'2026-06-01T13:00:00.005Z  "Water the plants" ({task["id"]})  ran, 4 ms late, took 1 ms'
    ] == lines


async def test_answers_are_what_the_open_api_document_says(api: Api) -> None:
    task = await api.create(action={"type": "python", "name": "water", "args": {}})
    await api.record(executed(task, outcome=Outcome.FAILED, error="no water"))
    one = await api.client.get(f"/tasks/{task['id']}")
    (run,) = (await api.client.get("/runs")).json()

    assert isinstance(TaskAnswer.model_validate_json(one.content), TaskAnswer)
    assert set(RunAnswer.model_fields) == set(run)
    assert isinstance(RunAnswer.model_validate(run, strict=False), RunAnswer)


async def test_a_plain_task_does_nothing_but_leave_its_record(api: Api) -> None:
    await api.create()
    event: Any = api.events()[0].event

    assert LogAction() == event.definition.action
