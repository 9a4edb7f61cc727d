"""How many runs of a target are alive, over all partitions, and who is told when one has ended."""

import pytest

from duetime.executor.targets import Target, Targets, runs_max_of
from tests.support.builders import NOON, after_noon

SLOW = Target("slow")


class Lane:
    """Someone who waits."""

    def __init__(self) -> None:
        self.told: list[Target] = []

    def freed(self, target: Target) -> None:
        """Be told."""
        self.told.append(target)


def full(runs_max: int = 1) -> Targets:
    """Give counts in which the slow target is at its limit."""
    targets = Targets(runs_max)
    for _ in range(runs_max):
        targets.take(SLOW)
    return targets


def test_a_target_has_room_for_so_many_and_others_for_their_own() -> None:
    targets = full(2)

    assert (0, 2) == (targets.room(SLOW), targets.room(Target("quick")))


def test_a_target_may_bear_less_than_others_but_never_more() -> None:
    targets = Targets(10)

    assert (3, 10) == (targets.room(Target("few", 3)), targets.room(Target("many", 30)))


def test_who_waits_with_the_earliest_due_is_told_and_told_once() -> None:
    targets, late, early = full(), Lane(), Lane()
    targets.wait(SLOW, late.freed, after_noon(2))
    targets.wait(SLOW, early.freed, after_noon(1))
    targets.give_back(SLOW)
    first = (len(early.told), len(late.told))
    targets.take(SLOW)
    targets.give_back(SLOW)

    assert (1, 0) == first
    assert (1, 1) == (len(early.told), len(late.told))


def test_who_was_told_and_has_no_use_for_it_passes_it_on() -> None:
    targets, idle, other = full(), Lane(), Lane()
    targets.wait(SLOW, idle.freed, NOON)
    targets.wait(SLOW, other.freed, after_noon(1))
    targets.give_back(SLOW)
    targets.pass_on(SLOW)

    assert [SLOW] == other.told


def test_nobody_is_told_where_there_is_no_room() -> None:
    targets, lane = full(), Lane()
    targets.wait(SLOW, lane.freed, NOON)
    targets.pass_on(SLOW)

    assert [] == lane.told


def test_who_has_left_is_not_told() -> None:
    targets, gone, other = full(), Lane(), Lane()
    targets.wait(SLOW, gone.freed, NOON)
    targets.wait(SLOW, other.freed, after_noon(1))
    targets.leave(gone.freed)
    targets.give_back(SLOW)

    assert ([], [SLOW]) == (gone.told, other.told)


@pytest.mark.parametrize(
    ("concurrency", "runs_max"), [(1, 1), (5, 5), (10, 10), (60, 10), (1_000, 100), (5_000, 500)]
)
def test_a_target_has_a_tenth_of_the_slots_or_ten(concurrency: int, runs_max: int) -> None:
    assert runs_max == runs_max_of(concurrency)


def test_a_target_needs_at_least_one_run_at_a_time() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Targets(0)


def test_those_who_wait_for_a_target_share_its_room_however_eagerly_the_first_asks() -> None:
    targets = full(12)
    lanes = [Lane(), Lane(), Lane()]
    started = [0, 0, 0]
    for turn in range(1, 11):
        for lane in lanes:
            targets.wait(SLOW, lane.freed, NOON)
        for _ in range(12):
            targets.give_back(SLOW)
        for number, lane in enumerate(lanes):
            assert turn == len(lane.told)
            for _ in range(targets.share(SLOW, lane.freed)):
                targets.take(SLOW)
                started[number] += 1

    assert [40, 40, 40] == started


def test_a_quick_target_that_others_wait_for_doubles_its_room_with_each_round() -> None:
    targets, lane = Targets(2, spare=5), Lane()
    rooms = []
    for _ in range(3):
        started = take_all(targets)
        targets.wait(SLOW, lane.freed, NOON)
        for _ in range(started):
            targets.give_back(SLOW, quick=True)
        rooms.append(targets.room(SLOW))

    assert [4, 7, 7] == rooms  # 2 + 2, then what is left of the spare


def test_what_quick_targets_grow_by_is_shared_and_comes_back_from_one_that_slows_down() -> None:
    targets, lane, other = Targets(2, spare=2), Lane(), Target("other")
    grow(targets, SLOW, lane)
    take_all(targets, other)
    targets.wait(other, lane.freed, NOON)
    targets.give_back(other, quick=True)
    while_none_is_left = targets.room(other)
    take_all(targets)
    targets.give_back(SLOW)
    grow(targets, other, lane)

    assert (1, 2) == (while_none_is_left, targets.room(other))  # one of three is alive
    assert targets.room(SLOW) < 0  # three of four are alive, and two may be


def test_a_target_that_nobody_waits_for_is_as_large_as_ever_when_it_is_idle() -> None:
    targets, lane = Targets(2, spare=2), Lane()
    grow(targets, SLOW, lane)
    targets.leave(lane.freed)
    targets.take(SLOW)
    targets.give_back(SLOW, quick=True)

    assert 2 == targets.room(SLOW)


def test_a_target_with_a_bound_of_its_own_has_no_more_however_quick() -> None:
    few, targets, lane = Target("few", 1), Targets(2, spare=2), Lane()
    targets.take(few)
    targets.wait(few, lane.freed, NOON)
    targets.give_back(few, quick=True)

    assert 1 == targets.room(few)


def test_it_is_crowded_while_anyone_waits_or_is_about_to_go_on() -> None:
    targets, lane = full(), Lane()
    seen = [targets.crowded]
    targets.wait(SLOW, lane.freed, NOON)
    seen.append(targets.crowded)
    targets.give_back(SLOW)
    seen.append(targets.crowded)
    targets.share(SLOW, lane.freed)
    seen.append(targets.crowded)

    assert [False, True, True, False] == seen


def take_all(targets: Targets, target: Target = SLOW) -> int:
    """Start what there is room for; give how many that is."""
    count = targets.room(target)
    for _ in range(count):
        targets.take(target)
    return count


def grow(targets: Targets, target: Target, lane: Lane) -> None:
    """Let a target that somebody waits for be quick for a round."""
    started = take_all(targets, target)
    targets.wait(target, lane.freed, NOON)
    for _ in range(started):
        targets.give_back(target, quick=True)
