"""What `find` and a filtered list of tasks promise: part of the contract of the read-model port."""

from datetime import timedelta

import msgspec
import pytest

from duetime.limits import FILTER_TASKS_JUDGED_MAX
from duetime.store.filters import TaskFilter
from duetime.store.port import Found, Store
from duetime.store.views import ListedStatus, TaskDocument
from duetime.task.state import TaskStatus
from tests.support.documents import (
    NOON,
    a_last_run,
    a_run,
    a_skipped_stretch,
    a_task,
    at,
    changes,
    finished,
    scheduled,
    with_status,
)


async def listed(store: Store, wanted: TaskFilter, *, items_max: int = 100) -> list[str]:
    """Give the ids of all tasks that are wanted, page by page."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.tasks(items_max=items_max, cursor=cursor, wanted=wanted)
        assert len(page.items) <= items_max
        ids += [document.task_id for document in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


def described(task_id: str, description: str) -> TaskDocument:
    """Give the document of a waiting task with these words."""
    return TaskDocument(task_id=task_id, task=a_task(task_id, description=description))


def alive(task_id: str) -> TaskDocument:
    """Give the document of a one-time task whose run goes on for a minute after noon."""
    last_run = msgspec.structs.replace(a_last_run(), finished_at=None, lease_until=at(60))
    return msgspec.structs.replace(finished(task_id), last_run=last_run)


async def one_of_each_status(store: Store) -> None:
    """Write tasks named by the status that they have at noon."""
    await store.write(
        changes(
            scheduled("scheduled", at(100)),
            scheduled("overdue", at(-100)),
            with_status(scheduled("paused", at(100)), TaskStatus.PAUSED, offset=1),
            with_status(scheduled("deleted", at(100)), TaskStatus.DELETED, offset=1),
            finished("finished", at(-1)),
            alive("running"),
        )
    )


class FiltersContract:
    """What `tasks` promises of a filter."""

    @pytest.mark.parametrize(
        "statuses",
        [
            ["scheduled"],
            ["overdue"],
            ["paused"],
            ["finished"],
            ["running"],
            ["overdue", "finished"],
            ["waiting"],
            ["deleted"],
        ],
    )
    async def test_a_list_by_status_holds_those_that_have_it_now(
        self, store: Store, statuses: list[str]
    ) -> None:
        await one_of_each_status(store)
        wanted = TaskFilter(statuses=frozenset(map(ListedStatus, statuses)), now=NOON)

        expected = sorted(set(statuses) - {"waiting", "deleted"})
        assert expected == sorted(await listed(store, wanted))
        assert expected == sorted(await listed(store, wanted, items_max=1))

    async def test_a_text_is_found_in_the_description_whatever_its_case(self, store: Store) -> None:
        await store.write(
            changes(
                described("a", "Water the PLANTS"),
                described("b", "plants, ÄPFEL, 50% off_"),
                described("c", "feed the cat"),
            )
        )

        assert ["a", "b"] == await listed(store, TaskFilter(text="pLaNtS"))
        assert ["b"] == await listed(store, TaskFilter(text="äpfel"))
        assert ["b"] == await listed(store, TaskFilter(text="50% OFF_"))
        assert [] == await listed(store, TaskFilter(text="dog"))

    async def test_a_range_of_due_times_holds_its_start_and_not_its_end(self, store: Store) -> None:
        await store.write(
            changes(*(scheduled(f"t{n}", at(n)) for n in range(6)), finished("ran", at(3)))
        )
        between = TaskFilter(due_from=at(2), due_to=at(4))

        assert ["t2", "t3"] == await listed(store, between)
        assert ["t2", "t3"] == await listed(store, between, items_max=1)
        assert ["t4", "t5"] == await listed(store, TaskFilter(due_from=at(4)))
        assert ["t0", "t1"] == await listed(store, TaskFilter(due_to=at(2)), items_max=1)
        assert [] == await listed(store, TaskFilter(due_from=at(4), due_to=at(4)))

    async def test_all_that_is_asked_must_hold(self, store: Store) -> None:
        await one_of_each_status(store)
        await store.write(changes(described("t", "feed the cat")))
        wanted = TaskFilter(
            statuses=frozenset({ListedStatus.SCHEDULED, ListedStatus.FINISHED}),
            text="CAT",
            due_from=at(0),
            due_to=at(1),
            now=NOON,
        )

        assert ["t"] == await listed(store, wanted)

    async def test_pages_of_a_filtered_list_give_each_task_once_in_order(
        self, store: Store
    ) -> None:
        even = [described(f"{n:03}", "even" if n % 2 == 0 else "odd") for n in range(101)]
        await store.write(changes(*even))

        expected = [f"{n:03}" for n in range(0, 101, 2)]
        assert expected == await listed(store, TaskFilter(text="even"), items_max=7)

    async def test_a_page_ends_after_so_many_tasks_though_none_is_wanted(
        self, store: Store
    ) -> None:
        count = FILTER_TASKS_JUDGED_MAX + 10
        step = timedelta(milliseconds=1)
        for start in range(0, count, 2_000):
            numbers = range(start, min(count, start + 2_000))
            await store.write(changes(*(scheduled(f"{n:06}", NOON + n * step) for n in numbers)))
        last = a_task("zz", description="the one", time=at(3_600))
        await store.write(changes(TaskDocument(task_id="zz", task=last, task_offset=0)))
        first = await store.tasks(items_max=10, wanted=TaskFilter(text="the one"))

        assert [] == first.items
        assert None is not first.next_cursor
        assert ["zz"] == await listed(store, TaskFilter(text="the one"))


class FindsContract:
    """What `find` promises."""

    async def test_tasks_and_runs_that_exist_are_found_by_their_ids(self, store: Store) -> None:
        stretch = a_skipped_stretch("s", finished_at=at(2), position=4)
        await store.write(changes(scheduled("a"), scheduled("b"), a_run("r"), stretch))
        found = await store.find(task_ids=["a", "x", "\ud800"], run_ids=["r", "s", "y", "\ud800"])

        assert Found(tasks={"a": scheduled("a")}, runs={"r": a_run("r"), "s": stretch}) == found

    async def test_of_no_ids_nothing_is_found(self, store: Store) -> None:
        assert Found(tasks={}, runs={}) == await store.find(task_ids=[], run_ids=[])
