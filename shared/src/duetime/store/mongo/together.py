"""Calls that go to the database together: what comes while one is under way goes with the next.

Knows order, company and faults; not what is asked. A call costs the database and the driver about
as much as ten of its documents, and every partition has calls of its own.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from duetime.limits import (
    MONGO_SMALL_DOCUMENTS_MAX,
    MONGO_TOGETHER_AT_ONCE_MAX,
    MONGO_TOGETHER_DOCUMENTS_MAX,
)
from duetime.store.port import StoreError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")


class _Waiting(NamedTuple, Generic[K, T, R]):
    key: K
    item: T
    size: int
    answer: "asyncio.Future[R]"


class Together(Generic[K, T, R]):
    """Joins calls of one key. `call(key, items)` answers all of them with one result.

    A group of calls that fails is called apart, so that what is wrong with one fails no other.
    """

    def __init__(
        self, call: Callable[[K, Sequence[T]], Awaitable[R]], *, size_max: int, at_once_max: int
    ) -> None:
        """Join to a size of `size_max`. A full group need not wait, up to `at_once_max` of them."""
        self._call: Final = call
        self._size_max: Final = size_max
        self._at_once_max: Final = at_once_max
        self._waiting: Final[deque[_Waiting[K, T, R]]] = deque()
        self._waiting_size = 0
        self._under_way: Final[set[asyncio.Task[None]]] = set()

    async def __call__(self, key: K, item: T, *, size: int) -> R:
        """Call with company. Raises what the call raises."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(key, item, size, answer))
        self._waiting_size += size
        self._go_on()
        return await answer

    async def close(self) -> None:
        """Give up; who waits is told so."""
        ours = list(self._under_way)
        for task in ours:
            task.cancel()
        if ours:
            await asyncio.wait(ours)
        for each in self._waiting:
            if not each.answer.done():
                each.answer.set_exception(StoreError("the read models are closed"))
        self._waiting.clear()

    def _go_on(self) -> None:
        while self._waiting and len(self._under_way) < self._at_once_max:
            if self._under_way and self._waiting_size < self._size_max:
                return
            task = asyncio.create_task(self._run(self._next()), name="calls of the read models")
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _next(self) -> Sequence[_Waiting[K, T, R]]:
        """Take those of the first one's key that came up to now, in their order."""
        first = self._waiting.popleft()
        group, size = [first], first.size
        while self._waiting and self._waiting[0].key == first.key:
            if size + self._waiting[0].size > self._size_max:
                break
            size += self._waiting[0].size
            group.append(self._waiting.popleft())
        self._waiting_size -= size
        return group

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            self._go_on()

    async def _run(self, group: Sequence[_Waiting[K, T, R]]) -> None:
        try:
            wanted = [each for each in group if not each.answer.done()]  # others gave up
            if not wanted:
                return
            if not await self._answered(wanted, last=len(wanted) == 1):
                await asyncio.gather(*(self._answered([each], last=True) for each in wanted))
        except BaseException as fault:
            _answer(group, fault)
            if not isinstance(fault, Exception):
                raise

    async def _answered(self, group: Sequence[_Waiting[K, T, R]], *, last: bool) -> bool:
        try:
            result = await self._call(group[0].key, [each.item for each in group])
        except StoreError as fault:
            if last:
                _answer(group, fault)
            return last
        for each in group:
            if not each.answer.done():
                each.answer.set_result(result)
        return True


class BySize(Generic[K, T, R]):
    """Calls of which the small go together beside the large, and wait for none of them.

    A small one is a change of a task, mostly, and somebody waits for it; a large one takes tenths
    of a second where the database yields to others.
    """

    def __init__(self, call: Callable[[K, Sequence[T]], Awaitable[R]]) -> None:
        """Take what answers a group of them."""
        size_max = MONGO_TOGETHER_DOCUMENTS_MAX
        self._small = Together(call, size_max=size_max, at_once_max=1)
        self._large = Together(call, size_max=size_max, at_once_max=MONGO_TOGETHER_AT_ONCE_MAX)

    async def __call__(self, key: K, item: T, *, size: int) -> R:
        """Call with company. Raises what the call raises."""
        is_small = size <= MONGO_SMALL_DOCUMENTS_MAX
        return await (self._small if is_small else self._large)(key, item, size=size)

    async def close(self) -> None:
        """Give up; who waits is told so."""
        await self._small.close()
        await self._large.close()


def _answer(group: "Sequence[_Waiting[K, T, R]]", fault: BaseException) -> None:
    told = fault if isinstance(fault, Exception) else StoreError("the read models are closed")
    for each in group:
        if not each.answer.done():
            each.answer.set_exception(told)
