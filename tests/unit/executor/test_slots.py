"""How many runs may be alive at once, and who is told when one more may be."""

import pytest

from duetime.executor.slots import Slots


def test_a_slot_that_was_given_back_wakes_all_who_wait_once() -> None:
    slots = Slots(1)
    woken: list[str] = []
    slots.take()
    for name in ("a", "b"):
        slots.wait_for_free(lambda name=name: woken.append(name))  # type: ignore[misc]  # a default
    slots.give_back()
    slots.take()
    slots.give_back()

    assert ["a", "b"] == woken


def test_slots_run_out_and_come_back() -> None:
    slots = Slots(2)
    slots.take()
    slots.take()
    assert 0 == slots.free

    slots.give_back()
    assert 1 == slots.free


@pytest.mark.parametrize("slots_max", [0, -1])
def test_an_executor_without_a_slot_is_refused(slots_max: int) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        Slots(slots_max)
