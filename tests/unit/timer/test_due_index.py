"""The due index against one that looks at everything, every time."""

from datetime import datetime, timedelta

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from duetime.timer.due_index import MemoryDueIndex
from tests.support.builders import MINUTE, NOON, A, B, after_noon
from tests.support.naive import NaiveDueIndex

ids = st.sampled_from("abcdefgh")
times = st.integers(0, 9).map(after_noon)


class IndexMachine(RuleBasedStateMachine):
    """Does the same to both and compares every answer."""

    def __init__(self) -> None:
        """Begin with two empty ones."""
        super().__init__()
        self.real = MemoryDueIndex()
        self.naive = NaiveDueIndex()

    @rule(task_id=ids, wake_at=st.none() | times, state=st.binary(max_size=2))
    def put(self, task_id: str, wake_at: datetime | None, state: bytes) -> None:
        """Set a task in both."""
        self.real.put(task_id, wake_at, state)
        self.naive.put(task_id, wake_at, state)

    @rule(task_id=ids)
    def remove(self, task_id: str) -> None:
        """Forget a task, known or not."""
        self.real.remove(task_id)
        self.naive.remove(task_id)

    @rule(now=times, tasks_max=st.integers(0, 9), times_asked=st.integers(1, 3))
    def until(self, now: datetime, tasks_max: int, times_asked: int) -> None:
        """Ask, several times: a question changes no answer."""
        for _ in range(times_asked):
            assert self.naive.until(now, tasks_max=tasks_max) == list(
                self.real.until(now, tasks_max=tasks_max)
            )

    @rule(task_id=ids)
    def get(self, task_id: str) -> None:
        """Ask for a state."""
        assert self.naive.get(task_id) == self.real.get(task_id)

    @invariant()
    def knows_the_first_and_the_count(self) -> None:
        """Compare what is always known."""
        assert self.naive.first() == self.real.first()
        assert len(self.naive) == len(self.real)


def test_the_memory_index_answers_like_its_naive_twin() -> None:
    run_state_machine_as_test(
        IndexMachine, settings=settings(max_examples=150, stateful_step_count=40)
    )


def test_who_wakes_at_the_same_instant_comes_in_order_of_id() -> None:
    index = MemoryDueIndex()
    index.put(B, NOON, b"")
    index.put(A, NOON, b"")

    assert [A, B] == index.until(NOON, tasks_max=9)


def test_what_is_put_between_two_questions_comes_before_what_is_later() -> None:
    index = MemoryDueIndex()
    for name, second in (("late", 5), ("later", 9)):
        index.put(name, after_noon(second), b"")
    index.until(NOON + MINUTE, tasks_max=2)
    for name, second in (("soon", 3), ("next", 4)):
        index.put(name, after_noon(second), b"")

    assert ["soon", "next"] == index.until(NOON + MINUTE, tasks_max=2)


def test_an_index_whose_tasks_move_and_go_does_not_grow() -> None:
    index = MemoryDueIndex()
    for number in range(20_000):
        index.put(f"{number % 100}", NOON + timedelta(seconds=number), b"")
    for number in range(100):
        index.remove(f"{number}")

    assert 0 == len(index)
    assert 2_000 >= len(index._heap)
