"""HTTP clients that register tasks as fast as they can, without a client library in the way.

Knows one request on a kept-alive connection; not what is measured. Bounded in count and time.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

ANSWER_SECONDS_MAX = 30.0


class Answered(NamedTuple):
    """One answered request: its status, its body, and how long the answer took."""

    status: int
    body: Any
    seconds: float


async def post_all(
    port: int,
    bodies: Sequence[dict[str, Any]],
    *,
    connections: int,
    headers: str = "",
    path: str = "/tasks",
) -> list[Answered]:
    """POST each body once over so many connections; give the answers in the bodies' order."""
    answers: list[Answered | None] = [None] * len(bodies)
    pending = iter(range(len(bodies)))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for place in pending:
                body = json.dumps(bodies[place]).encode()
                answers[place] = await _post(reader, writer, path, headers, body)
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return [answer for answer in answers if answer is not None]


async def _post(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    path: str,
    headers: str,
    body: bytes,
) -> Answered:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{headers}\r\n"
    )
    began = time.perf_counter()
    writer.write(head.encode() + body)
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        answer_head = await reader.readuntil(b"\r\n\r\n")
        lowered = answer_head.lower()
        length = int(lowered.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
    seconds = time.perf_counter() - began
    status = int(answer_head[9:12])
    return Answered(status, json.loads(answer) if answer else None, seconds)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which `share` (0..1) of the values lie; nan where there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(seconds: float) -> str:
    """Write a duration as milliseconds."""
    return f"{seconds * 1e3:.1f} ms"
