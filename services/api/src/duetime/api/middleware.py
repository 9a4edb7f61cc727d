"""Around every request: its rate, errors and duration, and an answer where the api itself fails.

Knows ASGI and metrics; no route. Plain ASGI: a layer that wraps bodies costs more than a handler.
"""

from time import perf_counter
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duetime.api.edge import ROUTE
from duetime.http.asgi import answer
from duetime.http.health import HEALTH_PATHS
from duetime.http.problem import INTERNAL, PROBLEM_CONTENT_TYPE, Problem
from duetime.telemetry.metrics import OTHER, Metrics

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNMATCHED: Final = "unmatched"
_STREAM: Final = "/events"  # lasts as long as its client likes: no duration to watch
_PLAIN_ROUTES: Final = (*HEALTH_PATHS, _STREAM)
_log: Final = structlog.get_logger("duetime.api")


class Observed:
    """Counts and times requests by route template, never by path; turns faults into problems."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap `app`."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        # The last place that can still answer, and that is to count every fault.
        except Exception:
            _log.exception("request_failed", method=scope["method"], path=scope["path"][:200])
            if status != 0:
                raise  # half an answer is out: only closing the connection tells the truth
            await _answer_fault(watched)
        finally:
            self._count(scope, status, perf_counter() - began)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        route = scope.get(ROUTE) or getattr(scope.get("route"), "path_format", None) or _UNMATCHED
        if route == _UNMATCHED and scope["path"] in _PLAIN_ROUTES:
            route = scope["path"]
        self._metrics.api_requests_total.of(method, route, str(status)).inc()
        if route != _STREAM:
            self._metrics.api_request_seconds.of(method, route).observe(seconds)


async def _answer_fault(send: Send) -> None:
    problem = Problem(type=INTERNAL, detail="a fault of Duetime; its log has the details")
    await answer(
        send, status=problem.status, body=problem.body(), content_type=PROBLEM_CONTENT_TYPE
    )
