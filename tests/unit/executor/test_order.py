"""The order of held runs against a list that is sorted every time."""

from datetime import datetime

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duetime.executor.ledger import RunKey
from duetime.executor.line import Place
from duetime.executor.order import DueOrder
from tests.support.builders import after_noon

times = st.integers(0, 6).map(after_noon)
runs = st.sampled_from("abcdefgh")


class OrderMachine(RuleBasedStateMachine):
    """Does the same to both."""

    def __init__(self) -> None:
        """Begin with nothing held."""
        super().__init__()
        self.held: dict[RunKey, datetime] = {}
        self.order = DueOrder(self.held.get)
        self.offered: list[Place] = []

    def places(self) -> list[Place]:
        """Give all places of held runs, in order."""
        return sorted((due_at, run_id, attempt) for (run_id, attempt), due_at in self.held.items())

    @rule(run_id=runs, due_at=times)
    def hold(self, run_id: str, due_at: datetime) -> None:
        """Hold a run, perhaps in place of an earlier word about it."""
        if self.held.get((run_id, 1)) != due_at:
            self.held[run_id, 1] = due_at
            self.order.add((due_at, run_id, 1))

    @rule(run_id=runs)
    def let_go(self, run_id: str) -> None:
        """Drop a run, or start it."""
        self.held.pop((run_id, 1), None)

    @rule(until=times)
    def offer(self, until: datetime) -> None:
        """Offer all that is due by then, which changes nothing for good."""
        self.order.put_back()
        self.offered = []
        while (place := self.order.take(until)) is not None:
            self.order.offer(place)
            self.offered.append(place)

        assert [place for place in self.places() if place[0] <= until] == self.offered

    @rule()
    def start_what_was_offered(self) -> None:
        """Start it."""
        for place in self.offered:
            self.held.pop(place[1:], None)
        self.offered = []

    @invariant()
    def knows_the_first(self) -> None:
        """Compare what comes first, which takes back up what was offered."""
        assert min(self.held.values(), default=None) == self.order.first()
        self.offered = []


OrderMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestDueOrder = OrderMachine.TestCase


def test_a_run_that_is_held_anew_at_its_old_time_has_one_place() -> None:
    held: dict[RunKey, datetime] = {("a", 1): after_noon(1)}
    order = DueOrder(held.get)
    for _ in range(2):
        order.add((after_noon(1), "a", 1))
    taken = []
    while (place := order.take(after_noon(9))) is not None:
        order.offer(place)
        taken.append(place)

    assert [(after_noon(1), "a", 1)] == taken
