"""A client of the stream of events, inside the process: takes what comes, as fast as it is told.

Knows ASGI and the format of server-sent events; not what a test expects.
"""

import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from duetime.http.asgi import App

WAIT_SECONDS_MAX = 120.0  # virtual, mostly


class Told(NamedTuple):
    """One event of the stream."""

    id: str
    kind: str
    body: dict[str, Any]


class Stream:
    """One connection. Its `status` is 0 until the answer begins."""

    def __init__(self) -> None:
        """Begin connected, taking all that comes."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.ended = False
        self.taking = asyncio.Event()
        self.taking.set()
        self._gone = asyncio.Event()
        self._news = asyncio.Condition()

    async def receive(self) -> MutableMapping[str, Any]:
        """Say nothing until the client hangs up."""
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take a part of the answer, as soon as the client takes anything."""
        await self.taking.wait()
        async with self._news:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.text += message.get("body", b"").decode()
                self.ended = not message.get("more_body", False)
            self._news.notify_all()

    def hang_up(self) -> None:
        """Close the connection."""
        self._gone.set()

    @property
    def events(self) -> list[Told]:
        """What was told so far; the id is the last one that came (WHATWG HTML, 9.2.6)."""
        told: list[Told] = []
        last_id = ""
        for block in self.text.split("\n\n")[:-1]:
            fields = dict(
                line.split(": ", 1) for line in block.split("\n") if not line.startswith(":")
            )
            last_id = fields.get("id", last_id)
            if "data" in fields:
                told.append(Told(last_id, fields["event"], json.loads(fields["data"])))
        return told

    @property
    def last_id(self) -> str:
        """The id to come back with."""
        return [
            line.removeprefix("id: ") for line in self.text.split("\n") if line.startswith("id: ")
        ][-1]

    def kinds(self) -> list[str]:
        """Name the events, in order."""
        return [event.kind for event in self.events]

    async def until(self, count: int) -> list[Told]:
        """Wait until so many events were told; give them all."""
        await self.until_text(lambda _: len(self.events) >= count)
        return self.events

    async def until_text(self, holds: Any) -> None:
        """Wait until what came so far is enough, or the stream has ended."""
        async with asyncio.timeout(WAIT_SECONDS_MAX), self._news:
            await self._news.wait_for(lambda: holds(self.text) or self.ended)

    async def until_ended(self) -> None:
        """Wait for its end."""
        await self.until_text(lambda _: False)


@asynccontextmanager
async def following(
    app: App, *, last_id: str | None = None, method: str = "GET", taking: bool = True
) -> AsyncIterator[Stream]:
    """Follow GET /events from inside the process; hangs up at the end."""
    stream = Stream()
    if not taking:
        stream.taking.clear()
    headers = [(b"host", b"localhost")]
    if last_id is not None:
        headers.append((b"last-event-id", last_id.encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/events",
        "raw_path": b"/events",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    serving = asyncio.ensure_future(app(scope, stream.receive, stream.send))
    try:
        if taking:
            await stream.until_text(lambda text: "id: " in text)
        yield stream
    finally:
        stream.hang_up()
        stream.taking.set()
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await serving
