"""How late the event loop is to its timers: what keeps it from turning.

Knows the loop's own clock only.
"""

import asyncio
from typing import Final

from duetime.telemetry.metrics import Metrics

_INTERVAL_SECONDS: Final = 0.25
_INTERVALS_PER_REPORT: Final = 20  # the worst of five seconds: a scrape every 15 s sees each third


async def watch_loop_lag(metrics: Metrics) -> None:
    """Measure until cancelled; the gauge holds the worst of the last five seconds."""
    loop = asyncio.get_running_loop()
    worst_seconds: list[float] = []
    while True:
        expected = loop.time() + _INTERVAL_SECONDS
        await asyncio.sleep(_INTERVAL_SECONDS)
        worst_seconds.append(max(0.0, loop.time() - expected))
        del worst_seconds[:-_INTERVALS_PER_REPORT]
        metrics.event_loop_lag_seconds.set(max(worst_seconds))
