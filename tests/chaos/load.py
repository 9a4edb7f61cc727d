"""What people do while parts of the system die: register, change and delete tasks over HTTP.

Knows the plain HTTP contract and the shapes that the simulator's checkers read; nothing of what is
behind the load balancer. Callers behave as good ones do: what ended in doubt is repeated under the
same key.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from tests.simulation.history import EPOCH, Answer, History, Request, seconds_of
from tests.support.machine import machine

CALLERS: Final = 4
REPEATS_MAX: Final = 20
_NOT_WRITTEN: Final = frozenset(
    f"/problems/{name}"
    for name in ("log-unavailable", "not-visible-yet", "read-models-unavailable")
)
_OK_BELOW: Final = 300
_CLIENT_SECONDS_MAX: Final = 12.0
_REPEAT_SECONDS: Final = 0.3


def moment() -> float:
    """Give now, in the seconds of a history."""
    return seconds_of(datetime.now(UTC))


def moment_of(epoch_seconds: float) -> float:
    """Give an instant, in the seconds of a history."""
    return seconds_of(datetime.fromtimestamp(epoch_seconds, UTC))


def at(seconds: float) -> datetime:
    """Give the instant of a moment of a history."""
    return EPOCH + timedelta(seconds=seconds)


@dataclass(slots=True, kw_only=True)
class Callers:
    """Some callers of one API, who write down all that they sent and what was answered."""

    url: str
    stamps: Path
    history: History = field(default_factory=History)
    slow_seconds: float = 0.0
    began_at: float = field(default_factory=time.time)
    _under_way: set[int] = field(default_factory=set)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        """Connect when needed; connections that break are replaced."""
        machine()
        self._client = httpx.Client(base_url=self.url, timeout=_CLIENT_SECONDS_MAX)

    @property
    def task_ids(self) -> set[str]:
        """The ids of all tasks that were acknowledged, or that a doubtful answer named."""
        found = {request.task_id for request in self.history.requests}
        return {task_id for task_id in found if task_id is not None}

    @property
    def under_way(self) -> int:
        """How many requests wait for their answers now."""
        return len(self._under_way)

    def body(self, description: str, due_at: datetime, **more: Any) -> dict[str, Any]:
        """Give the body of a task that stamps its starts."""
        args: dict[str, Any] = {"file": str(self.stamps)}
        name = "stamp"
        if self.slow_seconds:
            name, args = "stamp slowly", {**args, "seconds": self.slow_seconds}
        return {
            "description": description,
            "time": due_at.isoformat(timespec="microseconds"),
            "recurring": False,
            "action": {"type": "python", "name": name, "args": args},
            **more,
        }

    def register(self, due_at: datetime, **more: Any) -> Request:
        """Register a task, and repeat what ended in doubt until it is known; bounded."""
        number = next(self._numbers)
        key = f"{self.stamps.parent.name}/{self.stamps.stem}/{number}"
        body = self.body(f"text {number}", due_at, **more)
        request = self.send("POST", "/tasks", body=body, key=key)
        for _ in range(REPEATS_MAX):
            if request.answer is Answer.OK or 400 <= request.status < 500:
                break
            time.sleep(_REPEAT_SECONDS)
            request = self.send("POST", "/tasks", body=body, key=key)
        return request

    def replace(self, task_id: str, due_at: datetime) -> Request:
        """Give a task another description and time."""
        body = self.body(f"text {next(self._numbers)}", due_at)
        return self.send("PUT", f"/tasks/{task_id}", body=body)

    def send(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, key: str | None = None
    ) -> Request:
        """Send one request; note it and its answer."""
        request = Request(
            number=next(self._numbers),
            method=method,
            path=path,
            api="",
            sent_at=moment(),
            body=body,
            key=key,
        )
        headers = {} if key is None else {"idempotency-key": key}
        self._under_way.add(request.number)
        try:
            answer = self._client.request(method, path, json=body, headers=headers)
        except httpx.TransportError as fault:
            request.problem = type(fault).__name__
        else:
            _note(request, answer)
        request.answered_at = moment()
        self._under_way.discard(request.number)
        self.history.requests.append(request)
        return request

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    @contextmanager
    def at_work(
        self, *, per_second: float, ahead_seconds: tuple[float, float] = (1.5, 9.0)
    ) -> Iterator[None]:
        """Register so many tasks per second meanwhile, some of which are changed or deleted.

        They are due between the two values ahead, evenly.
        """
        over = threading.Event()
        ticks = itertools.count()
        began = time.monotonic()

        def work() -> None:
            while not over.is_set():
                number = next(ticks)
                if over.wait(max(0.0, began + number / per_second - time.monotonic())):
                    return
                self._live_one(number, *ahead_seconds)

        with ThreadPoolExecutor(CALLERS) as threads:
            working = [threads.submit(work) for _ in range(CALLERS)]
            try:
                yield
            finally:
                over.set()
                for each in working:
                    each.result(_CLIENT_SECONDS_MAX * REPEATS_MAX)

    def _live_one(self, number: int, least: float, most: float) -> None:
        due_at = datetime.now(UTC) + timedelta(seconds=least + (most - least) * (number % 11) / 10)
        request = self.register(due_at)
        if request.answer is not Answer.OK or request.task_id is None:
            return
        if number % 7 == 3:
            self.replace(request.task_id, due_at + timedelta(seconds=1))
        elif number % 11 == 5:
            self.send("DELETE", f"/tasks/{request.task_id}")
        elif number % 5 == 1:
            self.send("GET", f"/tasks/{request.task_id}")


def _note(request: Request, answer: httpx.Response) -> None:
    request.status = answer.status_code
    request.visible = answer.headers.get("duetime-visible") != "false"
    request.replayed = answer.headers.get("idempotency-replayed") == "true"
    is_json = "json" in answer.headers.get("content-type", "")
    request.content = answer.json() if is_json and answer.content else None
    if answer.status_code < _OK_BELOW:
        request.answer = Answer.OK
        if isinstance(request.content, dict):
            request.task_id = request.content.get("id")
        return
    if isinstance(request.content, dict):
        request.problem = str(request.content.get("type", ""))
        request.task_id = request.content.get("task_id")
    if answer.status_code < 500 or request.problem in _NOT_WRITTEN:
        request.answer = Answer.REFUSED
