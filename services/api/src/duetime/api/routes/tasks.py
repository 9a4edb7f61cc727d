"""/tasks: registering, reading, replacing and deleting tasks.

Knows statuses and headers of the answers; what they say is the handlers' to decide.
"""

from typing import Final
from urllib.parse import quote

from fastapi import Request, Response

from duetime.api import answers, requests
from duetime.api.body import read_json
from duetime.api.definitions import read_wish
from duetime.api.handlers import Handlers, Written
from duetime.api.reads import Page, Reads
from duetime.runtime.clock import Clock

JSON: Final = "application/json"


class TaskRoutes:
    """The endpoints over one set of handlers."""

    def __init__(self, *, handlers: Handlers, reads: Reads, clock: Clock) -> None:
        """Serve with these."""
        self._handlers = handlers
        self._reads = reads
        self._clock = clock

    async def create(self, request: Request) -> Response:
        """Register a task. It runs at `time`; `recurring` ones again every day."""
        requests.no_parameters(request)
        key = requests.idempotency_key(request)
        wish = read_wish(await read_json(request))
        wait = not requests.responds_async(request)
        written = await self._handlers.create(wish, key, wait=wait)
        assert written.idempotency_key is not None
        headers = {
            "location": f"/tasks/{written.document.task_id}",
            "idempotency-key": written.idempotency_key,
        }
        if written.replayed:
            headers["idempotency-replayed"] = "true"
        return self._task(written, 201, headers, wait=wait)

    async def replace(self, request: Request) -> Response:
        """Replace a task's plain fields; fields that the body does not name stay."""
        requests.no_parameters(request)
        condition = requests.expected(request)
        task_id: str = request.path_params["task_id"]
        # Whether the task exists is said before anything about the body: the id is wrong first.
        await self._reads.existing(task_id)
        wish = read_wish(await read_json(request))
        wait = not requests.responds_async(request)
        written = await self._handlers.replace(task_id, wish, condition, wait=wait)
        if condition is not None and not written.visible:
            return self._undecided(written, wait=wait)
        return self._task(written, 200, {}, wait=wait)

    async def delete(self, request: Request) -> Response:
        """Delete a task: no occurrence of it starts any more."""
        requests.no_parameters(request)
        condition = requests.expected(request)
        wait = not requests.responds_async(request)
        written = await self._handlers.delete(request.path_params["task_id"], condition, wait=wait)
        if condition is not None and not written.visible:
            return self._undecided(written, wait=wait)
        return Response(status_code=204, headers=_visibility(written, wait=wait))

    async def one(self, request: Request) -> Response:
        """Give a task as it stands."""
        requests.no_parameters(request)
        document = await self._reads.task(request.path_params["task_id"])
        body = answers.encode(answers.task_members(document, self._clock.now()))
        assert document.task is not None
        return Response(body, media_type=JSON, headers={"etag": f'"{document.task.revision}"'})

    async def many(self, request: Request) -> Response:
        """List all tasks that are not deleted: waiting ones by next due, then finished ones."""
        wanted = requests.page_wanted(request)
        page = await self._reads.tasks(wanted.items_max, wanted.cursor)
        return listed(request, wanted, page)

    def _task(
        self, written: Written, status: int, headers: dict[str, str], *, wait: bool
    ) -> Response:
        document = written.document
        assert document.task is not None
        body = answers.encode(answers.task_members(document, self._clock.now()))
        headers |= {"etag": f'"{document.task.revision}"', **_visibility(written, wait=wait)}
        return Response(body, status_code=status, media_type=JSON, headers=headers)

    def _undecided(self, written: Written, *, wait: bool) -> Response:
        """Answer a conditional write that nobody has folded yet: it is durable, not yet decided."""
        headers = {"location": f"/tasks/{written.document.task_id}"}
        return Response(status_code=202, headers=headers | _visibility(written, wait=wait))


def listed(request: Request, wanted: requests.PageWanted, page: Page) -> Response:
    """Answer with a plain array; where it goes on, a Link header says so."""
    headers = {}
    if page.next_cursor is not None:
        limit = "" if wanted.limit is None else f"limit={wanted.limit}&"
        path = quote(request.scope.get("root_path", "") + request.scope["path"])
        target = f"{path}?{limit}cursor={quote(page.next_cursor, safe='')}"
        headers["link"] = f'<{target}>; rel="next"'
    return Response(page.body, media_type=JSON, headers=headers)


def _visibility(written: Written, *, wait: bool) -> dict[str, str]:
    """Give the headers that say whether a read shows the write, and what was asked for."""
    headers = {}
    if not written.visible:
        headers["duetime-visible"] = "false"
    if not wait:
        headers["preference-applied"] = "respond-async"
    return headers
