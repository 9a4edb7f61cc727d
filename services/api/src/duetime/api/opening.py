"""The api from the first moment of its process: it says what it waits for until it is open.

Knows that the log and the read models may be away when a process starts; not how they are opened.
The port listens before them: a client that is told to come back is better off than one that finds
nobody there, and a connection that it has kept is served by the api afterwards.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from duetime.api.app import ApiApp
from duetime.api.cross_origin import CrossOrigin
from duetime.api.edge import Edge, Hosts, problem_response
from duetime.api.middleware import Observed
from duetime.api.problems import no_events, read_models_unavailable, refused_by_log
from duetime.api.settings import ApiSettings
from duetime.http.asgi import App, Receive, Scope, Send
from duetime.http.health import HEALTH_PATHS, Health, HealthApp
from duetime.http.problem import Problem
from duetime.telemetry.metrics import Metrics


class Opening:
    """Answers 503, and when to come back, until it is given the api; then it is the api."""

    def __init__(
        self,
        *,
        settings: ApiSettings,
        metrics: Metrics,
        health: Health,
        unopened: Callable[[], str | None],
    ) -> None:
        """Refuse with what `unopened` says; tell of `health` at the paths of probes."""
        self._unopened = unopened
        self._told = HealthApp(health, metrics)
        hosts = Hosts(settings.hosts, bound=settings.host)
        edge = Edge(self._rest, hosts=hosts, create=self._refuse, one=self._refuse)
        self._app: App = CrossOrigin(Observed(edge, metrics), origins=settings.cors_origins)
        self._api: ApiApp | None = None

    def open(self, api: ApiApp) -> None:
        """Be the api from the next request on."""
        self._app = self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)

    def end_streams(self) -> None:
        """End the answers that go on for ever, where there are any."""
        if self._api is not None:
            self._api.end_streams()

    async def _rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in HEALTH_PATHS:
            await self._told(scope, receive, send)
            return
        response = await self._refuse(Request(scope, receive))
        await response(scope, receive, send)

    async def _refuse(self, request: Request) -> Response:
        return problem_response(self._problem(request.method, request.scope["path"]))

    def _problem(self, method: str, path: str) -> Problem:
        """Give what the open api says of a log, or of read models, that went away later."""
        reason = self._unopened() or "opening its parts"
        if path == "/events":
            return no_events(reason).problem
        if method in {"GET", "HEAD"}:
            return read_models_unavailable().problem
        return refused_by_log(reason).problem
