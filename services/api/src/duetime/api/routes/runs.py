"""/runs and /tasks/logs: what ran, for programs and for people."""

from fastapi import Request, Response

from duetime.api import requests
from duetime.api.reads import Reads
from duetime.api.routes.tasks import listed


class RunRoutes:
    """The endpoints over the read models."""

    def __init__(self, *, reads: Reads) -> None:
        """Serve from these."""
        self._reads = reads

    async def logs(self, request: Request) -> Response:
        """List what happened, one line per run, newest first."""
        wanted = requests.page_wanted(request)
        page = await self._reads.logs(wanted.items_max, wanted.cursor)
        return listed(request, wanted, page)

    async def many(self, request: Request) -> Response:
        """List the runs of all tasks, newest first."""
        wanted = requests.page_wanted(request)
        page = await self._reads.runs(wanted.items_max, wanted.cursor)
        return listed(request, wanted, page)

    async def of_task(self, request: Request) -> Response:
        """List the runs of one task, newest first."""
        wanted = requests.page_wanted(request)
        page = await self._reads.runs(
            wanted.items_max, wanted.cursor, request.path_params["task_id"]
        )
        return listed(request, wanted, page)
