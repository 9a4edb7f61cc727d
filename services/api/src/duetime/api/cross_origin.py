"""Pages of other origins: what they may ask of the api, and see of its answers (CORS).

Knows headers and origins; not what is asked. A request without an origin takes no detour.
"""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware

from duetime.http.asgi import App, Receive, Scope, Send, header_lines

ALLOWED_HEADERS: Final = (
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
)
EXPOSED_HEADERS: Final = (
    "ETag",
    "Location",
    "Link",
    "Idempotency-Key",
    "Idempotency-Replayed",
    "Preference-Applied",
    "Retry-After",
    "Duetime-Visible",
)


class CrossOrigin:
    """Lets the pages of some origins call an application."""

    def __init__(self, app: App, *, origins: Sequence[str]) -> None:
        """Wrap `app`."""
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=ALLOWED_HEADERS,
            expose_headers=EXPOSED_HEADERS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        app = self._app
        if scope["type"] == "http" and header_lines(scope, b"origin"):
            app = self._cors
        await app(scope, receive, send)
