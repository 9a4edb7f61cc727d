"""Is it alive, is it ready, what does it measure: `/livez`, `/readyz`, `/metrics`.

Knows named checks and how they are told; not what they check. Liveness asks nothing of anybody: an
answer is the proof that the loop turns, and a log that hiccups must not get a process restarted.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

import orjson

from duetime.http.asgi import Receive, Scope, Send, answer, header_lines
from duetime.http.problem import METHOD_NOT_ALLOWED, PROBLEM_CONTENT_TYPE, UNKNOWN_PATH, Problem
from duetime.telemetry.metrics import Metrics

Check = Callable[[], str | None]
"""Gives None while all is well, else the reason, as a short phrase. Must not block."""

HEALTH_PATHS: Final = ("/livez", "/readyz", "/metrics")
_JSON: Final = "application/json"
_UNCACHED: Final = (("cache-control", "no-store"),)


class Health:
    """The named conditions under which a process is ready. Empty: ready at once."""

    def __init__(self) -> None:
        """Begin without any check."""
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Ask `check` too; a name is given once."""
        if name in self._checks:
            message = f"there is a check named {name!r} already"
            raise ValueError(message)
        self._checks[name] = check

    def reasons(self) -> dict[str, str | None]:
        """Give every check with its reason not to be ready, or None."""
        return {name: check() for name, check in self._checks.items()}

    @property
    def ready(self) -> bool:
        """Whether every check is content."""
        return not any(check() is not None for check in self._checks.values())


class HealthApp:
    """The three paths as one ASGI application, for a framework's router or for a plain server."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        """Tell of these."""
        self._health = health
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["method"] not in {"GET", "HEAD"}:
            await _refuse(
                send,
                Problem(
                    type=METHOD_NOT_ALLOWED,
                    detail=f"{scope['path']} knows GET and HEAD",
                    headers=(("allow", "GET, HEAD"),),
                ),
            )
            return
        match scope["path"]:
            case "/livez":
                await answer(
                    send,
                    status=200,
                    body=b'{"status":"alive"}',
                    content_type=_JSON,
                    headers=_UNCACHED,
                )
            case "/readyz":
                await self._tell_readiness(scope, send)
            case "/metrics":
                body, content_type = self._metrics.exposition(
                    ", ".join(header_lines(scope, b"accept"))
                )
                await answer(
                    send, status=200, body=body, content_type=content_type, headers=_UNCACHED
                )
            case path:
                known = ", ".join(HEALTH_PATHS)
                await _refuse(send, Problem(type=UNKNOWN_PATH, detail=f"{path} is none of {known}"))

    async def _tell_readiness(self, scope: Scope, send: Send) -> None:
        reasons = self._health.reasons()
        failing = {name: reason for name, reason in reasons.items() if reason is not None}
        told: dict[str, object] = {"status": "not ready" if failing else "ready"}
        if failing:
            told["failing"] = failing
        if "verbose" in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True):
            told["checks"] = {name: reason or "ok" for name, reason in reasons.items()}
        await answer(
            send,
            status=503 if failing else 200,
            body=orjson.dumps(told),
            content_type=_JSON,
            headers=_UNCACHED,
        )


async def _refuse(send: Send, problem: Problem) -> None:
    await answer(
        send,
        status=problem.status,
        body=problem.body(),
        content_type=PROBLEM_CONTENT_TYPE,
        headers=problem.headers,
    )
