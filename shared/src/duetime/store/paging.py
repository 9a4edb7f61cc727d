"""One page of a filtered list of tasks, the same for every adapter.

Knows which stretch of the list can hold what is asked for; not how an adapter reads its list.
Tasks are judged one by one along the list's own order. A page ends after so many, found or not, and
its cursor leads on: paging goes by the key, and no question, however rare its answers, keeps others
waiting for long.
"""

from collections.abc import Sequence
from typing import Final

from duetime.events.ids import microseconds
from duetime.limits import FILTER_READ_TASKS, FILTER_TASKS_JUDGED_MAX
from duetime.store.cursors import Place, read_cursor, write_cursor
from duetime.store.filters import TaskFilter
from duetime.store.order import RESTING, TASKS, WAITING, task_place
from duetime.store.port import Slice
from duetime.store.views import ListedStatus, TaskDocument

_FIRST_RESTING: Final = Place(RESTING, (1 << 63) - 1, "")
_SECTIONS_OF: Final = {
    ListedStatus.SCHEDULED: {WAITING},
    ListedStatus.WAITING: {WAITING},
    ListedStatus.RUNNING: {WAITING, RESTING},
    ListedStatus.OVERDUE: {WAITING, RESTING},
    ListedStatus.PAUSED: {RESTING},
    ListedStatus.FINISHED: {RESTING},
    ListedStatus.DELETED: set[int](),
}
"""Where in the list a task of a status may stand."""


class Gathering:
    """A page as it is read: ask for `asked` tasks behind `place`, and `take` them."""

    def __init__(self, wanted: TaskFilter, *, items_max: int, cursor: str | None) -> None:
        """Begin behind the cursor. Raises CursorError where the list never gave it."""
        self._wanted = wanted
        self._sections = _sections(wanted)
        self.place = self._start(None if cursor is None else read_cursor(TASKS, cursor))
        """Behind which place to read on; None: from the beginning."""
        self._items_max = items_max
        self._kept: dict[str, TaskDocument] = {}
        self._judged_count = 0
        self._over = not self._sections

    @property
    def asked(self) -> int:
        """How many tasks to read next; 0: the page is whole."""
        missing = self._items_max + 1 - len(self._kept)  # one more tells that there is more
        if self._over or missing <= 0:
            return 0
        if self._wanted.everything:
            return missing
        return min(FILTER_READ_TASKS, FILTER_TASKS_JUDGED_MAX - self._judged_count)

    def take(self, documents: Sequence[TaskDocument]) -> None:
        """Take what was read: fewer than were asked for means that there are no more."""
        self._over = len(documents) < self.asked
        for document in documents:
            place = task_place(document)
            assert place is not None, "lists hold visible tasks"
            if self._is_behind_all(place):
                self._over = True
                break
            self.place = place
            # One that came to rest between two readings may be there already.
            if document.task_id not in self._kept and self._wanted.keeps(document):
                self._kept[document.task_id] = document
        self._judged_count += len(documents)

    def slice(self) -> Slice[TaskDocument]:
        """Give the page. It may be short, or empty, and yet lead on."""
        items = list(self._kept.values())
        if len(items) > self._items_max:
            items = items[: self._items_max]
            last = task_place(items[-1])
        else:
            last = None if self._over else self.place
        return Slice(items=items, next_cursor=None if last is None else write_cursor(TASKS, last))

    def _start(self, after: Place | None) -> Place | None:
        """Say behind which place the first task that may be meant stands; never before `after`."""
        if after is not None and after.section == RESTING:
            return after
        if WAITING not in self._sections:
            return _FIRST_RESTING
        if self._wanted.due_from is None:
            return after
        first = Place(WAITING, microseconds(self._wanted.due_from), "")
        return first if after is None else max(after, first)

    def _is_behind_all(self, place: Place) -> bool:
        """Whether nothing from this place on can be meant."""
        if place.section == RESTING:
            return RESTING not in self._sections
        due_to = self._wanted.due_to
        return due_to is not None and place.at >= microseconds(due_to)


def _sections(wanted: TaskFilter) -> set[int]:
    sections = {WAITING} if wanted.by_due else {WAITING, RESTING}
    if wanted.statuses:
        sections &= set[int]().union(*(_SECTIONS_OF[status] for status in wanted.statuses))
    return sections
