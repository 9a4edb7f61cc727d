"""Calls that go together: who shares one, in which order, and whom a fault reaches."""

import asyncio
from collections.abc import Sequence

import pytest

from duetime.limits import MONGO_SMALL_DOCUMENTS_MAX
from duetime.store.mongo.together import BySize, Together
from duetime.store.port import StoreError
from tests.support.virtual_loop import run_virtual


class Called:
    """Holds each call until it is let go; records what was asked together."""

    def __init__(self) -> None:
        """Begin with no call."""
        self.groups: list[tuple[str, list[str]]] = []
        self.let_go = asyncio.Event()
        self.bad: set[str] = set()

    async def __call__(self, key: str, items: Sequence[str]) -> str:
        """Answer with what was asked, in a line."""
        self.groups.append((key, list(items)))
        await self.let_go.wait()
        if self.bad & set(items):
            raise StoreError(f"bad among {items}")
        return "".join(items)


def _ask(
    together: "Together[str, str, str]", items: str, *, key: str = "k", size: int = 1
) -> list["asyncio.Task[str]"]:
    return [asyncio.create_task(together(key, item, size=size)) for item in items]


async def _turns() -> None:
    await asyncio.sleep(0.001)  # virtual: everything that can run has run


def test_what_comes_while_a_call_is_under_way_goes_with_the_next() -> None:
    async def story() -> None:
        called = Called()
        together: Together[str, str, str] = Together(called, size_max=10, at_once_max=1)
        first = _ask(together, "a")
        await _turns()
        rest = _ask(together, "bcd")
        await _turns()
        assert called.groups == [("k", ["a"])]
        called.let_go.set()
        assert await asyncio.gather(*first, *rest) == ["a", "bcd", "bcd", "bcd"]
        assert called.groups == [("k", ["a"]), ("k", ["b", "c", "d"])]

    run_virtual(story())


def test_keys_are_not_mixed_and_order_stays() -> None:
    async def story() -> None:
        called = Called()
        together: Together[str, str, str] = Together(called, size_max=10, at_once_max=1)
        asked = _ask(together, "a")
        await _turns()
        asked += _ask(together, "bc") + _ask(together, "de", key="other") + _ask(together, "f")
        called.let_go.set()
        await asyncio.gather(*asked)
        assert called.groups == [
            ("k", ["a"]),
            ("k", ["b", "c"]),
            ("other", ["d", "e"]),
            ("k", ["f"]),
        ]

    run_virtual(story())


def test_a_full_group_does_not_wait_and_others_do() -> None:
    async def story() -> None:
        called = Called()
        together: Together[str, str, str] = Together(called, size_max=4, at_once_max=2)
        asked = _ask(together, "a")
        await _turns()
        asked += _ask(together, "b", size=3)
        await _turns()
        assert len(called.groups) == 1
        asked += _ask(together, "cd", size=1)
        await _turns()
        assert called.groups == [("k", ["a"]), ("k", ["b", "c"])]
        asked += _ask(together, "efgh", size=4)
        await _turns()
        assert len(called.groups) == 2, "two at once are the limit"
        called.let_go.set()
        await asyncio.gather(*asked)
        assert max(len(items) for _, items in called.groups) <= 2, "size_max cuts groups"

    run_virtual(story())


def test_one_larger_than_a_group_may_be_goes_alone() -> None:
    async def story() -> None:
        called = Called()
        called.let_go.set()
        together: Together[str, str, str] = Together(called, size_max=4, at_once_max=1)
        answers = await asyncio.gather(*_ask(together, "a", size=9), *_ask(together, "b", size=9))
        assert answers == ["a", "b"]

    run_virtual(story())


def test_a_fault_reaches_only_whom_it_concerns() -> None:
    async def story() -> None:
        called = Called()
        called.bad.add("c")
        together: Together[str, str, str] = Together(called, size_max=10, at_once_max=1)
        asked = _ask(together, "a")
        await _turns()
        asked += _ask(together, "bcd")
        called.let_go.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert answers[0] == "a"
        assert answers[1] == "b"
        assert isinstance(answers[2], StoreError)
        assert answers[3] == "d"

    run_virtual(story())


def test_a_fault_of_the_call_itself_reaches_all_and_the_next_goes_on() -> None:
    async def story() -> None:
        calls = 0

        async def broken(_key: str, items: Sequence[str]) -> str:
            nonlocal calls
            calls += 1
            await asyncio.sleep(1)
            if calls == 1:
                message = "a bug"
                raise ValueError(message)
            return "".join(items)

        together: Together[str, str, str] = Together(broken, size_max=10, at_once_max=1)
        (first,) = _ask(together, "a")
        await _turns()
        (second,) = _ask(together, "b")
        with pytest.raises(ValueError, match="a bug"):
            await first
        assert await second == "b"

    run_virtual(story())


def test_who_gives_up_holds_up_nobody() -> None:
    async def story() -> None:
        called = Called()
        together: Together[str, str, str] = Together(called, size_max=10, at_once_max=1)
        first = _ask(together, "a")
        await _turns()
        left, stays = _ask(together, "bc")
        await _turns()
        left.cancel()
        called.let_go.set()
        assert await asyncio.gather(*first, stays) == ["a", "c"]
        assert called.groups[-1] == ("k", ["c"])

    run_virtual(story())


def test_closing_tells_everyone_who_waits() -> None:
    async def story() -> None:
        called = Called()
        together: Together[str, str, str] = Together(called, size_max=10, at_once_max=1)
        asked = _ask(together, "a")
        await _turns()
        asked += _ask(together, "bc")
        await _turns()
        await together.close()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, StoreError) for answer in answers)

    run_virtual(story())


def test_a_small_call_goes_beside_a_large_one_and_large_ones_wait_for_each_other() -> None:
    async def story() -> None:
        called = Called()
        calls: BySize[str, str, str] = BySize(called)
        asked = [
            asyncio.create_task(calls("k", item, size=size))
            for item, size in (
                ("large", MONGO_SMALL_DOCUMENTS_MAX + 1),
                ("second", MONGO_SMALL_DOCUMENTS_MAX + 1),
                ("small", MONGO_SMALL_DOCUMENTS_MAX),
            )
        ]
        await _turns()
        assert called.groups == [("k", ["large"]), ("k", ["small"])]
        called.let_go.set()
        assert await asyncio.gather(*asked) == ["large", "second", "small"]

    run_virtual(story())


def test_closing_gives_up_small_and_large_calls() -> None:
    async def story() -> None:
        calls: BySize[str, str, str] = BySize(Called())
        sizes = (1, 1, MONGO_SMALL_DOCUMENTS_MAX + 1, MONGO_SMALL_DOCUMENTS_MAX + 1)
        asked = [asyncio.create_task(calls("k", "x", size=size)) for size in sizes]
        await _turns()
        await calls.close()
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert [StoreError] * len(sizes) == [type(each) for each in told]

    run_virtual(story())
