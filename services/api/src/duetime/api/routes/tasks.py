"""/tasks: registering, reading, changing and deleting tasks.

Knows statuses and headers of the answers; what they say is the handlers' to decide.
"""

from typing import Any
from urllib.parse import quote

from fastapi import Request, Response

from duetime.api import answers, problems, requests
from duetime.api.batches import Batches, Entry
from duetime.api.body import parse_json, read_json, read_text
from duetime.api.definitions import read_wish
from duetime.api.handlers import Expected, Handlers, Manner, Written
from duetime.api.quick import read_one_quickly
from duetime.api.reads import Page, Reads
from duetime.api.responses import JsonResponse
from duetime.limits import BATCH_BODY_BYTES_MAX, BATCH_SLICE_TASKS, BODY_BYTES_MAX
from duetime.runtime.clock import Clock


class TaskRoutes:
    """The endpoints over one set of handlers."""

    def __init__(self, *, handlers: Handlers, batches: Batches, reads: Reads, clock: Clock) -> None:
        """Serve with these."""
        self._batches = batches
        self._handlers = handlers
        self._reads = reads
        self._clock = clock

    async def create(self, request: Request) -> Response:
        """Register a task. It runs at `time`; `recurring` ones again every day."""
        requests.no_parameters(request)
        key = requests.idempotency_key(request)
        text = await read_text(request, BODY_BYTES_MAX)
        wish = read_one_quickly(text) or read_wish(parse_json(text))
        manner = requests.manner(request)
        written = await self._handlers.create(wish, key, manner)
        assert written.idempotency_key is not None
        headers = {
            "location": f"/tasks/{written.document.task_id}",
            "idempotency-key": written.idempotency_key,
        }
        if written.replayed:
            headers["idempotency-replayed"] = "true"
        return self._task(written, 201, headers, manner)

    async def create_many(self, request: Request) -> Response:
        """Register the tasks of an array, each by itself; 201 where all of them are registered."""
        requests.no_parameters(request)
        requests.no_key(request)
        with self._batches.room():
            body = await read_text(request, BATCH_BODY_BYTES_MAX)
            entries = await self._batches.create(body, requests.manner(request))
        all_are = all(entry.fault is None for entry in entries)
        return JsonResponse(
            await answers.array(entries, Entry.members, size=BATCH_SLICE_TASKS),
            status=201 if all_are else 200,
            headers={"duetime-visible": "false"},
        )

    async def replace(self, request: Request) -> Response:
        """Replace a task's plain fields; fields that the body does not name stay."""
        task_id, condition, value, manner = await self._change(request)
        wish = read_wish(value)
        return self._changed(await self._handlers.replace(task_id, wish, condition, manner), manner)

    async def patch(self, request: Request) -> Response:
        """Merge a patch into a task: what it does not name stays, what it sets to null goes."""
        task_id, condition, value, manner = await self._change(request)
        if not isinstance(value, dict):
            raise problems.no_object(value)
        return self._changed(await self._handlers.patch(task_id, value, condition, manner), manner)

    async def delete(self, request: Request) -> Response:
        """Delete a task: no occurrence of it starts any more."""
        requests.no_parameters(request)
        condition = requests.expected(request)
        manner = requests.manner(request)
        written = await self._handlers.delete(request.path_params["task_id"], condition, manner)
        if not written.decided:
            return self._undecided(written, manner)
        return Response(status_code=204, headers=_visibility(written, manner))

    async def one(self, request: Request) -> Response:
        """Give a task as it stands."""
        requests.no_parameters(request)
        document = await self._reads.task(request.path_params["task_id"])
        body = answers.encode(answers.task_members(document, self._clock.now()))
        headers = {"etag": answers.tag_of(document, body)}
        if requests.not_modified(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return JsonResponse(body, headers=headers)

    async def many(self, request: Request) -> Response:
        """List all tasks that are not deleted: waiting ones by next due, then finished ones."""
        wanted, which = requests.tasks_wanted(request)
        page = await self._reads.tasks(wanted.items_max, wanted.cursor, which)
        return listed(request, wanted, page)

    async def _change(self, request: Request) -> tuple[str, Expected | None, Any, Manner]:
        requests.no_parameters(request)
        condition = requests.expected(request)
        task_id: str = request.path_params["task_id"]
        # Whether the task exists is said before anything about the body: the id is wrong first.
        await self._reads.existing(task_id)
        return task_id, condition, await read_json(request), requests.manner(request)

    def _changed(self, written: Written, manner: Manner) -> Response:
        if not written.decided:
            return self._undecided(written, manner)
        return self._task(written, 200, {}, manner)

    def _task(
        self, written: Written, status: int, headers: dict[str, str], manner: Manner
    ) -> Response:
        document = written.document
        assert document.task is not None
        body = answers.encode(answers.task_members(document, self._clock.now()))
        headers |= {"etag": f'"{document.task.revision}"', **_visibility(written, manner)}
        return JsonResponse(body, status=status, headers=headers)

    def _undecided(self, written: Written, manner: Manner) -> Response:
        """Answer a conditional write of which nobody can tell yet whether its condition held."""
        headers = {"location": f"/tasks/{written.document.task_id}"}
        return Response(status_code=202, headers=headers | _visibility(written, manner))


def listed(request: Request, wanted: requests.PageWanted, page: Page) -> Response:
    """Answer with a plain array; where it goes on, a Link header says so."""
    headers = {}
    if page.next_cursor is not None:
        path = quote(request.scope.get("root_path", "") + request.scope["path"])
        headers["link"] = f'<{path}?{wanted.query(page.next_cursor)}>; rel="next"'
    return JsonResponse(page.body, headers=headers)


def _visibility(written: Written, manner: Manner) -> dict[str, str]:
    """Give the headers that say whether a read shows the write, and what was asked for."""
    headers = {}
    if not written.visible:
        headers["duetime-visible"] = "false"
    if not manner.wait:
        headers["preference-applied"] = "respond-async"
    return headers
