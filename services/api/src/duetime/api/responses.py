"""Whole answers, written once: what the framework's own would do with half a dozen steps.

Knows raw headers; not what is answered.
"""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

JSON: Final = "application/json"
_JSON_HEADER: Final = (b"content-type", JSON.encode())


class JsonResponse(Response):
    """A JSON text that is ready to be sent, with further headers (names in lower case)."""

    def __init__(self, body: bytes, *, status: int = 200, headers: Mapping[str, str]) -> None:
        """Take it as it is; the framework's constructor would copy and search it all."""
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
        ]
        self.raw_headers += [_JSON_HEADER, (b"content-length", b"%d" % len(body))]
