"""The read models lose what is old only once all that was appended has been projected."""

from datetime import timedelta

from duetime.limits import RETENTION_SECONDS
from duetime.log.memory import MemoryLog
from duetime.log.reading import event_record
from duetime.log.topics import Topic
from duetime.log_projector.retention import ViewsRetention
from duetime.runtime.clock import ManualClock
from duetime.store.memory import MemoryStore
from tests.support.builders import created, envelope
from tests.support.documents import NOON, TASKS_0, a_run, changes, finished

AGED = NOON + timedelta(seconds=RETENTION_SECONDS + 1)
YOUNG = NOON + timedelta(seconds=RETENTION_SECONDS - 1)


class Ground:
    """A log with one event, and read models with a task and a run that ended at noon."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.log = MemoryLog(2, self.clock.now)
        self.store = MemoryStore()
        self.retention = ViewsRetention(log=self.log, store=self.store, clock=self.clock)

    async def filled(self, *, projected: int) -> "Ground":
        await self.log.append([event_record(Topic.TASKS, 0, envelope(created()))])
        await self.store.write(changes(finished("t"), a_run(), positions={TASKS_0: projected}))
        return self


async def test_what_is_too_old_goes() -> None:
    ground = await Ground().filled(projected=1)
    ground.clock.set(AGED)

    assert 2 == await ground.retention.prune()
    assert None is await ground.store.task("t")


async def test_what_is_young_enough_stays() -> None:
    ground = await Ground().filled(projected=1)
    ground.clock.set(YOUNG)

    assert 0 == await ground.retention.prune()
    assert None is not await ground.store.task("t")


async def test_nothing_goes_while_an_event_was_not_projected() -> None:
    ground = await Ground().filled(projected=0)
    ground.clock.set(AGED)

    assert 0 == await ground.retention.prune()
    assert None is not await ground.store.task("t")


async def test_nothing_goes_once_it_was_drained() -> None:
    ground = await Ground().filled(projected=1)
    ground.clock.set(AGED)
    ground.retention.drain()
    await ground.retention.run()

    assert None is not await ground.store.task("t")
