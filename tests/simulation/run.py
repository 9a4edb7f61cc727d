"""One seed: the world, its workload and its nemesis, then rest, then the verdict.

Knows the order of a history; everything else is elsewhere.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from tests.simulation.checkers import judge
from tests.simulation.evidence import Evidence, gather
from tests.simulation.history import FaultKind
from tests.simulation.nemesis import Nemesis
from tests.simulation.process import PROCESS, WorldLoop
from tests.simulation.stories import STORIES, Script
from tests.simulation.switches import Switches, bent, draw_switches
from tests.simulation.workload import WARM_UP_SECONDS, Workload
from tests.simulation.world import World

QUIET_SECONDS: Final = 60.0  # after the last fault: a lease, a delivery by deadline, a margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a seed. `violations` empty: every promise was kept."""

    switches: Switches
    evidence: Evidence
    violations: list[str]


def run_seed(seed: int, *, only: tuple[FaultKind, ...] = (), story: str = "") -> Verdict:
    """Live through one seed's history and judge it.

    `only` these faults in place of those that the seed draws, or a story in place of chance.
    """
    switches = draw_switches(seed)
    if only:
        switches = bent(switches, only)
    if not story:
        return run_script(switches, _chance)
    told = STORIES[story]
    return run_script(replace(switches, kinds=(), story=story, **told.chosen), told.script)


def run_script(switches: Switches, script: Script) -> Verdict:
    """Live through a history and judge it. Raises StalledError where nothing moves any more."""
    with (
        _log_lines_into_nothing(),
        asyncio.Runner(loop_factory=WorldLoop, debug=False) as runner,
    ):
        evidence = runner.run(_history(switches, script))
    return Verdict(switches=switches, evidence=evidence, violations=judge(evidence))


async def _chance(world: World) -> None:
    """Let chance decide: people who use the system, and faults."""
    until = WARM_UP_SECONDS + world.switches.span_seconds
    await asyncio.gather(Nemesis(world).run(until), Workload(world).run(until))


async def _history(switches: Switches, script: Script) -> Evidence:
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    world = World(switches)
    with _log_lines_into_trace(world):
        for slot in world.slots():
            world.start(slot)
        await script(world)
        world.heal()
        world.history.quiet_from = world.now
        await asyncio.sleep(QUIET_SECONDS)
        world.history.ended_at = world.now
        evidence = await gather(world)
        for slot in list(world.processes):
            world.crash(slot)
        await asyncio.sleep(0.1)
    return evidence


@contextlib.contextmanager
def _log_lines_into_nothing() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


@contextlib.contextmanager
def _log_lines_into_trace(world: World) -> Iterator[None]:
    """Let what services log stand in the trace."""

    def note(_logger: Any, method: str, said: Any) -> Any:
        process = PROCESS.get()
        event = said.pop("event")
        said.pop("exc_info", None)
        who = "world" if process is None else process.name
        if process is None or process.alive:
            world.history.note(world.now, who, f"{method}: {event} {said or ''}".rstrip())
        raise structlog.DropEvent

    structlog.configure(processors=[note])
    yield


def _drop(_logger: Any, _method: str, _said: Any) -> Any:
    raise structlog.DropEvent
