"""The benchmarks: each measures one system once and gives what it saw.

Knows what is measured and when; not how systems are started (`systems`), judged (`judging`) or told
(`telling`). Tasks come in over HTTP, before the clock runs unless registering is what is measured.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from bench.clients import (
    Acknowledged,
    Answered,
    batch_of,
    body_of,
    percentile,
    post_all,
    register,
)
from bench.judging import Judged, judge
from bench.systems import (
    Distributed,
    Embedded,
    System,
    cpu_seconds,
    lateness_buckets,
    read_stamps,
    rss_bytes,
)

LOOKAHEAD_SECONDS: Final = 10.0
REGISTERED_PER_SECOND: Final = {"distributed": 4_000, "embedded": 6_000}  # and projected
_VISIBLE_SECONDS_MAX: Final = 90.0  # then the figure says at least so long
_SAMPLES: Final = 24
_PENDING_AT_ONCE: Final = 100_000  # bodies held by the load generator


class Lateness(NamedTuple):
    """What was due, how late it started, and what that cost."""

    what: str
    judged: Judged
    own: Mapping[float, int]
    cpu_seconds: Mapping[str, float]
    projected_seconds: float  # after the last due time, until every sampled run can be read


class Registered(NamedTuple):
    """How fast registrations were acknowledged."""

    what: str
    per_second: float
    p50_seconds: float
    p99_seconds: float
    statuses: Mapping[int, int]
    visible_per_second: float
    rss_bytes: Mapping[str, int]


class Backlog(NamedTuple):
    """What was worked off after nothing had been started for a while."""

    judged: Judged
    first_seconds: float  # both since the processes were started again
    last_seconds: float


class Pending(NamedTuple):
    """What a system that holds many tasks needs, and how it goes on."""

    what: str
    lateness: Lateness
    rss_bytes: Mapping[str, int]


def steady(system: System, *, rate: int, seconds: int) -> Lateness:
    """Let `rate` tasks a second come due, evenly, for so long."""
    times = [number / rate for number in range(rate * seconds)]
    return _lateness(system, f"{rate:,}/s for {seconds} s", times)


def burst(system: System, *, count: int) -> Lateness:
    """Let `count` tasks come due at one instant."""
    return _lateness(system, f"{count:,} at once", [0.0] * count)


def _lateness(system: System, what: str, offsets: Sequence[float]) -> Lateness:
    lead = 4.0 + LOOKAHEAD_SECONDS + len(offsets) / REGISTERED_PER_SECOND[system.name]
    first = datetime.now(UTC) + timedelta(seconds=lead)
    times = [first + timedelta(seconds=offset) for offset in offsets]
    acknowledged = register(system.port, times, action="stamp")
    window = first - timedelta(seconds=LOOKAHEAD_SECONDS + 1)
    if datetime.now(UTC) > window:
        print("  registering took longer than planned: it reaches into the measured window")
    wait_until(window)
    own, cpu = lateness_buckets(system), cpu_seconds(system)
    wait_until(times[-1])
    lag = asyncio.run(projected(system, acknowledged, times[-1]))
    wait_until(times[-1] + timedelta(seconds=3))
    after = cpu_seconds(system)
    judged = judge(acknowledged, read_stamps(system.stamps))
    if judged.missing:  # late is not missing: give it the time that the promise has
        wait_until(times[-1] + timedelta(seconds=15))
        judged = judge(acknowledged, read_stamps(system.stamps))
    own_after = lateness_buckets(system)
    return Lateness(
        what=what,
        judged=judged,
        own={bound: count - own[bound] for bound, count in own_after.items()},
        cpu_seconds={kind: used - cpu.get(kind, 0.0) for kind, used in after.items()},
        projected_seconds=lag,
    )


async def projected(system: System, acknowledged: Sequence[Acknowledged], last: datetime) -> float:
    """Wait, bounded, until the read model shows the last tasks as finished; give how long."""
    latest = sorted(acknowledged, key=lambda task: task.due_at)[-_SAMPLES:]
    return await _until_each(system.port, latest, b'"status":"finished"', last.timestamp())


async def _until_each(port: int, tasks: Sequence[Acknowledged], text: bytes, since: float) -> float:
    """Ask for each task until its answer holds a text; give how long after `since` that was."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for task in tasks:
            while time.time() < since + _VISIBLE_SECONDS_MAX:
                writer.write(
                    f"GET /tasks/{task.task_id} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
                )
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
                if text in await reader.readexactly(length):
                    break
                await asyncio.sleep(0.1)
    finally:
        writer.close()
    return time.time() - since


def register_single(
    system: System, *, count: int, connections: int, respond_async: bool
) -> Registered:
    """POST tasks that are due in a year, one after the other on each connection."""
    far = datetime.now(UTC) + timedelta(days=365)
    bodies = [body_of(far + timedelta(seconds=number)) for number in range(count)]
    headers = "prefer: respond-async\r\n" if respond_async else ""
    answers = asyncio.run(post_all(system.port, bodies, connections=connections, headers=headers))
    manner = "respond-async" if respond_async else "waiting"
    return _registered(system, f"single, {manner}, {connections} connections", answers, 1)


def register_batch(system: System, *, count: int, size: int, connections: int) -> Registered:
    """POST batches of tasks that are due in a year; time them to the acknowledgement."""
    far = datetime.now(UTC) + timedelta(days=365)
    one = batch_of([body_of(far + timedelta(seconds=number)) for number in range(size)])
    bodies = [one] * (count // size)
    began = time.time()
    answers = asyncio.run(
        post_all(
            system.port,
            bodies,
            connections=connections,
            path="/tasks/batch",
            repeat_seconds_max=120.0,
        )
    )
    what = f"batches of {size:,}, {connections} connections"
    registered = _registered(system, what, answers, size)
    last = [
        Acknowledged(one["id"], far)
        for answer in answers[-2 * connections :]
        if answer.status == 201
        for one in answer.body[:: max(1, size // 12)]
    ]
    took = asyncio.run(_until_each(system.port, last, b'"status":"scheduled"', began))
    return registered._replace(visible_per_second=count / took)


def _registered(system: System, what: str, answers: Sequence[Answered], each: int) -> Registered:
    good = [answer for answer in answers if answer.status == 201]
    took = max(it.ended for it in answers) - min(it.began for it in answers)
    return Registered(
        what=what,
        per_second=len(good) * each / took,
        p50_seconds=percentile([it.seconds for it in good], 0.50),
        p99_seconds=percentile([it.seconds for it in good], 0.99),
        statuses=Counter(answer.status for answer in answers),
        visible_per_second=float("nan"),
        rss_bytes=rss_bytes(system),
    )


def backlog(system: Distributed | Embedded, *, count: int) -> Backlog:
    """Kill all that starts runs, let tasks come due, start it again; see the order of the work."""
    lead = 3.0 + count / REGISTERED_PER_SECOND[system.name]
    first = datetime.now(UTC) + timedelta(seconds=lead)
    times = [first + timedelta(seconds=10 * number / count) for number in range(count)]
    acknowledged = register(system.port, times, action="stamp")
    system.take_down()
    wait_until(times[-1])
    began = time.time()
    system.bring_up()
    until = began + 60 + count / 1_000
    judged = judge(acknowledged, read_stamps(system.stamps))
    while judged.missing and time.time() < until:
        judged = judge(acknowledged, read_stamps(system.stamps))
    starts = [due + late - began for due, late in judged.starts]
    return Backlog(
        judged=judged,
        first_seconds=min(starts, default=float("nan")),
        last_seconds=max(starts, default=float("nan")),
    )


def pending(system: System, *, count: int) -> Pending:
    """Register many tasks for next year; see what they cost in memory, and to those due now."""
    far = datetime.now(UTC) + timedelta(days=365)
    began = time.time()
    for start in range(0, count, _PENDING_AT_ONCE):
        some = range(start, min(count, start + _PENDING_AT_ONCE))
        register(system.port, [far + timedelta(seconds=number) for number in some], action="stamp")
    took = time.time() - began
    lateness = steady(system, rate=500, seconds=20)
    return Pending(f"{count:,} registered in {took:.0f} s", lateness, rss_bytes(system))


def failover(system: Distributed | Embedded, *, rate: int, seconds: int) -> Lateness:
    """Under a steady load, kill a timer and then an executor; embedded: all, and start it again."""
    lead = 2 * LOOKAHEAD_SECONDS + rate * seconds / REGISTERED_PER_SECOND[system.name]
    first = datetime.now(UTC) + timedelta(seconds=lead)
    times = [first + timedelta(seconds=number / rate) for number in range(rate * seconds)]
    acknowledged = register(system.port, times, action="stamp")
    cpu = cpu_seconds(system)
    for part, role in ((0.2, "timer"), (0.6, "executor")):
        wait_until(first + timedelta(seconds=part * seconds))
        if isinstance(system, Distributed):
            system.stack.of_role(role)[0].kill()
        elif role == "timer":
            system.take_down()
            system.bring_up()
    wait_until(times[-1])
    lag = asyncio.run(projected(system, acknowledged, times[-1]))
    wait_until(times[-1] + timedelta(seconds=15))
    after = cpu_seconds(system)
    return Lateness(
        what=f"{rate:,}/s for {seconds} s",
        judged=judge(acknowledged, read_stamps(system.stamps)),
        own={},
        cpu_seconds={kind: max(0.0, used - cpu.get(kind, 0.0)) for kind, used in after.items()},
        projected_seconds=lag,
    )


def wait_until(moment: datetime) -> None:
    """Sleep until an instant."""
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))
