"""What a busy machine excuses: as many seconds as others took of it. What counts as a fence."""

import json
from dataclasses import replace

import pytest

from tests.chaos.faults import is_fenced
from tests.simulation.excuses import Excuses
from tests.simulation.history import Start, instant
from tests.simulation.switches import draw_switches
from tests.support.machine import Look, seconds_taken

TWO_OF_EACH = replace(draw_switches(0), apis=2, timers=2, executors=2, projectors=2)
DUE = 100.0

Taken = list[tuple[float, float, float]]


def a_start(at: float) -> Start:
    return Start(
        at=at,
        clock_at=instant(at),
        process="executor-1",
        run_id="r",
        task_id="t",
        attempt=1,
        nominal_at=instant(DUE),
        due_at=instant(DUE),
        description="water the plants",
    )


@pytest.mark.promise("P2")
@pytest.mark.parametrize(
    ("taken", "latest"),
    [
        ([], 110.0),
        ([(50.0, 60.0, 9.0)], 110.0),
        ([(95.0, 100.0, 2.0)], 112.0),
        ([(100.0, 105.0, 2.0), (105.0, 110.0, 1.0)], 113.0),
        ([(100.0, 105.0, 2.0), (111.0, 111.5, 0.5)], 112.5),
        ([(111.0, 119.0, 8.0)], 110.0),
    ],
)
def test_a_start_may_be_later_by_what_others_took_of_the_machine_until_then(
    taken: Taken, latest: float
) -> None:
    assert latest == Excuses((), TWO_OF_EACH, taken).start_until(DUE, 10.0)


@pytest.mark.promise("P3")
@pytest.mark.parametrize(
    ("taken", "excused"),
    [([], False), ([(100.0, 106.0, 2.9)], False), ([(100.0, 106.0, 5.0)], True)],
)
def test_a_second_start_is_excused_only_where_a_session_could_be_lost(
    taken: Taken, *, excused: bool
) -> None:
    excuses = Excuses((), TWO_OF_EACH, taken)

    assert excused == excuses.repeat(a_start(DUE), a_start(DUE + 8.0), None)


def test_what_waits_for_its_own_like_has_nothing_taken_from_it() -> None:
    before = Look(used=10.0, ran={"a": 1.0, "b": 1.0}, waited={"a": 0.0, "b": 0.0})
    alone = Look(used=12.0, ran={"a": 2.0, "b": 2.0}, waited={"a": 0.5, "b": 0.5})
    beside_others = Look(used=12.0, ran={"a": 1.5, "b": 1.0}, waited={"a": 1.0, "b": 0.0})

    assert 0.0 == seconds_taken(before, alone)
    assert 0.75 == seconds_taken(before, beside_others)


@pytest.mark.parametrize(
    ("reason", "fenced"),
    [
        ("FencedError: there is a newer transactor duetime.timer, partition 3", True),
        ("FencedError: the transactor has ended (a request of it got no answer)", False),
        ("LogAwayError: nothing was written: it took too long", False),
    ],
)
def test_only_the_brokers_refusal_counts_as_a_fence(reason: str, *, fenced: bool) -> None:
    line = json.dumps({"level": "warning", "event": "partition given up", "reason": reason})

    assert fenced == is_fenced(line)
