"""HTTP clients that register tasks as fast as they can, without a client library in the way.

Knows requests on kept-alive connections; not what is measured. Bounded in count and time.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

ANSWER_SECONDS_MAX: Final = 60.0
BATCH_TASKS: Final = 1_000
_TOO_MANY: Final = frozenset({429, 503})
_REPEAT_SECONDS: Final = 0.2


class Answered(NamedTuple):
    """One answered request: its status, its body as text, and when it began and ended."""

    status: int
    text: bytes
    began: float
    ended: float
    visible: bool = True  # a read shows it, says the answer

    @property
    def seconds(self) -> float:
        """How long the answer took."""
        return self.ended - self.began

    @property
    def body(self) -> Any:
        """The answer as JSON."""
        return json.loads(self.text) if self.text else None


class Acknowledged(NamedTuple):
    """A task that the api has accepted."""

    task_id: str
    due_at: datetime


def body_of(at: datetime, *, action: str | None = None) -> bytes:
    """Give the body of a one-time task, with a python action or none."""
    more = f',"action":{{"type":"python","name":"{action}"}}' if action else ""
    text = (
        f'{{"description":"a benchmark\'s task","time":"{at.isoformat()}","recurring":false{more}}}'
    )
    return text.encode()


async def post_all(
    port: int,
    bodies: Sequence[bytes],
    *,
    connections: int,
    headers: str = "",
    path: str = "/tasks",
    repeat_seconds_max: float = 0.0,
    every_seconds: float = 0.0,
) -> list[Answered]:
    """POST each body once over so many connections; give the answers in the bodies' order.

    `repeat_seconds_max`: a body that was answered 429 or 503 is sent again, for so long; the last
    answer counts. `every_seconds`: one body after the other leaves at this pace, or as soon after
    its time as a connection is free; 0: as fast as they are answered.
    """
    first = time.perf_counter()
    answers: list[Answered | None] = [None] * len(bodies)
    pending = iter(range(len(bodies)))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for place in pending:
                await asyncio.sleep(first + place * every_seconds - time.perf_counter())
                until = time.perf_counter() + repeat_seconds_max
                while True:
                    answer = await _post(reader, writer, path, headers, bodies[place])
                    answers[place] = answer
                    if answer.status not in _TOO_MANY or time.perf_counter() > until:
                        break
                    await asyncio.sleep(_REPEAT_SECONDS)
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return [answer for answer in answers if answer is not None]


def register(
    port: int, times: Sequence[datetime], *, action: str, connections: int = 2
) -> list[Acknowledged]:
    """Register tasks in batches; give those that were acknowledged, with their times."""
    cuts = [times[start : start + BATCH_TASKS] for start in range(0, len(times), BATCH_TASKS)]
    bodies = [batch_of([body_of(at, action=action) for at in cut]) for cut in cuts]
    answers = asyncio.run(
        post_all(
            port, bodies, connections=connections, path="/tasks/batch", repeat_seconds_max=120.0
        )
    )
    return acknowledged_in(answers, cuts)


def acknowledged_in(
    answers: Sequence[Answered], cuts: Sequence[Sequence[datetime]]
) -> list[Acknowledged]:
    """Give the tasks that answers to batches acknowledge; `cuts`: the times of each batch."""
    return [
        Acknowledged(one["id"], at)
        for cut, answer in zip(cuts, answers, strict=True)
        if answer.status in {200, 201}
        for one, at in zip(answer.body, cut, strict=True)
        if one["status"] == 201
    ]


def batch_of(bodies: Sequence[bytes]) -> bytes:
    """Give the body of a batch."""
    return b"[" + b",".join(bodies) + b"]"


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
    visible = b"duetime-visible: false" not in lowered
    return Answered(int(answer_head[9:12]), answer, began, time.perf_counter(), visible)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which `share` (0..1) of the values lie; nan where there are none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(seconds: float) -> str:
    """Write a duration as milliseconds."""
    return f"{seconds * 1e3:.1f} ms"
