"""HTTP/1.1 as uvicorn reads it: what is none gets a problem as all else does; heads are bounded.

Knows uvicorn's protocol; not the application.
The parser keeps whatever comes before a request's body, so without a bound one connection could
fill the memory before anybody has looked at it.
"""

from http import HTTPStatus
from typing import Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from duetime.http.problem import (
    HEAD_TOO_LARGE,
    MALFORMED_REQUEST,
    PROBLEM_CONTENT_TYPE,
    Problem,
)
from duetime.limits import HEAD_BYTES_MAX

_MALFORMED: Final = Problem(type=MALFORMED_REQUEST, detail="what came cannot be read as HTTP/1.1")
_TOO_LARGE: Final = Problem(
    type=HEAD_TOO_LARGE,
    detail=f"the request's target and headers are larger than {HEAD_BYTES_MAX // 1024} KiB",
)


class Protocol(HttpToolsProtocol):
    """One connection."""

    _in_head = False
    _head_bytes = 0

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._refuse(_TOO_LARGE)

    @override
    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(_MALFORMED)

    def _refuse(self, problem: Problem) -> None:
        """Answer past the application, which never hears of it, and let go of the client."""
        body = problem.body()
        lines = (
            f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
            f"content-type: {PROBLEM_CONTENT_TYPE}",
            f"content-length: {len(body)}",
            "connection: close",
            "",
            "",
        )
        self.transport.write("\r\n".join(lines).encode("ascii") + body)
        self.transport.close()
