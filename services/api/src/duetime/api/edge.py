"""The outermost layer: who may ask, and the two questions that are asked most, without detours.

Knows ASGI and paths; endpoints are the same that the framework serves. Its machinery costs as much
as a registration itself, so `POST /tasks` and `GET /tasks/{task_id}` are answered before it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from duetime.http.asgi import App, Receive, Scope, Send
from duetime.http.problem import PROBLEM_CONTENT_TYPE, UNKNOWN_HOST, Problem, ProblemError

Endpoint = Callable[[Request], Awaitable[Response]]

ROUTE: Final = "duetime.route"
"""Where the scope tells which route was taken, as its template."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_WILDCARDS: Final = frozenset({"0.0.0.0", "::", "*"})  # noqa: S104 -- names what a setting may say
_ANY_HOST: Final = "*"
_PROBED: Final = frozenset({"/livez", "/readyz"})  # by whatever address an orchestrator knows
_HOSTS_KEPT_MAX: Final = 64
_SHOWN_CHARS_MAX: Final = 80
_ONE: Final = "/tasks/"
_OTHER_NAMES: Final = frozenset({"logs", "batch"})


class Hosts:
    """The names under which this api may be asked.

    A page from anywhere can have its own name lead to 127.0.0.1 (DNS rebinding) and then read what
    listens there; but it cannot change the Host header. An api on all addresses is meant to be
    found, under names that it cannot know: there only what is set counts.
    """

    def __init__(self, names: Sequence[str], *, bound: str) -> None:
        """Take the names that are set; none: loopback's, and that of the address."""
        shown = f"[{bound}]" if ":" in bound else bound
        self._names = frozenset(map(str.lower, names)) or _LOOPBACK | {shown.lower()}
        self._all = _ANY_HOST in self._names or (not names and bound in _WILDCARDS)
        self._fine: set[bytes] = set()

    def allow(self, host: bytes) -> bool:
        """Say whether the name in a Host header is one of them, whatever the port."""
        if self._all or host in self._fine:
            return True
        name = host.decode("latin-1").lower()
        if not name.endswith("]"):
            head, colon, port = name.rpartition(":")
            name = head if colon and port.isdecimal() else name
        if name not in self._names:
            return False
        if len(self._fine) < _HOSTS_KEPT_MAX:
            self._fine.add(host)
        return True


class Edge:
    """Refuses what asks under a foreign name, answers what is asked most, hands on the rest."""

    def __init__(self, rest: App, *, hosts: Hosts, create: Endpoint, one: Endpoint) -> None:
        """Answer registrations by `create` and reads of a task by `one`, all else by `rest`."""
        self._rest = rest
        self._hosts = hosts
        self._create = create
        self._one = one

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        problem = self._foreign(scope)
        if problem is not None:
            await problem_response(problem)(scope, receive, send)
            return
        endpoint = self._endpoint(scope)
        if endpoint is None:
            await self._rest(scope, receive, send)
            return
        try:
            response = await endpoint(Request(scope, receive))
        except ProblemError as fault:
            response = problem_response(fault.problem)
        await response(scope, receive, send)

    def _foreign(self, scope: Scope) -> Problem | None:
        for name, value in scope["headers"]:
            if name == b"host" and not self._hosts.allow(value) and scope["path"] not in _PROBED:
                shown = value.decode("latin-1")[:_SHOWN_CHARS_MAX]
                return Problem(type=UNKNOWN_HOST, detail=f"{shown} is no name of this api")
        return None

    def _endpoint(self, scope: Scope) -> Endpoint | None:
        if scope.get("root_path"):
            return None
        path: str = scope["path"]
        match scope["method"]:
            case "POST" if path == "/tasks":
                scope[ROUTE] = path
                return self._create
            case "GET" if path.startswith(_ONE):
                task_id = path[len(_ONE) :]
                if not task_id or "/" in task_id or task_id in _OTHER_NAMES:
                    return None
                scope[ROUTE] = "/tasks/{task_id}"
                scope["path_params"] = {"task_id": task_id}
                return self._one
            case _:
                return None


def problem_response(problem: Problem) -> Response:
    """Answer with a problem."""
    return Response(
        problem.body(),
        status_code=problem.status,
        media_type=PROBLEM_CONTENT_TYPE,
        headers=dict(problem.headers),
    )
