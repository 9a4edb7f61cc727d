"""A request's body: read within bounds, then read as JSON, strictly.

Knows bytes, limits and JSON; not what any field means. What is refused here changed nothing.
Beyond syntax it refuses what two readers may read differently: a name that comes twice in an
object (some take the first, some the last), and numbers that lose digits on the way (integers
beyond 64 bits).
"""

import asyncio
import json
from typing import Any, Final

import orjson
from starlette.requests import Request

from duetime.api.problems import too_large
from duetime.http.asgi import Receive, header_lines
from duetime.http.problem import (
    MALFORMED_JSON,
    REQUEST_INCOMPLETE,
    UNSUPPORTED_MEDIA_TYPE,
    Problem,
    ProblemError,
)
from duetime.limits import BODY_BYTES_MAX, BODY_WAIT_SECONDS_MAX, JSON_DEPTH_MAX

_INTEGER_MIN: Final = -(2**63)
_INTEGER_MAX: Final = 2**64 - 1
_INTEGER_DIGITS_MAX: Final = 20
_NAME_CHARS_SHOWN_MAX: Final = 80


async def read_json(request: Request) -> Any:
    """Give the body as JSON values. Raises ProblemError (400, 408, 413, 415)."""
    return parse_json(await read_text(request, BODY_BYTES_MAX))


async def read_text(request: Request, bytes_max: int) -> bytes:
    """Give the body, which says that it is JSON. Raises ProblemError (408, 413, 415)."""
    _expect_json(request)
    return await read_body(request, bytes_max)


async def read_body(request: Request, bytes_max: int) -> bytes:
    """Read the whole body, counting: a length that was promised is not trusted, nor needed."""
    promised = header_lines(request.scope, b"content-length")
    if promised and promised[0].isdecimal() and int(promised[0]) > bytes_max:
        raise too_large(bytes_max)
    receive = request.receive
    message = await _first_part(receive)
    part: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(part) > bytes_max:
            raise too_large(bytes_max)
        return part
    parts = [part]
    length = len(part)
    async with asyncio.timeout(BODY_WAIT_SECONDS_MAX) as waiting:
        try:
            while message.get("more_body", False):
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _incomplete("the client went away in the middle of the body")
                part = message.get("body", b"")
                length += len(part)
                if length > bytes_max:
                    raise too_large(bytes_max)
                parts.append(part)
        except asyncio.CancelledError:
            if waiting.expired():
                raise _incomplete(
                    f"the body did not arrive within {BODY_WAIT_SECONDS_MAX:.0f} s"
                ) from None
            raise
    return b"".join(parts)


async def _first_part(receive: Receive) -> Any:
    # Servers hand over the first part together with the request's head or soon after: one timer
    # per request would cost more than it guards, so only what follows is watched.
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _incomplete("the client went away before its body")
    return message


def parse_json(body: bytes) -> Any:
    """Read JSON. Raises ProblemError with line and column of what is wrong."""
    try:
        # First pass: syntax, UTF-8, lone surrogates, infinite numbers; exact about the place.
        value = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        if not body.strip():
            raise _malformed("the body is empty; a JSON object is expected") from None
        _expect_utf8(body)
        where = f"line {fault.lineno}, column {fault.colno}"
        raise _malformed(f"{where}: {fault.msg}", line=fault.lineno, column=fault.colno) from None
    if body.count(b"[") + body.count(b"{") > JSON_DEPTH_MAX and _nests_too_deep(value):
        raise _malformed(f"objects and arrays nest deeper than {JSON_DEPTH_MAX} levels")
    # Second pass: what the first one passes over in silence.
    return _DECODER.decode(body.decode())


def _expect_utf8(body: bytes) -> None:
    """Say where a body stops being UTF-8: the parser itself blames its first column."""
    try:
        body.decode()
    except UnicodeDecodeError as fault:
        byte = body[fault.start]
        raise _malformed(f"byte {fault.start + 1} ({byte:#04x}) is not UTF-8") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _malformed(f"the name {_shown(name)} comes twice in one object")
            seen.add(name)
    return members


def _integer(digits: str) -> int:
    if len(digits) <= _INTEGER_DIGITS_MAX:
        number = int(digits)
        if _INTEGER_MIN <= number <= _INTEGER_MAX:
            return number
    raise _malformed(f"the integer {_shown(digits)} does not fit in 64 bits")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def _nests_too_deep(value: Any) -> bool:
    """Say whether containers nest deeper than the limit, level by level, without recursion."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(JSON_DEPTH_MAX):
        if not level:
            return False
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def _expect_json(request: Request) -> None:
    content_types = header_lines(request.scope, b"content-type")
    if content_types == ["application/json"]:
        _expect_uncompressed(request)
        return
    if not content_types:
        # Without this a page of any origin could post here: a request without a type needs no
        # preflight.
        raise _unsupported("the request has no Content-Type; `application/json` is expected")
    if len(content_types) > 1:
        raise _unsupported("the Content-Type comes twice; `application/json` is expected")
    media_type, _, parameters = content_types[0].partition(";")
    media_type = media_type.strip().lower()
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if not is_json:
        raise _unsupported(
            f"the Content-Type is {_shown(media_type)}; `application/json` is expected"
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in {"utf-8", "utf8", "us-ascii"}:
            raise _unsupported(f"the charset is {_shown(charset)}; JSON comes in UTF-8")
    _expect_uncompressed(request)


def _expect_uncompressed(request: Request) -> None:
    encoding = ", ".join(header_lines(request.scope, b"content-encoding")).strip().lower()
    if encoding not in {"", "identity"}:
        raise _unsupported(
            f"the Content-Encoding is {_shown(encoding)}; bodies are taken uncompressed"
        )


def _shown(text: str) -> str:
    if len(text) > _NAME_CHARS_SHOWN_MAX:
        text = text[:_NAME_CHARS_SHOWN_MAX] + "…"
    return json.dumps(text, ensure_ascii=False)


def _malformed(detail: str, **place: int) -> ProblemError:
    return ProblemError(Problem(type=MALFORMED_JSON, detail=detail, extra=place))


def _unsupported(detail: str) -> ProblemError:
    return ProblemError(
        Problem(
            type=UNSUPPORTED_MEDIA_TYPE,
            detail=detail,
            headers=(("accept-post", "application/json"), ("accept-encoding", "identity")),
        )
    )


def _incomplete(detail: str) -> ProblemError:
    return ProblemError(Problem(type=REQUEST_INCOMPLETE, detail=detail))
