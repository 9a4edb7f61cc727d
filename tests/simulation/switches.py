"""What one seed is about: which faults, how many processes, which workload (swarm testing).

A history with every fault at once hides what one of them alone would show, so each seed turns on
its own few. Knows chances and bounds; nothing of how a fault is done.
"""

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from tests.simulation.history import FaultKind

KINDS: Final = tuple(FaultKind)
"""The kinds of fault that seeds draw from."""

_FAULTLESS_SHARE: Final = 0.12  # without any fault the checks are at their strictest
_KIND_SHARE: Final = 0.3  # each kind is on in this share of the seeds

_BENT_EVERY_SECONDS: Final = 4.0
_BENT_CALL_CHANCE: Final = 0.05
_BENT_NEAR_MISS_SHARE: Final = 0.5
_BENT_EDIT_SHARE: Final = 0.5
_BENT_DELETE_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """One seed's choices."""

    seed: int
    partitions: int
    apis: int
    timers: int
    executors: int
    projectors: int
    kinds: tuple[FaultKind, ...]
    fault_every_seconds: float  # between two faults done to processes, on average
    call_fault_chance: float  # that a call meets one of the kinds that are on
    span_seconds: float  # of workload and faults
    tasks: int
    clients: int
    herd_instants: int
    far_share: float
    daily_share: float
    python_share: float
    slow_action_share: float
    keyed_share: float
    conditional_share: float
    respond_async_share: float
    edit_share: float
    delete_share: float
    near_miss_share: float  # edits and deletes aimed at the last seconds before the due time
    shared_tasks: bool  # clients change each other's tasks
    skew_seconds: float  # wall clocks differ from the true time by up to this
    only: tuple[FaultKind, ...] = ()  # what was asked for instead of what the seed draws
    story: str = ""  # what happens instead of chance


def draw_switches(seed: int) -> Switches:
    """Give a seed's choices: equal for equal seeds, on every machine."""
    rng = Random(f"switches/{seed}")
    faultless = rng.random() < _FAULTLESS_SHARE
    kinds = [kind for kind in KINDS if rng.random() < _KIND_SHARE]
    return Switches(
        seed=seed,
        partitions=rng.choice((1, 2, 3, 4)),
        apis=rng.choice((1, 2, 2, 3)),
        timers=rng.choice((1, 2, 2, 3)),
        executors=rng.choice((1, 2, 2, 3)),
        projectors=rng.choice((1, 1, 2)),
        kinds=() if faultless else tuple(kinds),
        fault_every_seconds=rng.choice((2.0, 5.0, 10.0, 20.0)),
        call_fault_chance=rng.choice((0.005, 0.02, 0.05)),
        span_seconds=rng.choice((30.0, 50.0, 80.0)),
        tasks=rng.randint(20, 80),
        clients=rng.choice((2, 4, 8)),
        herd_instants=rng.choice((0, 0, 1, 2)),
        far_share=rng.choice((0.0, 0.05, 0.2)),
        daily_share=rng.choice((0.0, 0.1, 0.4)),
        python_share=rng.choice((0.2, 0.6, 1.0)),
        slow_action_share=rng.choice((0.0, 0.2, 0.5)),
        keyed_share=rng.choice((0.0, 0.5, 1.0)),
        conditional_share=rng.choice((0.0, 0.3, 0.8)),
        respond_async_share=rng.choice((0.0, 0.2)),
        edit_share=rng.choice((0.0, 0.5, 1.5)),
        delete_share=rng.choice((0.0, 0.2, 0.5)),
        near_miss_share=rng.choice((0.0, 0.5, 0.9)),
        shared_tasks=rng.random() < 0.3,
        skew_seconds=rng.choice((0.0, 0.04, 0.1)),
    )


def bent(switches: Switches, only: tuple[FaultKind, ...]) -> Switches:
    """Turn on these kinds of fault alone, and often, in a history with many close calls."""
    return replace(
        switches,
        only=only,
        kinds=only,
        fault_every_seconds=min(switches.fault_every_seconds, _BENT_EVERY_SECONDS),
        call_fault_chance=_BENT_CALL_CHANCE,
        near_miss_share=max(switches.near_miss_share, _BENT_NEAR_MISS_SHARE),
        edit_share=max(switches.edit_share, _BENT_EDIT_SHARE),
        delete_share=max(switches.delete_share, _BENT_DELETE_SHARE),
    )
