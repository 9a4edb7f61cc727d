"""What people do: they register, change, delete and read tasks, and write down what was answered.

Knows the plain HTTP contract; nothing of how it is kept. Callers behave as good ones do: they
repeat what ended in doubt under the same key, and they make the mistakes that real ones make.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final

from tests.simulation.history import Answer, Request, instant
from tests.simulation.http import Response, send_request
from tests.simulation.target import ACTION_NAME
from tests.simulation.world import World

_OK_BELOW: Final = 300
_BEYOND_SECONDS: Final = (3_600.0, 400 * 86_400.0)  # far tasks: never due in a history
_NOT_WRITTEN: Final = frozenset({"/problems/log-unavailable", "/problems/not-visible-yet"})
WARM_UP_SECONDS: Final = 4.0


@dataclass(slots=True, kw_only=True)
class Known:
    """A task as its caller knows it."""

    task_id: str
    body: dict[str, Any]
    due_at: float
    times: list[str] = field(default_factory=list)
    deleted: bool = False
    busy: bool = False


class Workload:
    """Some callers at once, over one list of known tasks each, or one for all."""

    def __init__(self, world: World) -> None:
        """Draw from the seed."""
        self._world = world
        self._switches = world.switches
        self._rng = Random(f"workload/{world.switches.seed}")
        self._numbers = 0
        self._tasks_left = world.switches.tasks
        self._herds = [
            WARM_UP_SECONDS + self._rng.uniform(5.0, world.switches.span_seconds)
            for _ in range(world.switches.herd_instants)
        ]

    async def run(self, until: float) -> None:
        """Let the callers work until a moment."""
        shared: list[Known] = []
        await asyncio.gather(
            *(
                self._caller(shared if self._switches.shared_tasks else [], until)
                for _ in range(self._switches.clients)
            )
        )

    async def _caller(self, known: list[Known], until: float) -> None:
        rng, switches = self._rng, self._switches
        await asyncio.sleep(rng.uniform(0.0, WARM_UP_SECONDS))
        weights = {
            self._create: 1.0,
            self._replace: switches.edit_share,
            self._delete: switches.delete_share,
            self._read: 0.4,
            self._list: 0.1,
        }
        pause = switches.span_seconds * switches.clients / (2.5 * switches.tasks)
        while self._world.now < until:
            does = rng.choices(list(weights), list(weights.values()))[0]
            await does(known)
            await asyncio.sleep(min(rng.expovariate(1.0 / pause), until - self._world.now + 0.1))

    # --- what a caller does -------------------------------------------------------------------

    async def _create(self, known: list[Known]) -> None:
        if self._tasks_left <= 0:
            return
        self._tasks_left -= 1
        rng = self._rng
        due_at = self._due_at()
        body = self._body(due_at)
        key = f"key-{self._numbers}" if rng.random() < self._switches.keyed_share else None
        request = await self.send("POST", "/tasks", body=body, key=key)
        if key is not None:
            for _ in range(3):
                if request.answer is not Answer.UNKNOWN and rng.random() > 0.2:
                    break
                await asyncio.sleep(rng.uniform(0.0, 3.0))
                other = rng.random() < 0.1
                again = {**body, "description": self._description()} if other else body
                repeated = await self.send("POST", "/tasks", body=again, key=key)
                request = request if request.answer is Answer.OK else repeated
        self._world.due_moments.append(due_at)
        if request.answer is Answer.OK and request.task_id is not None:
            text = body["time"]
            known.append(Known(task_id=request.task_id, body=body, due_at=due_at, times=[text]))

    async def _replace(self, known: list[Known]) -> None:
        task = self._pick(known)
        if task is None:
            return
        await self._approach(task)
        rng = self._rng
        body = {**task.body, "description": self._description()}
        due_at = task.due_at
        change = rng.random()
        if change < 0.4:
            due_at = self._due_at()
            body["time"] = _text(instant(due_at))
        elif change < 0.5 and len(task.times) > 1:
            body["time"] = rng.choice(task.times)
            due_at = (datetime.fromisoformat(body["time"]) - instant(0.0)).total_seconds()
        elif change < 0.6:
            body["recurring"] = not body["recurring"]
        condition = await self._condition(task)
        path = f"/tasks/{task.task_id}"
        if condition is not None and rng.random() < 0.3:
            # Two editors saw the same revision: one of them is to be told no.
            other = {**body, "description": self._description()}
            mine, theirs = await asyncio.gather(
                self.send("PUT", path, body=body, if_match=condition),
                self.send("PUT", path, body=other, if_match=condition),
            )
            request, body = (mine, body) if mine.answer is Answer.OK else (theirs, other)
        else:
            request = await self.send("PUT", path, body=body, if_match=condition)
        if request.answer is not Answer.REFUSED:
            task.body, task.due_at = body, due_at
            task.times.append(body["time"])
        task.busy = False

    async def _delete(self, known: list[Known]) -> None:
        task = self._pick(known)
        if task is None:
            return
        await self._approach(task)
        request = await self.send(
            "DELETE", f"/tasks/{task.task_id}", if_match=await self._condition(task)
        )
        task.deleted = request.answer is Answer.OK and request.status != 202
        task.busy = False

    async def _read(self, known: list[Known]) -> None:
        if known and self._rng.random() < 0.9:
            await self.send("GET", f"/tasks/{self._rng.choice(known).task_id}")
        else:
            await self.send("GET", f"/tasks/{self._rng.getrandbits(128):032x}")

    async def _list(self, _known: list[Known]) -> None:
        await self.send("GET", self._rng.choice(("/tasks", "/tasks?limit=3", "/tasks/logs")))

    # --- its own ------------------------------------------------------------------------------

    def _pick(self, known: list[Known]) -> Known | None:
        """Choose a task to change; one caller at a time, unless tasks are shared."""
        shared = self._switches.shared_tasks
        open_tasks = [task for task in known if not task.deleted and (shared or not task.busy)]
        if not open_tasks:
            return None
        task = self._rng.choice(open_tasks)
        task.busy = True
        return task

    async def _approach(self, task: Known) -> None:
        """Now and then wait until just before the task is due: where races are."""
        wait = task.due_at - self._world.now
        if self._rng.random() < self._switches.near_miss_share and 0.0 < wait < 15.0:
            await asyncio.sleep(max(0.0, wait - self._rng.uniform(-0.1, 2.5)))

    async def _condition(self, task: Known) -> str | None:
        """Ask which revision there is, as a careful caller does before a change."""
        if self._rng.random() >= self._switches.conditional_share:
            return None
        seen = await self.send("GET", f"/tasks/{task.task_id}")
        if seen.answer is not Answer.OK:
            return None
        await asyncio.sleep(self._rng.choice((0.0, 0.5, 3.0)))  # others may change it meanwhile
        return f'"{seen.content["revision"]}"'

    def _due_at(self) -> float:
        rng, now = self._rng, self._world.now
        latest = WARM_UP_SECONDS + self._switches.span_seconds
        if rng.random() < self._switches.far_share:
            return now + rng.uniform(*_BEYOND_SECONDS)
        herds = [herd for herd in self._herds if herd > now]
        if herds and rng.random() < 0.5:
            return herds[0]
        kind = rng.random()
        if kind < 0.15:
            return now + rng.uniform(-50.0, 0.5)
        if kind < 0.6:
            return min(latest, now + rng.uniform(0.5, 10.0))
        return rng.uniform(now, max(latest, now + 1.0))

    def _body(self, due_at: float) -> dict[str, Any]:
        rng, switches = self._rng, self._switches
        body: dict[str, Any] = {
            "description": self._description(),
            "time": _text(instant(due_at)),
            "recurring": rng.random() < switches.daily_share,
        }
        if rng.random() < switches.python_share:
            slow = rng.random() < switches.slow_action_share
            seconds = rng.uniform(0.5, 8.0) if slow else rng.choice((0.0, 0.01, 0.1))
            args = {"seconds": seconds, "fail": rng.random() < 0.1}
            body["action"] = {"type": "python", "name": ACTION_NAME, "args": args}
        return body

    def _description(self) -> str:
        self._numbers += 1
        return f"text {self._numbers}"

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | None = None,
        key: str | None = None,
        if_match: str | None = None,
    ) -> Request:
        """Send a request to some api, as a balancer would; note it and its answer."""
        world, rng = self._world, self._rng
        request = Request(
            number=len(world.history.requests) + 1,
            method=method,
            path=path,
            api="",
            sent_at=world.now,
            body=body,
            key=key,
            if_match=if_match,
        )
        world.history.requests.append(request)
        headers = {}
        if key is not None:
            headers["idempotency-key"] = key
        if if_match is not None:
            headers["if-match"] = if_match
        if method != "GET" and rng.random() < self._switches.respond_async_share:
            headers["prefer"] = "respond-async"
        slots = sorted(world.apps)
        response = None
        if slots:
            slot = rng.choice(slots)
            request.api = world.processes[slot].name
            response = await send_request(
                world.processes[slot], world.apps[slot], method, path, body=body, headers=headers
            )
        request.answered_at = world.now
        _note_answer(request, response)
        world.history.note(
            request.sent_at, f"request {request.number}", f"{method} {path} {body or ''}"
        )
        world.history.note(world.now, f"request {request.number}", _line(request))
        return request


def _note_answer(request: Request, response: Response | None) -> None:
    if response is None:
        return
    request.status, request.content = response.status, response.content
    request.visible = response.headers.get("duetime-visible") != "false"
    request.replayed = response.headers.get("idempotency-replayed") == "true"
    if response.status < _OK_BELOW:
        request.answer = Answer.OK
        if isinstance(response.content, dict):
            request.task_id = response.content.get("id")
        return
    if isinstance(response.content, dict):
        request.problem = str(response.content.get("type", ""))
    is_client_error = response.status < 500
    if is_client_error or request.problem in _NOT_WRITTEN:
        request.answer = Answer.REFUSED


def _line(request: Request) -> str:
    told = "" if request.visible or request.method == "GET" else " (not visible yet)"
    return f"{request.answer} {request.status} {request.task_id or ''} {request.problem}{told}"


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
