"""A stateful test of the api: any story of requests and passing time, against a dictionary.

Behind the api the real timer, executor and projector work on virtual time. Requests come at whole
multiples of four seconds and tasks are due in the middle between two of them, so that every change
comes early enough to decide (P4), and what has run can be said exactly.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.support.virtual_loop import VirtualLoop
from tests.unit.api.node import NOON, node

T = TypeVar("T")

STEP_SECONDS = 4.0
DAY = timedelta(days=1)

words = st.sampled_from(["water the plants", "Feed the CAT", "Übung", "x"])
steps_ahead = st.integers(0, 6)


@dataclass(slots=True, kw_only=True)
class Known:
    """A task as the model knows it. `next_due_at` None: it has run."""

    description: str
    time: datetime
    recurring: bool
    revision: int
    next_due_at: datetime | None
    runs: int = 0

    def body(self) -> dict[str, Any]:
        """Give the plain body that would register it."""
        return {
            "description": self.description,
            "time": self.time.isoformat(),
            "recurring": self.recurring,
        }

    def passes(self, now: datetime) -> None:
        """Let time come to `now`."""
        if self.next_due_at is not None and self.next_due_at <= now:
            self.runs += 1
            self.next_due_at = self.time + DAY if self.recurring else None

    def replaced(self, description: str, time: datetime, recurring: bool) -> None:
        """Change it as a PUT does."""
        if time != self.time or recurring != self.recurring:
            self.next_due_at = self._next(time, recurring)
        self.description, self.time, self.recurring = description, time, recurring
        self.revision += 1

    def _next(self, time: datetime, recurring: bool) -> datetime | None:
        if time != self.time or self.next_due_at == time:
            return time
        # The same time, that it ran at: what recurs now goes on the day after.
        return time + DAY if recurring else None


class ApiMachine(RuleBasedStateMachine):
    """Requests, time, and what must hold after each."""

    tasks: Bundle[str] = Bundle("tasks")

    def __init__(self) -> None:
        """Start a node."""
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self._stack = AsyncExitStack()
        self.client: httpx.AsyncClient = self.do(self._stack.enter_async_context(node()))
        self.now_seconds = 0.0
        self.known: dict[str, Known] = {}
        self.deleted: set[str] = set()
        self.keys: dict[str, tuple[str, dict[str, Any]]] = {}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the node's loop."""
        return self._runner.run(work)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.do(self.client.request(method, path, json=body, headers=given))

    def instant(self, steps: int) -> datetime:
        """Give a due time, in the middle of a step so many ahead."""
        return NOON + timedelta(seconds=self.now_seconds + (steps + 0.5) * STEP_SECONDS)

    @initialize()
    def begin(self) -> None:
        self._sleep_until(STEP_SECONDS)

    @rule(target=tasks, description=words, steps=steps_ahead, recurring=st.booleans())
    def create(self, description: str, steps: int, recurring: bool) -> str:
        return self._create(description, steps, recurring, key=None)

    @rule(
        target=tasks,
        description=words,
        steps=steps_ahead,
        recurring=st.booleans(),
        key=st.sampled_from("abc"),
    )
    def create_under_a_key(self, description: str, steps: int, recurring: bool, key: str) -> Any:
        if key not in self.keys:
            return self._create(description, steps, recurring, key=key)
        task_id, body = self.keys[key]
        same = self.ask("POST", "/tasks", body, idempotency_key=key)
        other = self.ask("POST", "/tasks", {**body, "description": "other"}, idempotency_key=key)

        assert (201, task_id) == (same.status_code, same.json()["id"])
        assert "true" == same.headers["idempotency-replayed"]
        assert 422 == other.status_code
        return multiple()

    def _create(self, description: str, steps: int, recurring: bool, key: str | None) -> str:
        time = self.instant(steps)
        task = Known(
            description=description, time=time, recurring=recurring, revision=1, next_due_at=time
        )
        headers = {} if key is None else {"idempotency_key": key}
        response = self.ask("POST", "/tasks", task.body(), **headers)

        assert 201 == response.status_code, response.text
        task_id: str = response.json()["id"]
        self.known[task_id] = task
        if key is not None:
            self.keys[key] = (task_id, task.body())
        return task_id

    @rule(
        task_id=tasks,
        description=words,
        steps=st.none() | steps_ahead,
        recurring=st.booleans(),
        condition=st.sampled_from(["none", "right", "any", "stale", "weak"]),
    )
    def put(
        self, task_id: str, description: str, steps: int | None, recurring: bool, condition: str
    ) -> None:
        task = self.known.get(task_id)
        time = task.time if task is not None and steps is None else self.instant(steps or 0)
        body = {"description": description, "time": time.isoformat(), "recurring": recurring}
        headers, holds = self._condition(task, condition)
        response = self.ask("PUT", f"/tasks/{task_id}", body, **headers)

        if task is None:
            assert 404 == response.status_code
        elif not holds:
            assert 412 == response.status_code
        else:
            task.replaced(description, time, recurring)
            assert (200, f'"{task.revision}"') == (response.status_code, response.headers["etag"])

    @rule(
        task_id=tasks,
        description=words,
        condition=st.sampled_from(["none", "right", "any", "stale"]),
    )
    def patch(self, task_id: str, description: str, condition: str) -> None:
        task = self.known.get(task_id)
        headers, holds = self._condition(task, condition)
        response = self.ask("PATCH", f"/tasks/{task_id}", {"description": description}, **headers)

        if task is None:
            assert 404 == response.status_code
        elif not holds:
            assert 412 == response.status_code
        else:
            task.replaced(description, task.time, task.recurring)
            assert (200, task.revision) == (response.status_code, response.json()["revision"])

    @rule(task_id=consumes(tasks), condition=st.sampled_from(["none", "right", "any"]))
    def delete(self, task_id: str, condition: str) -> None:
        task = self.known.pop(task_id, None)
        headers, _ = self._condition(task, condition)
        response = self.ask("DELETE", f"/tasks/{task_id}", **headers)
        self.deleted.add(task_id)

        assert (204 if task is not None else 404) == response.status_code

    @rule(task_id=tasks)
    def delete_under_a_stale_condition(self, task_id: str) -> None:
        task = self.known.get(task_id)
        headers, _ = self._condition(task, "stale")
        response = self.ask("DELETE", f"/tasks/{task_id}", **headers)

        assert (412 if task is not None else 404) == response.status_code

    @rule(task_id=tasks, count=st.integers(2, 5))
    def edit_at_once(self, task_id: str, count: int) -> None:
        task = self.known.get(task_id)
        if task is None:
            return
        headers, _ = self._condition(task, "right")

        async def all_of_them() -> list[httpx.Response]:
            return await asyncio.gather(
                *(
                    self.client.put(
                        f"/tasks/{task_id}",
                        json={**task.body(), "description": f"by {number}"},
                        headers={"if-match": headers["if_match"]},
                    )
                    for number in range(count)
                )
            )

        responses = self.do(all_of_them())
        (won,) = [response for response in responses if response.status_code == 200]

        assert [412] * (count - 1) == [r.status_code for r in responses if r is not won]
        task.replaced(won.json()["description"], task.time, task.recurring)

    @rule(steps=st.integers(1, 3))
    def time_passes(self, steps: int) -> None:
        self._sleep_until(self.now_seconds + steps * STEP_SECONDS)
        now = NOON + timedelta(seconds=self.now_seconds)
        for task in self.known.values():
            task.passes(now)

    @rule(task_id=tasks)
    def read_one(self, task_id: str) -> None:
        path = f"/tasks/{task_id}"
        response = self.ask("GET", path)
        runs = self.ask("GET", f"{path}/runs")
        task = self.known.get(task_id)
        if task is None:
            assert [404, 404] == [response.status_code, runs.status_code]
            return
        again = self.ask("GET", path, if_none_match=response.headers["etag"])

        assert 200 == response.status_code
        assert 304 == again.status_code
        self._holds(task, response.json())
        assert task.runs == len(runs.json())
        assert all(run["outcome"] == "succeeded" for run in runs.json())
        assert all(0 <= run["lateness_seconds"] < 1 for run in runs.json())

    @rule(word=st.sampled_from(["CAT", "übung", "PLANTS", "nothing"]))
    def find_by_text(self, word: str) -> None:
        expected = {
            task_id
            for task_id, task in self.known.items()
            if word.casefold() in task.description.casefold()
        }

        assert expected == {task["id"] for task in self._listed(f"q={word}")}

    @rule(status=st.sampled_from(["scheduled", "finished", "overdue", "running", "paused"]))
    def find_by_status(self, status: str) -> None:
        expected = {task_id for task_id, task in self.known.items() if _status_of(task) == status}

        assert expected == {task["id"] for task in self._listed(f"status={status}")}

    @rule(start=steps_ahead, length=steps_ahead)
    def find_by_due_time(self, start: int, length: int) -> None:
        due_from, due_to = self.instant(start), self.instant(start + length)
        expected = {
            task_id
            for task_id, task in self.known.items()
            if task.next_due_at is not None and due_from <= task.next_due_at < due_to
        }
        query = httpx.QueryParams(due_from=due_from.isoformat(), due_to=due_to.isoformat())

        assert expected == {task["id"] for task in self._listed(str(query))}

    @invariant()
    def the_list_shows_every_task_as_it_is(self) -> None:
        listed = self._listed("limit=3")

        assert sorted(self.known) == sorted(task["id"] for task in listed)
        for task in listed:
            self._holds(self.known[task["id"]], task)
        due = [task["next_due_at"] for task in listed if task["next_due_at"] is not None]
        assert sorted(due) == due
        assert due == [task["next_due_at"] for task in listed][: len(due)]

    def teardown(self) -> None:
        """Stop the node."""
        self.do(self._stack.aclose())
        self._runner.close()

    def _listed(self, query: str) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = []
        path: str | None = f"/tasks?{query}"
        while path is not None:
            page = self.ask("GET", path)
            assert 200 == page.status_code, page.text
            tasks += page.json()
            path = page.links.get("next", {}).get("url")
        return tasks

    def _condition(self, task: Known | None, kind: str) -> tuple[dict[str, str], bool]:
        revision = 1 if task is None else task.revision
        return {
            "none": ({}, True),
            "any": ({"if_match": "*"}, True),
            "right": ({"if_match": f'"{revision}"'}, True),
            "stale": ({"if_match": f'"{revision + 1}"'}, False),
            "weak": ({"if_match": f'W/"{revision}"'}, False),
        }[kind]

    def _holds(self, task: Known, shown: dict[str, Any]) -> None:
        expected = {
            "description": task.description,
            "time": task.time,
            "recurring": task.recurring,
            "revision": task.revision,
            "next_due_at": task.next_due_at,
            "status": _status_of(task),
        }
        instants = {
            name: shown[name] and datetime.fromisoformat(shown[name])
            for name in ("time", "next_due_at")
        }

        assert expected == {name: shown[name] for name in expected} | instants

    def _sleep_until(self, seconds: float) -> None:
        async def sleep() -> None:
            await asyncio.sleep(seconds - asyncio.get_running_loop().time())

        self.do(sleep())
        self.now_seconds = seconds


def _status_of(task: Known) -> str:
    return "finished" if task.next_due_at is None else "scheduled"


def test_any_story_is_told_as_a_dictionary_would_tell_it() -> None:
    run_state_machine_as_test(
        ApiMachine, settings=settings(max_examples=25, stateful_step_count=25)
    )


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
def test_many_more_stories_are_told_as_a_dictionary_would_tell_them() -> None:
    run_state_machine_as_test(
        ApiMachine, settings=settings(max_examples=1_000, stateful_step_count=50)
    )
