"""What every adapter of the read-model port promises. A subclass supplies `store`, new and empty.

Nothing here needs writes to be seen before `write` has returned, or by anyone but the port.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from duetime.events.types import Outcome
from duetime.store.port import CursorError, Store
from duetime.store.views import TaskDocument
from duetime.task.state import TaskStatus
from tests.contract.store_filters_contract import FiltersContract, FindsContract
from tests.contract.store_passed_contract import PassedContract
from tests.support.documents import (
    EXECUTIONS_0,
    NOON,
    TASKS_0,
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

FORGERIES: Mapping[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "nonsense": lambda _: "nonsense",
    "not ascii": lambda _: "\u00fcnicode",
    "half a surrogate pair": lambda _: "\ud800",
    "long": lambda _: "A" * 100_000,
    "a character more": lambda given: given + "A",
    "padded": lambda given: given + "=",
    "a line more": lambda given: given + "\n",
    "cut": lambda given: given[:-1],
    "beheaded": lambda given: given[1:],
    "another head": lambda given: ("B" if given[0] == "A" else "A") + given[1:],
    "another middle": lambda given: given[:20] + ("B" if given[20] == "A" else "A") + given[21:],
}


async def listed(store: Store, *, items_max: int = 100) -> list[str]:
    """Give the ids of all tasks, page by page."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.tasks(items_max=items_max, cursor=cursor)
        assert len(page.items) <= items_max
        ids += [document.task_id for document in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


async def listed_runs(
    store: Store, *, task_id: str | None = None, items_max: int = 100
) -> list[str]:
    """Give the ids of all runs, or of one task's, page by page."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.runs(items_max=items_max, cursor=cursor, task_id=task_id)
        assert len(page.items) <= items_max
        ids += [run.id for run in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


class WritesContract:
    """What `write`, `load`, `task` and `prune` promise."""

    async def test_what_was_written_is_read_as_it_was(self, store: Store) -> None:
        document = finished("t")

        await store.write(changes(document))

        assert document == await store.task("t")

    async def test_an_unknown_task_is_none(self, store: Store) -> None:
        assert None is await store.task("nobody")

    @pytest.mark.parametrize("task_id", ["", "\x00", "\ud800", "ä" * 5_000, "'; DROP TABLE tasks"])
    async def test_an_id_of_any_shape_is_only_unknown(self, store: Store, task_id: str) -> None:
        assert None is await store.task(task_id)
        assert {} == await store.load([task_id])
        assert [] == await listed_runs(store, task_id=task_id)

    async def test_load_gives_those_that_exist(self, store: Store) -> None:
        await store.write(changes(scheduled("a"), scheduled("b")))

        assert {"a": scheduled("a")} == await store.load(["a", "nobody"])

    async def test_load_of_nothing_is_nothing(self, store: Store) -> None:
        assert {} == await store.load([])

    async def test_writing_nothing_is_fine(self, store: Store) -> None:
        await store.write(changes())

        assert {} == await store.positions()

    @pytest.mark.promise("P6")
    async def test_a_repeated_write_changes_nothing(self, store: Store) -> None:
        flush = changes(finished("t"), a_run(position=0), positions={EXECUTIONS_0: 1})
        await store.write(flush)
        await store.write(flush)

        assert finished("t") == await store.task("t")
        assert ["r"] == await listed_runs(store)
        assert {EXECUTIONS_0: 1} == await store.positions()

    @pytest.mark.promise("P6")
    async def test_runs_that_come_before_their_task_wait_for_it_unseen(self, store: Store) -> None:
        early = TaskDocument(task_id="t", last_run=a_last_run(), run_offset=7)
        await store.write(changes(early, a_run(position=7)))
        unseen = await listed(store)

        await store.write(changes(TaskDocument(task_id="t", task=a_task(), task_offset=3)))
        whole = await store.task("t")

        assert [] == unseen
        assert ["t"] == await listed(store)
        assert TaskDocument(
            task_id="t", task=a_task(), task_offset=3, last_run=a_last_run(), run_offset=7
        ) == (whole)

    @pytest.mark.promise("P6")
    async def test_a_part_that_was_read_less_far_changes_nothing(self, store: Store) -> None:
        task = a_task(description="new", revision=2)
        last_run = a_last_run(run_id="new")
        whole = TaskDocument(task_id="t", task=task, task_offset=5, last_run=last_run, run_offset=9)
        await store.write(changes(whole))

        old_task = TaskDocument(task_id="t", task=a_task(description="old"), task_offset=4)
        same_task = TaskDocument(task_id="t", task=a_task(description="other"), task_offset=5)
        old_run = TaskDocument(task_id="t", last_run=a_last_run(run_id="old"), run_offset=8)
        await store.write(changes(old_task, same_task))
        await store.write(changes(old_run))

        assert whole == await store.task("t")

    @pytest.mark.promise("P6")
    async def test_each_part_is_guarded_by_itself(self, store: Store) -> None:
        await store.write(
            changes(TaskDocument(task_id="t", task=a_task(), task_offset=5, run_offset=-1))
        )
        stale_task_new_run = TaskDocument(
            task_id="t",
            task=a_task(description="stale"),
            task_offset=4,
            last_run=a_last_run(),
            run_offset=1,
        )
        await store.write(changes(stale_task_new_run))

        assert TaskDocument(
            task_id="t", task=a_task(), task_offset=5, last_run=a_last_run(), run_offset=1
        ) == await store.task("t")

    @pytest.mark.promise("P6")
    async def test_a_run_is_replaced_by_a_later_record_only(self, store: Store) -> None:
        await store.write(changes(a_run(position=5, outcome=Outcome.SUCCEEDED)))
        await store.write(changes(a_run(position=4, outcome=Outcome.FAILED)))
        kept = (await store.runs(items_max=10)).items

        await store.write(changes(a_run(position=6, outcome=Outcome.TIMED_OUT)))

        assert [Outcome.SUCCEEDED] == [run.outcome for run in kept]
        assert [Outcome.TIMED_OUT] == [
            run.outcome for run in (await store.runs(items_max=10)).items
        ]

    @pytest.mark.promise("P6")
    async def test_of_one_run_twice_in_a_flush_the_later_record_stays(self, store: Store) -> None:
        early = a_run(position=4, outcome=Outcome.FAILED)
        late = a_run(position=6, outcome=Outcome.SUCCEEDED)
        await store.write(changes(late, early))

        assert [late] == (await store.runs(items_max=10)).items

    @pytest.mark.promise("P6")
    async def test_positions_never_go_back(self, store: Store) -> None:
        await store.write(changes(positions={TASKS_0: 5, EXECUTIONS_0: 2}))
        await store.write(changes(positions={TASKS_0: 3}))

        assert {TASKS_0: 5, EXECUTIONS_0: 2} == await store.positions()

    async def test_unicode_comes_back_as_it_went_in(self, store: Store) -> None:
        text = "Übung \U0001f331 \"'\\ \u2028 \x00 \t ﷽"
        document = TaskDocument(task_id="t", task=a_task(description=text), task_offset=0)
        await store.write(changes(document, a_run(description=text)))

        assert document == await store.task("t")
        assert [document] == (await store.tasks(items_max=10)).items
        assert [a_run(description=text)] == (await store.runs(items_max=10)).items

    async def test_instants_are_kept_to_the_microsecond(self, store: Store) -> None:
        document = scheduled("t", NOON + timedelta(microseconds=1))
        await store.write(changes(document))

        assert document == await store.task("t")

    async def test_prune_deletes_what_ended_before_by_event_times(self, store: Store) -> None:
        await store.write(
            changes(
                finished("old", at(-1)),
                finished("new", at(0)),
                with_status(scheduled("deleted", at(900)), TaskStatus.DELETED, offset=1),
                a_run("old-run", finished_at=at(-1)),
                a_run("new-run", finished_at=at(0)),
            )
        )
        count = await store.prune(NOON, items_max=100)

        assert 3 == count
        assert ["new"] == await listed(store)
        assert [None, None] == [await store.task("old"), await store.task("deleted")]
        assert ["new-run"] == await listed_runs(store)

    async def test_prune_keeps_whatever_may_yet_run(self, store: Store) -> None:
        paused = with_status(scheduled("paused", at(-900)), TaskStatus.PAUSED, offset=1)
        await store.write(changes(scheduled("overdue", at(-900)), scheduled("later"), paused))
        count = await store.prune(at(9_000), items_max=100)

        assert 0 == count
        assert {"overdue", "later", "paused"} == set(await listed(store))

    async def test_prune_takes_the_oldest_and_stops_at_its_limit(self, store: Store) -> None:
        await store.write(changes(*(finished(f"t{n}", at(n)) for n in range(5))))
        counts = [await store.prune(at(4), items_max=3), await store.prune(at(4), items_max=3)]

        assert [3, 1] == counts
        assert ["t4"] == await listed(store)

    async def test_a_finished_task_with_a_new_time_is_not_pruned(self, store: Store) -> None:
        await store.write(changes(finished("t", at(-900), offset=1)))
        again = a_task(time=at(900), revision=2, time_revision=2, updated_at=at(-800))
        await store.write(changes(TaskDocument(task_id="t", task=again, task_offset=2)))
        count = await store.prune(NOON, items_max=10)

        assert 0 == count
        assert ["t"] == await listed(store)

    async def test_close_is_harmless_when_repeated(self, store: Store) -> None:
        await store.close()
        await store.close()


class ListsContract:
    """What `tasks` and `runs` promise."""

    async def test_waiting_tasks_come_by_due_time_then_the_rest_newest_first(
        self, store: Store
    ) -> None:
        paused = with_status(scheduled("paused", at(5)), TaskStatus.PAUSED, offset=1)
        await store.write(
            changes(
                finished("ran early", at(1)),
                scheduled("due late", at(200)),
                paused,  # last touched when it was created, an hour before noon
                finished("ran late", at(2)),
                scheduled("due soon", at(100)),
            )
        )

        expected = ["due soon", "due late", "ran late", "ran early", "paused"]
        assert expected == await listed(store)
        assert expected == await listed(store, items_max=1)
        assert expected == await listed(store, items_max=2)

    async def test_ties_are_paged_completely_by_id(self, store: Store) -> None:
        waiting = [f"w{n}" for n in range(7)]
        resting = [f"r{n}" for n in range(7)]
        await store.write(changes(*map(scheduled, reversed(waiting)), *map(finished, resting)))

        assert [*waiting, *reversed(resting)] == await listed(store, items_max=3)

    async def test_the_last_page_has_no_cursor(self, store: Store) -> None:
        await store.write(changes(scheduled("a"), scheduled("b")))

        assert None is (await store.tasks(items_max=2)).next_cursor
        assert None is not (await store.tasks(items_max=1)).next_cursor

    async def test_an_empty_list_is_one_empty_page(self, store: Store) -> None:
        page = await store.tasks(items_max=10)

        assert ([], None) == (list(page.items), page.next_cursor)

    async def test_tasks_that_do_not_change_come_once_while_others_do(self, store: Store) -> None:
        steady = [f"s{n}" for n in range(6)]
        await store.write(changes(*map(scheduled, steady), scheduled("s0-gone"), scheduled("s1-x")))
        first = await store.tasks(items_max=3)

        await store.write(
            changes(
                with_status(scheduled("s0-gone"), TaskStatus.DELETED, offset=1),
                finished("s1-x", at(1), offset=1),
                scheduled("s2-new"),
                scheduled("a-new"),
            )
        )
        seen = [document.task_id for document in first.items]
        cursor = first.next_cursor
        while cursor is not None:
            page = await store.tasks(items_max=3, cursor=cursor)
            seen += [document.task_id for document in page.items]
            cursor = page.next_cursor

        assert steady == [task_id for task_id in seen if task_id in steady]

    async def test_deleted_tasks_are_known_but_not_listed(self, store: Store) -> None:
        await store.write(changes(scheduled("t")))
        await store.write(changes(with_status(scheduled("t"), TaskStatus.DELETED, offset=1)))
        marker = await store.task("t")

        assert [] == await listed(store)
        assert marker is not None
        assert marker.task is not None
        assert TaskStatus.DELETED == marker.task.status

    async def test_runs_come_newest_first(self, store: Store) -> None:
        await store.write(
            changes(
                a_run("b", finished_at=at(2)),
                a_run("a", finished_at=at(1)),
                a_run("d", finished_at=at(3)),
                a_run("c", finished_at=at(3)),
            )
        )

        assert ["d", "c", "b", "a"] == await listed_runs(store)
        assert ["d", "c", "b", "a"] == await listed_runs(store, items_max=1)

    async def test_runs_of_one_task_are_its_own(self, store: Store) -> None:
        mine = [a_run(f"m{n}", task_id="me", finished_at=at(n)) for n in range(5)]
        others = [a_run(f"o{n}", task_id="other", finished_at=at(n)) for n in range(5)]
        await store.write(changes(*mine, *others))

        assert ["m4", "m3", "m2", "m1", "m0"] == await listed_runs(store, task_id="me", items_max=2)
        assert [] == await listed_runs(store, task_id="nobody")

    @pytest.mark.promise("P5")
    async def test_skipped_stretches_are_listed_among_the_runs(self, store: Store) -> None:
        stretch = a_skipped_stretch("e", finished_at=at(2), position=4)
        await store.write(changes(stretch, a_run(finished_at=at(1)), a_run("z", finished_at=at(3))))

        assert ["z", "e", "r"] == await listed_runs(store)
        assert ["z", "e", "r"] == await listed_runs(store, task_id="t")
        assert stretch == (await store.runs(items_max=3)).items[1]

    @pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
    async def test_a_forged_cursor_is_refused(
        self, store: Store, forge: Callable[[str], str]
    ) -> None:
        await store.write(changes(scheduled("a"), scheduled("b"), a_run("x"), a_run("y")))
        of_tasks = (await store.tasks(items_max=1)).next_cursor
        of_runs = (await store.runs(items_max=1)).next_cursor
        assert of_tasks is not None
        assert of_runs is not None

        with pytest.raises(CursorError):
            await store.tasks(items_max=1, cursor=forge(of_tasks))
        with pytest.raises(CursorError):
            await store.runs(items_max=1, cursor=forge(of_runs))

    async def test_a_cursor_of_another_list_is_refused(self, store: Store) -> None:
        await store.write(changes(scheduled("a"), scheduled("b"), a_run("x"), a_run("y")))
        of_tasks = (await store.tasks(items_max=1)).next_cursor
        of_runs = (await store.runs(items_max=1)).next_cursor
        of_one = (await store.runs(items_max=1, task_id="t")).next_cursor

        with pytest.raises(CursorError):
            await store.tasks(items_max=1, cursor=of_runs)
        with pytest.raises(CursorError):
            await store.runs(items_max=1, cursor=of_tasks)
        with pytest.raises(CursorError):
            await store.runs(items_max=1, cursor=of_runs, task_id="t")
        with pytest.raises(CursorError):
            await store.runs(items_max=1, cursor=of_one, task_id="another")

    async def test_ten_thousand_tasks_are_paged_completely(self, store: Store) -> None:
        ids = [f"{n:05}" for n in range(10_000)]
        for start in range(0, 10_000, 2_000):
            await store.write(
                changes(
                    *(scheduled(task_id, at(int(task_id) // 10)) for task_id in ids[start:][:2_000])
                )
            )

        assert ids == await listed(store, items_max=1_000)


class StoreContract(WritesContract, ListsContract, FiltersContract, FindsContract, PassedContract):
    """All of it."""
