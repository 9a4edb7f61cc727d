"""The embedded and the distributed system give the same history to the same script (P7)."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import httpx
import pytest

from deploy.local.stack import Stack
from duetime.log.port import Stored
from duetime.log.sqlite import SqliteLog
from duetime.log.topics import Topic
from tests.chaos.recorded import records_of
from tests.support.embedded import EmbeddedProcess
from tests.support.stack import settled, wait_for

TOPICS: Final = (Topic.TASKS, Topic.DUE, Topic.EXECUTIONS)
RUN_SECONDS_MAX: Final = 40.0
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGEST: Final = re.compile(r'(?<="\d-)[0-9a-f]{12}(?=")')  # of an answer with its instants
_MEASURED: Final = re.compile(r"[\d.]+ (µs|ms|s)\b")
# What a clock or a place in a log decides, or the process that happened to do it.
_OWN: Final = frozenset(
    {"lateness_seconds", "duration_seconds", "based_on", "executor", "skipped_by", "accepted_at"}
)

pytestmark = [pytest.mark.kafka, pytest.mark.mongo, pytest.mark.timeout(120)]


@pytest.fixture
def stack() -> Iterator[Stack]:
    """The distributed system, whole before and after each test."""
    with settled() as shared:
        yield shared


@pytest.mark.promise("P7")
def test_the_same_script_gives_the_same_answers_events_and_runs(
    stack: Stack, tmp_path: Path
) -> None:
    with EmbeddedProcess(tmp_path / "data") as embedded:
        with Script(embedded.url) as at_home:
            at_home.run()
        embedded.stop()
    here = asyncio.run(embedded_records(tmp_path / "data" / "log.db"))
    with Script(stack.url) as abroad:
        abroad.run()
    there = {topic: records_of(stack, topic) for topic in TOPICS}

    assert 5 == len(at_home.ids)
    assert at_home.answers == abroad.answers
    assert at_home.history(here) == abroad.history(there)


class Script:
    """One series of calls; all ids and instants in what comes back get the names of their order."""

    def __init__(self, url: str) -> None:
        """Begin now: times of tasks are told as distances from it."""
        self.answers: list[Any] = []
        self._began = datetime.now(UTC)
        self._client = httpx.Client(base_url=url, timeout=10.0)
        self._names: dict[str, str] = {}
        self._numbers = count(1)
        self.ids: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def run(self) -> None:
        """Make the calls, and wait until what is due has run."""
        plain = self._create("plain", 8.0)
        keyed = self._create("keyed", 9.0, key="a-key")
        self._create("keyed", 9.0, key="a-key")
        self._create("another body", 9.0, key="a-key")
        self._create("too late", -3_600.0)
        daily = self._create("daily", 10.0, recurring=True)
        moved = self._create("moved", 60.0)
        dropped = self._create("dropped", 40.0)  # long before it would be dispatched ahead
        self._call("PUT", f"/tasks/{moved}", self._body("moved here", 10.0))
        self._call("PUT", f"/tasks/{moved}", {"description": "half"})
        self._call("PUT", f"/tasks/{moved}", {**self._body("typo", 10.0), "reccuring": True})
        self._call("DELETE", f"/tasks/{dropped}")
        self._call("DELETE", f"/tasks/{dropped}")
        self._call("GET", f"/tasks/{dropped}")
        self._call("PUT", "/tasks/nobody", self._body("nobody's", 10.0))
        for task_id in (plain, keyed, daily, moved):
            self._call("GET", f"/tasks/{task_id}")
        for task_id in (plain, keyed, daily, moved):
            wait_for(partial(self._has_run, task_id), "a run of each", RUN_SECONDS_MAX)
        for task_id in (plain, keyed, daily, moved):
            self._call("GET", f"/tasks/{task_id}")
            self._call("GET", f"/tasks/{task_id}/runs")

    def history(self, records: Mapping[Topic, Sequence[Stored]]) -> dict[str, list[Any]]:
        """Give the events of this script's tasks, by task and topic, in their order."""
        return {
            f"{self._names[task_id]} in {topic}": [
                (record.headers["ce_type"].decode(), self._told(json.loads(record.value or b"")))
                for record in records[topic]
                if record.key == task_id.encode()
            ]
            for task_id in self.ids
            for topic in TOPICS
        }

    def _has_run(self, task_id: str) -> bool:
        """Look, without noting it."""
        answer = self._client.get(f"/tasks/{task_id}/runs")
        return answer.status_code == 200 and any(run["finished_at"] for run in answer.json())

    def _create(self, description: str, seconds: float, **more: Any) -> str:
        key = more.pop("key", None)
        body = self._body(description, seconds, **more)
        # A key means a task for ever, so each run of the script has its own.
        headers = (
            {} if key is None else {"idempotency-key": f"{key}-{self._began:%Y%m%dT%H%M%S.%f}"}
        )
        answer = self._call("POST", "/tasks", body, headers)
        task_id = str(answer.get("id", "refused"))
        if "id" in answer and task_id not in self.ids:
            self.ids.append(task_id)
        return task_id

    def _call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        answer = self._client.request(method, path, json=body, headers=headers)
        content = answer.json() if answer.content else None
        told = [answer.headers.get(name) for name in ("etag", "idempotency-replayed", "location")]
        self.answers.append(
            (method, self._told(path), answer.status_code, self._told(content), self._told(told))
        )
        return content

    def _body(self, description: str, seconds: float, **more: Any) -> dict[str, Any]:
        at = self._began + timedelta(seconds=seconds)
        return {"description": description, "time": at.isoformat(), "recurring": False, **more}

    def _told(self, value: Any) -> Any:
        match value:
            case dict():
                return {
                    name: ("…" if name in _OWN and each is not None else self._told(each))
                    for name, each in value.items()
                    if name not in {"fingerprint", "recent_event_ids"}
                }
            case list():
                return [self._told(each) for each in value]
            case str():
                named = _UUID.sub(lambda found: self._name(found[0]), value)
                timed = _INSTANT.sub(lambda found: self._instant(found[0]), named)
                return _DIGEST.sub("…", _MEASURED.sub("…", timed))
            case _:
                return value

    def _name(self, uuid: str) -> str:
        return self._names.setdefault(uuid, f"id {len(self._names) + 1}")

    def _instant(self, text: str) -> str:
        """Tell times that the script gave as distances; what a clock read stays nameless."""
        distance = (datetime.fromisoformat(text) - self._began).total_seconds()
        whole = round(distance)
        return f"T{whole:+d}s" if abs(distance - whole) < 2e-6 else "a time"


async def embedded_records(path: Path) -> dict[Topic, list[Stored]]:
    """Read what an embedded system that has stopped left in its log."""
    found: dict[Topic, list[Stored]] = {topic: [] for topic in TOPICS}
    async with SqliteLog.open(path, now=lambda: datetime.now(UTC)) as log:
        for topic in TOPICS:
            for partition, end in enumerate(await log.end_offsets(topic)):
                offset = 0
                while offset < end:
                    page, offset = await log.read(topic, partition, offset, records_max=1_000)
                    found[topic] += page
    return found
