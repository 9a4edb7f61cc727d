"""The api as an application: its parts put together, its paths, its one shape of errors.

Knows FastAPI and the order of things; what an endpoint does is in `routes`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from duetime.api.admission import Admission
from duetime.api.batches import Batches
from duetime.api.cross_origin import CrossOrigin
from duetime.api.edge import Edge, Hosts, problem_response
from duetime.api.handlers import Handlers
from duetime.api.live.feed import Feed
from duetime.api.middleware import Observed
from duetime.api.openapi import describe
from duetime.api.reads import Reads
from duetime.api.routes.docs import DocsRoutes
from duetime.api.routes.events import EventsRoute
from duetime.api.routes.runs import RunRoutes
from duetime.api.routes.tasks import TaskRoutes
from duetime.api.settings import ApiSettings
from duetime.api.times import known_timezones
from duetime.api.visibility import Visibility
from duetime.http.asgi import App, Receive, Scope, Send
from duetime.http.health import HEALTH_PATHS, Health, HealthApp
from duetime.http.problem import (
    METHOD_NOT_ALLOWED,
    UNKNOWN_PATH,
    Problem,
    ProblemError,
)
from duetime.log.port import Log
from duetime.runtime.clock import Clock
from duetime.runtime.ids import Ids
from duetime.runtime.precedence import Precedence
from duetime.store.port import Store
from duetime.telemetry.metrics import Metrics

_SHOWN_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What an api shares its process with.

    A python action whose name is not among `python_actions` is refused; None: this process cannot
    know them. Batches go before whatever gives way to `precedence`.
    """

    python_actions: Collection[str] | None = None
    precedence: Precedence = field(default_factory=Precedence)


def build_app(
    *,
    log: Log,
    store: Store,
    clock: Clock,
    ids: Ids,
    metrics: Metrics,
    settings: ApiSettings,
    health: Health | None = None,
    beside: Beside | None = None,
) -> "ApiApp":
    """Put the api together.

    `health` is what `/readyz` tells of; the process adds its checks to it.
    """
    known_timezones()  # reads the zone files now, not under the first request
    visibility = Visibility(log=log, store=store, clock=clock)
    reads = Reads(store=store, visibility=visibility, clock=clock)
    admission, beside = Admission(log), beside or Beside()
    handlers = Handlers(
        log=log,
        reads=reads,
        visibility=visibility,
        admission=admission,
        clock=clock,
        ids=ids,
        known_actions=beside.python_actions,
    )
    batches = Batches(
        log=log,
        reads=reads,
        admission=admission,
        clock=clock,
        ids=ids,
        known_actions=beside.python_actions,
        precedence=beside.precedence,
    )
    tasks = TaskRoutes(handlers=handlers, batches=batches, reads=reads, clock=clock)
    feed = Feed(log=log, store=store, clock=clock, metrics=metrics)
    framework = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={ProblemError: _on_problem, HTTPException: _on_http_exception},
    )
    _add_routes(framework, tasks, RunRoutes(reads=reads))
    told = HealthApp(health or Health(), metrics)
    framework.router.routes += [
        Route("/events", EventsRoute(feed), methods=["GET"]),
        *(Route(path, told, methods=["GET"]) for path in HEALTH_PATHS),
    ]
    hosts = Hosts(settings.hosts, bound=settings.host)
    edge = Edge(framework, hosts=hosts, create=tasks.create, one=tasks.one)
    return ApiApp(
        framework=framework,
        observed=Observed(edge, metrics),
        feed=feed,
        cors_origins=settings.cors_origins,
    )


class ApiApp:
    """The api as an ASGI application. What comes from a page of another origin passes CORS."""

    def __init__(
        self, *, framework: FastAPI, observed: App, feed: Feed, cors_origins: Sequence[str]
    ) -> None:
        """Serve `observed`, which ends in `framework`."""
        self.framework = framework
        self._feed = feed
        self._app = CrossOrigin(observed, origins=cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)

    def end_streams(self) -> None:
        """End the answers that go on for ever; new ones are refused."""
        self._feed.close()


class _TaskId(StringConvertor):
    """Whatever may stand for a task's id in a path: not the names that mean something else."""

    regex = "(?!(?:logs|batch)(?:/|$))[^/]+"


def _add_routes(app: FastAPI, tasks: TaskRoutes, runs: RunRoutes) -> None:
    """Give every path its endpoint. What can be read can be asked for its head alone."""
    register_url_convertor("task", _TaskId())
    for path, method, endpoint in (
        ("/tasks", "POST", tasks.create),
        ("/tasks", "GET", tasks.many),
        ("/tasks/logs", "GET", runs.logs),
        ("/tasks/batch", "POST", tasks.create_many),
        ("/tasks/{task_id}", "GET", tasks.one),
        ("/tasks/{task_id}", "PUT", tasks.replace),
        ("/tasks/{task_id}", "PATCH", tasks.patch),
        ("/tasks/{task_id}", "DELETE", tasks.delete),
        ("/tasks/{task_id}/runs", "GET", runs.of_task),
        ("/runs", "GET", runs.many),
    ):
        methods = ["GET", "HEAD"] if method == "GET" else [method]
        convertible = path.replace("{task_id}", "{task_id:task}")
        app.add_api_route(convertible, endpoint, methods=methods, **describe(method, path))
    docs = DocsRoutes()
    for path, told in (
        ("/openapi.json", docs.document),
        ("/docs", docs.page),
        ("/problems/{slug}", docs.problem),
    ):
        app.add_api_route(path, told, methods=["GET", "HEAD"], include_in_schema=False)


async def _on_problem(_request: Request, fault: Exception) -> Response:
    assert isinstance(fault, ProblemError)
    return problem_response(fault.problem)


async def _on_http_exception(request: Request, fault: Exception) -> Response:
    """Give the framework's own refusals our shape: no path, or no such method on it."""
    assert isinstance(fault, HTTPException)
    path = request.scope["path"][:_SHOWN_CHARS_MAX]
    allowed = _allowed_methods(request)
    if not allowed:
        return problem_response(
            Problem(
                type=UNKNOWN_PATH, detail=f"there is nothing at {path}; /docs lists what there is"
            )
        )
    names = ", ".join(allowed)
    return problem_response(
        Problem(
            type=METHOD_NOT_ALLOWED,
            detail=f"{path} knows {names}, not {request.method[:_SHOWN_CHARS_MAX]}",
            headers=(("allow", names),),
        )
    )


def _allowed_methods(request: Request) -> list[str]:
    """Give the methods of every route that matches the path, not of the first one alone."""
    methods: set[str] = set()
    app: FastAPI = request.app
    for route in app.router.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE and isinstance(route, Route):
            methods |= route.methods or set()
    return sorted(methods)
