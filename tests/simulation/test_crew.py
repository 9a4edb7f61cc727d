"""The processes that live through seeds: their answers, their faults, their deaths."""

import os

import pytest

from tests.simulation.crew import Crew

SECONDS_MAX = 50.0


def doubled(number: int) -> int:
    return 2 * number


def at_fault() -> None:
    raise ValueError("no such seed")


def killed() -> None:
    os._exit(9)


def test_each_piece_of_work_is_answered_and_a_fault_or_a_death_is_told() -> None:
    with Crew(2, seconds_max=SECONDS_MAX) as crew:
        answers = [crew.submit(doubled, number) for number in range(3)]
        fault, death = crew.submit(at_fault), crew.submit(killed)

        assert [0, 2, 4] == [answer.result() for answer in answers]
        with pytest.raises(RuntimeError, match="ValueError: no such seed"):
            fault.result()
        with pytest.raises(RuntimeError, match="died without an answer"):
            death.result()
