"""An HTTP server as a service: uvicorn over a socket that is already bound.

Knows uvicorn; not the application. The process owns the signals, so uvicorn gets none.
"""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn
from typing_extensions import override

from duetime.http.asgi import App
from duetime.http.protocol import Protocol

_BACKLOG: Final = 2_048
_GRACE_SECONDS: Final = 5


class _Server(uvicorn.Server):
    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpService:
    """Serves an ASGI application on a bound socket until drained."""

    def __init__(
        self,
        *,
        name: str,
        app: App,
        listener: socket.socket,
        end_streams: Callable[[], None] | None = None,
    ) -> None:
        """Take the application and where it listens.

        `end_streams` ends answers that would go on for ever: draining waits for all of them.
        """
        self.name = name
        self._end_streams = end_streams
        self._listener = listener
        self._server = _Server(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nobody here asks where a request came from
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )

    async def run(self) -> None:
        """Serve until drained."""
        await self._server.serve(sockets=[self._listener])

    def drain(self) -> None:
        """Take no more requests; those under way are answered."""
        if self._end_streams is not None:
            self._end_streams()
        self._server.should_exit = True

    def unready(self) -> str | None:
        """Say why it does not serve."""
        return None if self._server.started else "not listening yet"


def bind(host: str, port: int) -> socket.socket:
    """Bind a listening address before anything else starts. Raises OSError where it is taken."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.setblocking(False)  # noqa: FBT003 - the socket module's own signature
    except OSError:
        listener.close()
        raise
    return listener
