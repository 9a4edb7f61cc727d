"""GET /events: server-sent events, one connection per client for as long as it likes.

Knows ASGI and the headers of a stream; what is told is the feed's. Plain ASGI: nothing between the
queue and the socket, and the client's end is heard at once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from duetime.api import requests
from duetime.api.live.changes import frame_id
from duetime.api.live.feed import Feed
from duetime.api.live.subscriber import Subscriber
from duetime.http.asgi import header_lines
from duetime.limits import EVENTS_RETRY_MILLISECONDS, EVENTS_SEND_SECONDS_MAX
from duetime.log.port import LogError

_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # proxies hold nothing back
]


class EventsRoute:
    """The endpoint over the feed."""

    def __init__(self, feed: Feed) -> None:
        """Tell what `feed` tells."""
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client until it, or the feed, ends."""
        requests.no_parameters(Request(scope))
        if scope["method"] == "HEAD":
            await _begin(send)
            await send({"type": "http.response.body", "body": b""})
            return
        subscriber = await self._feed.subscribe()
        watch = asyncio.create_task(_until_gone(receive, subscriber), name="events client")
        try:
            await _begin(send)
            async for chunk in self._chunks(subscriber, header_lines(scope, b"last-event-id")):
                # A client that takes nothing for so long is gone, whatever its socket says.
                async with asyncio.timeout(EVENTS_SEND_SECONDS_MAX):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return  # the server closes what is not answered whole
        finally:
            self._feed.leave(subscriber)
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _chunks(self, subscriber: Subscriber, last_id: list[str]) -> AsyncIterator[bytes]:
        feed = self._feed
        place = frame_id(feed.ids.write(subscriber.since)) + b"\n"
        retry = b"retry: %d\n\n" % EVENTS_RETRY_MILLISECONDS
        if last_id and last_id[0]:
            yield retry
            told = feed.ids.read(last_id[0])
            if told is None:
                yield feed.farewell()
            else:
                try:
                    async for chunk in feed.missed(told, subscriber.since):
                        yield chunk
                except LogError:
                    yield feed.farewell()
            yield place
        else:
            yield retry + place
        while (queued := await subscriber.chunk()) is not None:
            yield queued


async def _begin(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})


async def _until_gone(receive: Receive, subscriber: Subscriber) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    subscriber.end()
