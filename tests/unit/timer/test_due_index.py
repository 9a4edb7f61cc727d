"""The due indexes against one that looks at everything, every time."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from duetime import limits
from duetime.events.ids import instant, microseconds
from duetime.timer.due_index import (
    UNKNOWN,
    DueIndex,
    DueIndexError,
    Mark,
    MemoryDueIndex,
    Unknown,
)
from duetime.timer.due_index.database import FORMAT_VERSION
from duetime.timer.due_index.rocks import RocksDueIndex, RocksDueIndexes
from tests.support.builders import MINUTE, NOON, A, B, after_noon
from tests.support.naive import NaiveDueIndex

Record = tuple[datetime | None, bytes, int]
ids = st.sampled_from("abcdefgh")
times = st.integers(0, 9).map(after_noon)


def us(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)


def put(index: DueIndex, task_id: str, at: datetime, state: bytes = b"", *, tally: int = 0) -> None:
    index.put(task_id, microseconds(at), state, tally=tally)


def a_mark(offset: int = 1) -> Mark:
    return Mark(cluster_id="a log", offset=offset, as_of=NOON, position=b"{}")


class IndexMachine(RuleBasedStateMachine):
    """Does the same to both and compares every answer."""

    def __init__(self) -> None:
        """Begin with two empty ones."""
        super().__init__()
        self.real = self.make()
        self.naive = NaiveDueIndex()
        self.offset = 0

    def make(self) -> DueIndex:
        """Give an empty one."""
        return MemoryDueIndex()

    @rule(
        task_id=ids,
        wake_at=st.none() | times,
        state=st.binary(max_size=2),
        tally=st.integers(0, 2),
        told=st.booleans(),
    )
    def put(
        self, task_id: str, wake_at: datetime | None, state: bytes, tally: int, *, told: bool
    ) -> None:
        """Set a task in both."""
        self.real.put(task_id, us(wake_at), state, tally=tally, woke=self.woke(task_id, told=told))
        self.naive.put(task_id, wake_at, state, tally=tally)

    @rule(task_id=ids, told=st.booleans())
    def remove(self, task_id: str, *, told: bool) -> None:
        """Forget a task, known or not."""
        self.real.remove(task_id, woke=self.woke(task_id, told=told))
        self.naive.remove(task_id)

    def woke(self, task_id: str, *, told: bool) -> int | Unknown | None:
        """Say when a task woke before, or let the index see."""
        return us(self.naive.committed_wake(task_id)) if told else UNKNOWN

    @rule(task_id=ids)
    def ask_for_the_committed_wake(self, task_id: str) -> None:
        """Ask when a task wakes by what is committed."""
        assert us(self.naive.committed_wake(task_id)) == self.real.committed_wake(task_id)

    @rule(task_ids=st.lists(ids))
    def expect(self, task_ids: list[str]) -> None:
        """Say what will be asked for."""
        self.real.expect(task_ids)

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

    @rule(committed=st.lists(ids) | st.just("abcdefgh"))
    def commit(self, committed: list[str] | str) -> None:
        """Keep some changes, or all."""
        self.offset += 1
        self.real.commit(committed, a_mark(self.offset))
        self.naive.commit(committed, a_mark(self.offset))

    @rule()
    def rollback(self) -> None:
        """Take the others back."""
        self.real.rollback()
        self.naive.rollback()

    @precondition(lambda self: self.offset % 4 == 0)  # not too often: it makes for short stories
    @rule()
    def clear(self) -> None:
        """Forget everything."""
        self.real.clear()
        self.naive.clear()

    @invariant()
    def knows_the_first_and_the_sums(self) -> None:
        """Compare what is always known."""
        assert self.naive.first() == self.real.first()
        assert self.naive.tally == self.real.tally
        assert self.naive.mark == self.real.mark


class RocksIndexMachine(IndexMachine):
    """The same on disk, with a window so small that it is always too small, and with reopening."""

    exact = False

    def __init__(self) -> None:
        """Begin with an empty folder."""
        self.folder = Path(tempfile.mkdtemp(prefix="duetime-index-"))
        self.small = patch.multiple(
            limits, DUE_WINDOW_TASKS_MAX=2, DUE_LOAD_TASKS_MAX=2, DUE_FRESH_TASKS_MAX=3
        )
        self.small.start()
        self.database = RocksDueIndexes.open(self.folder, exact=self.exact)
        other = self.database.of(0)
        put(other, "a", NOON, b"another partition's")
        other.commit(["a"], a_mark())
        self.changelog: list[tuple[int, dict[str, Record | None]]] = []
        super().__init__()

    def make(self) -> DueIndex:
        """Give an empty one between two others in the same database."""
        last = self.database.of(2)
        put(last, "z", after_noon(-5), b"another partition's")
        last.commit(["z"], a_mark())
        return self.database.of(1)

    @rule()
    def reopen(self) -> None:
        """Let go of the database and open it again: what was committed is there, and no more."""
        self.database.close()
        self.database = RocksDueIndexes.open(self.folder, exact=self.exact)
        self.real = self.database.of(1)
        self.naive.rollback()

    @rule(committed=st.lists(ids) | st.just("abcdefgh"))
    def commit(self, committed: list[str] | str) -> None:
        """Keep some changes, or all, and remember them in a changelog."""
        before = self.naive.committed()
        super().commit(committed)
        after = self.naive.committed()
        changes = {task_id: after.get(task_id) for task_id in committed if before != after}
        self.changelog.append((self.offset, changes))

    @rule(told=st.booleans())
    def lose_the_process(self, *, told: bool) -> None:
        """Open the database as it was flushed last, and fold the changelog on from its mark."""
        self.database._database.close()
        self.database = RocksDueIndexes.open(self.folder, exact=self.exact)
        self.real = self.database.of(1)
        self.naive.rollback()
        mark = self.real.mark
        if mark is None:
            self.real.clear()
        for offset, changes in self.changelog:
            if mark is None or offset > mark.offset:
                self._replay(offset, changes, told=told)

    def _replay(self, offset: int, changes: "dict[str, Record | None]", *, told: bool) -> None:
        for task_id, record in changes.items():
            woke = self.real.committed_wake(task_id) if told else UNKNOWN
            if record is None:
                self.real.remove(task_id, woke=woke)
            else:
                self.real.put(task_id, us(record[0]), record[1], tally=record[2], woke=woke)
        self.real.commit(changes, a_mark(offset))

    @invariant()
    def the_settled_are_counted(self) -> None:
        """What decides when to flush follows every change."""
        index = self.database.of(1)
        assert index._settled_count == sum(not (it and it.tally) for it in index._fresh.values())

    @rule(whole=st.booleans())
    def flush(self, *, whole: bool) -> None:
        """Write down what is committed."""
        assert isinstance(self.real, RocksDueIndex)
        self.real.flush(whole=whole)

    @rule(task_id=ids, wake_at=times, wrong=times)
    def put_with_a_wrong_word(self, task_id: str, wake_at: datetime, wrong: datetime) -> None:
        """Set a task as records do that lack what was compacted away before them."""
        self.real.put(task_id, us(wake_at), b"?", woke=us(wrong))
        self.naive.put(task_id, wake_at, b"?")
        self.commit([task_id])

    @precondition(lambda self: self.offset % 4 == 0)
    @rule()
    def clear(self) -> None:
        """Forget everything."""
        super().clear()
        self.changelog.clear()

    def teardown(self) -> None:
        """Remove the folder."""
        self.small.stop()
        self.database.close()
        shutil.rmtree(self.folder)


IndexMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestMemoryDueIndex = IndexMachine.TestCase
RocksIndexMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=40)
TestRocksDueIndex = RocksIndexMachine.TestCase


def test_who_wakes_at_the_same_instant_comes_in_order_of_id() -> None:
    index = MemoryDueIndex()
    put(index, B, NOON, b"")
    put(index, A, NOON, b"")

    assert [A, B] == index.until(NOON, tasks_max=9)


def test_what_is_put_between_two_questions_comes_before_what_is_later() -> None:
    index = MemoryDueIndex()
    for name, second in (("late", 5), ("later", 9)):
        put(index, name, after_noon(second), b"")
    index.until(NOON + MINUTE, tasks_max=2)
    for name, second in (("soon", 3), ("next", 4)):
        put(index, name, after_noon(second), b"")

    assert ["soon", "next"] == index.until(NOON + MINUTE, tasks_max=2)


def test_an_index_whose_tasks_move_and_go_does_not_grow() -> None:
    index = MemoryDueIndex()
    for number in range(20_000):
        put(index, f"{number % 100}", NOON + timedelta(seconds=number), b"")
    for number in range(100):
        index.remove(f"{number}")

    assert {} == index._tasks
    assert 2_000 >= len(index._heap)


# --- on disk ------------------------------------------------------------------------------------


@contextmanager
def opened(folder: Path) -> Iterator[RocksDueIndexes]:
    database = RocksDueIndexes.open(folder)
    try:
        yield database
    finally:
        database.close()


def fill(database: RocksDueIndexes, count: int = 100) -> None:
    index = database.of(0)
    names = [f"task-{number}" for number in range(count)]
    for number, name in enumerate(names):
        put(index, name, after_noon(number), name.encode())
    index.commit(names, a_mark())


@pytest.mark.promise("P6")
def test_what_was_put_and_not_committed_is_gone_when_the_process_is(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        fill(database)
        index = database.of(0)
        put(index, "task-0", NOON, b"changed", tally=3)
        put(index, "new", NOON, b"new")
        index.remove("task-1")
    with opened(tmp_path) as database:
        index = database.of(0)

        assert 100 == len(index.until(NOON + timedelta(days=1), tasks_max=1_000))
        assert [b"task-0", b"task-1", None] == [
            index.get(name) for name in ("task-0", "task-1", "new")
        ]
        assert 0 == index.tally
        assert a_mark() == index.mark


def test_memory_holds_a_bounded_number_of_tasks_however_many_wake(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        fill(database, 20_000)
        index = database.of(0)
        nearest = index.until(NOON + timedelta(days=1), tasks_max=3_000)
        index.commit((), a_mark())

        assert [f"task-{number}" for number in range(3_000)] == nearest
        assert 2 * limits.DUE_WINDOW_TASKS_MAX >= len(index._window._wakes)


def test_a_scan_begins_where_the_last_one_ended_and_not_at_what_has_woken(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        fill(database, 5_000)
        index = database.of(0)
        for _ in range(4):
            woken = index.until(NOON + timedelta(days=1), tasks_max=1_000)
            for name in woken:
                index.remove(name)
            index.commit(woken, a_mark())
    with opened(tmp_path) as database:
        index = database.of(0)

        assert after_noon(3_999) <= instant(index._window.horizon[0])
        assert ["task-4000"] == index.until(NOON + timedelta(days=1), tasks_max=1)


def test_a_scan_misses_nothing_that_only_an_uncommitted_change_had_moved(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        fill(database, 10)
        index = database.of(0)
        index.first()
        put(index, "task-0", after_noon(50), b"moved, and never committed")
        put(index, "task-9", after_noon(60), b"moved")
        index.commit(["task-9"], a_mark())
    with opened(tmp_path) as database:
        assert NOON == database.of(0).first()


def test_a_damaged_database_is_thrown_away_and_says_nothing_about_what_it_held(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as database:
        fill(database)
    for file in (tmp_path / "database").iterdir():
        if file.suffix in {".sst", ".log"} or file.name.startswith("MANIFEST"):
            file.write_bytes(b"nothing that a database would write" * 9)
    with opened(tmp_path) as database:
        index = database.of(0)

        assert index.mark is None
        assert None is index.first()


def test_damage_that_shows_later_is_told_and_ends_with_the_next_start(tmp_path: Path) -> None:
    with opened(tmp_path) as database:
        fill(database)
        index = database.of(0)
        database._database.close()  # as good as a disk that fails
        with pytest.raises(DueIndexError, match="the next start builds it anew"):
            index.get("task-7")
    with opened(tmp_path) as database:
        assert database.of(0).mark is None


def test_an_index_of_a_newer_format_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("duetime.timer.due_index.database.FORMAT_VERSION", FORMAT_VERSION + 1)
        with opened(tmp_path) as database:
            fill(database)

    with pytest.raises(DueIndexError, match=r"written by a newer Duetime \(format 4; this one"):
        RocksDueIndexes.open(tmp_path)


def test_an_index_of_an_older_format_is_built_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr("duetime.timer.due_index.database.FORMAT_VERSION", FORMAT_VERSION - 1)
        with opened(tmp_path) as database:
            fill(database)

    with opened(tmp_path) as database:
        assert database.of(0).mark is None
