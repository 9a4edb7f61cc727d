"""HTTP without sockets: a request handed to an api's application inside its process.

Knows ASGI; not what paths mean. A request whose process dies, or that is not answered in time, ends
without an answer, as a broken connection does.
"""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any, Final, NamedTuple

from duetime.http.asgi import App, Scope
from tests.simulation.process import Process

CLIENT_WAIT_SECONDS_MAX: Final = 12.0


class Response(NamedTuple):
    """An answer, read whole."""

    status: int
    headers: dict[str, str]
    content: Any


async def send_request(
    process: Process,
    app: App,
    method: str,
    path: str,
    *,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Response | None:
    """Send a request and wait, bounded; None where no answer came."""
    raw = b"" if body is None else json.dumps(body).encode()
    given = {"host": "localhost", **(headers or {})}
    if body is not None:
        given |= {"content-type": "application/json", "content-length": str(len(raw))}
    exchange = _Exchange(raw)
    if not process.alive:
        return None
    scope = _scope(method, path, given)

    async def serve() -> None:
        await app(scope, exchange.receive, exchange.send)

    task = process.spawn(serve(), path)
    try:
        await asyncio.wait([task], timeout=CLIENT_WAIT_SECONDS_MAX)
        if exchange.done and process.alive:
            return exchange.response()
        return None
    finally:
        task.cancel()


def _scope(method: str, path: str, headers: dict[str, str]) -> Scope:
    bare, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": bare,
        "raw_path": bare.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("client", 1),
        "server": ("duetime", 80),
        "state": {},
    }


class _Exchange:
    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._status = 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self.done = False

    async def receive(self) -> MutableMapping[str, Any]:
        if self._body is None:
            # The caller stays on the line until it has its answer.
            await asyncio.sleep(CLIENT_WAIT_SECONDS_MAX)
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {
                bytes(name).decode(): bytes(value).decode() for name, value in message["headers"]
            }
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            self.done = not message.get("more_body", False)

    def response(self) -> Response:
        raw = b"".join(self._parts)
        is_json = "json" in self._headers.get("content-type", "")
        return Response(self._status, self._headers, json.loads(raw) if is_json and raw else None)
