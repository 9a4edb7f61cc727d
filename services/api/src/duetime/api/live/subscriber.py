"""One listener: what waits to be sent to it, within bounds.

Knows chunks of bytes; not what they say, nor how they travel. A listener that takes less than comes
is not waited for: it is told to fetch its lists anew, and let go.
"""

import asyncio
from collections import deque

from duetime.api.live.changes import HEARTBEAT
from duetime.api.live.places import Place
from duetime.limits import EVENTS_QUEUE_BYTES_MAX, HEARTBEAT_SECONDS


class Subscriber:
    """A listener's queue. `since`: where it began to listen."""

    def __init__(self, since: Place) -> None:
        """Begin with an empty queue."""
        self.since = since
        self._chunks: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._news = asyncio.Event()

    def put(self, chunk: bytes, farewell: bytes) -> bool:
        """Queue a chunk; where there is no room it ends with `farewell`. Says whether it goes on.

        Chunks are shared by all listeners, so a queue costs little more than its references.
        """
        if not self._ended and self._bytes + len(chunk) > EVENTS_QUEUE_BYTES_MAX:
            self._chunks.clear()
            self.end(farewell)
            return False
        if not self._ended:
            self._add(chunk)
        return True

    def end(self, farewell: bytes = b"") -> None:
        """Let it go after what is queued and a last word. Harmless when repeated."""
        if not self._ended:
            self._ended = True
            self._add(farewell)

    async def chunk(self) -> bytes | None:
        """Give the next chunk, or a heartbeat after a while; None at the end."""
        if not self._chunks:
            if self._ended:
                return None
            self._news.clear()
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                return HEARTBEAT
        chunk = self._chunks.popleft()
        self._bytes -= len(chunk)
        return chunk

    def _add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._bytes += len(chunk)
        self._news.set()
