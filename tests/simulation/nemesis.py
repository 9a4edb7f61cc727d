"""Who does harm: faults done to whole processes, to the log or to the database, at chosen moments.

Knows which kinds are on and how each is done and undone; chance comes from the seed. When its time
is over everything is healed, so that the checkers may expect a system at rest.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from duetime.log.partitioner import partition_of
from duetime.log.port import Record
from duetime.log.topics import Topic
from duetime.timer.lane import TRANSACTOR_NAME
from tests.simulation.history import Fault, FaultKind
from tests.simulation.process import Process
from tests.simulation.world import SESSION_SECONDS, World

_AIMED_SHARE: Final = 0.3
_CONSUMERS: Final = ("timer", "executor", "projector")


class Nemesis:
    """Does harm to a world until told that it is over."""

    def __init__(self, world: World) -> None:
        """Draw from the seed."""
        self._world = world
        self._network = world.network
        self._rng = Random(f"nemesis/{world.switches.seed}")
        self._under_way: dict[asyncio.Task[None], None] = {}
        done_by: dict[FaultKind, Callable[[], Awaitable[None]]] = {
            FaultKind.CRASH: self._crash,
            FaultKind.RESTART: self._restart,
            FaultKind.SUSPEND: lambda: self._suspend(FaultKind.SUSPEND),
            FaultKind.SUSPEND_PAST_SESSION: lambda: self._suspend(FaultKind.SUSPEND_PAST_SESSION),
            FaultKind.REBALANCE: self._rebalance,
            FaultKind.FENCE: self._fence,
            FaultKind.SLOW_READS: self._slow_reads,
            FaultKind.STALE_READS: self._stale_reads,
            FaultKind.STORE_AWAY: self._store_away,
            FaultKind.LOG_AWAY: self._log_away,
            FaultKind.POISON: self._poison,
            FaultKind.WIPE_VIEWS: self._wipe_views,
            FaultKind.CLOCK_JUMP: self._clock_jump,
            FaultKind.TIMER_DISK_LOST: self._timer_disk_lost,
            FaultKind.TIMER_DISK_OLD: self._timer_disk_old,
        }
        self._kinds = [
            (kind, does) for kind, does in done_by.items() if kind in world.switches.kinds
        ]

    async def run(self, until: float) -> None:
        """Do harm now and then until a moment, then heal everything."""
        world, rng = self._world, self._rng
        loop = asyncio.get_running_loop()
        while self._kinds:
            pause = rng.expovariate(1.0 / world.switches.fault_every_seconds)
            if world.now + pause >= until:
                break
            await asyncio.sleep(pause)
            await self._aim(until)
            _, does = rng.choice(self._kinds)
            task = loop.create_task(self._bounded(does, until))
            self._under_way[task] = None
        await asyncio.sleep(max(0.0, until - world.now))
        if self._under_way:
            await asyncio.wait(list(self._under_way))
        for task in self._under_way:
            task.result()

    async def _aim(self, until: float) -> None:
        """Now and then wait until just before something is due: where harm does most."""
        world, rng = self._world, self._rng
        if rng.random() >= _AIMED_SHARE:
            return
        ahead = [due for due in world.due_moments if world.now < due < until]
        if ahead:
            moment = min(ahead) - rng.choice((0.1, 1.5, 4.0, 7.0))
            await asyncio.sleep(max(0.0, moment - world.now))

    async def _bounded(self, does: Callable[[], Awaitable[None]], until: float) -> None:
        self._until = until
        await does()

    async def _last(self, fault: Fault, seconds: float) -> None:
        """Wait so long, but not beyond the time of harm; note when it ended."""
        await asyncio.sleep(max(0.0, min(seconds, self._until - self._world.now)))
        fault.until = self._world.now

    def _victim(self, *roles: str) -> Process | None:
        slots = self._world.of_role(*roles)
        return self._world.processes[self._rng.choice(slots)] if slots else None

    async def _crash(self) -> None:
        victim = self._victim("api", *_CONSUMERS)
        if victim is None:
            return
        owns = any(self._world.broker.owned(each) for each in victim.subscriptions)
        fault = self._network.mark(FaultKind.CRASH, victim, effective=victim.busy or owns)
        self._world.crash(victim.slot)
        # Back at once, after the session, or late: a supervisor may be of any speed.
        seconds = self._rng.choice((0.1, 2.0, self._rng.uniform(5.0, 15.0)))
        await self._revive(victim.slot, fault, seconds)

    async def _revive(self, slot: str, fault: Fault, seconds: float) -> None:
        await self._last(fault, seconds)
        if slot not in self._world.processes:
            self._world.start(slot)

    async def _restart(self) -> None:
        victim = self._victim(*_CONSUMERS)
        if victim is None:
            return
        owns = any(self._world.broker.owned(each) for each in victim.subscriptions)
        fault = self._network.mark(FaultKind.RESTART, victim, effective=owns)
        clean = await self._world.drain(victim.slot)
        fault.note = "clean" if clean else "had to be killed"
        await self._revive(victim.slot, fault, self._rng.choice((0.0, 1.0, 5.0)))

    async def _suspend(self, kind: FaultKind) -> None:
        victim = self._victim("api", *_CONSUMERS)
        if victim is None:
            return
        past = kind is FaultKind.SUSPEND_PAST_SESSION
        seconds = (
            self._rng.uniform(SESSION_SECONDS + 0.5, SESSION_SECONDS + 12.0)
            if past
            else self._rng.uniform(0.3, SESSION_SECONDS - 0.5)
        )
        broker = self._world.broker
        owned = [(each, broker.owned(each)) for each in victim.subscriptions]
        fault = self._network.mark(kind, victim, note=f"for {seconds:.1f} s")
        self._world.suspend(victim.slot)
        await self._last(fault, seconds)
        taken = any(broker.others_own(each, partitions) for each, partitions in owned)
        fault.effective = taken if past else bool(victim.parked)
        if not victim.alive:
            return  # killed in its sleep
        self._world.history.note(self._world.now, victim.name, "wakes up")
        victim.resume()

    async def _rebalance(self) -> None:
        victim = self._victim(*_CONSUMERS)
        if victim is None or not victim.subscriptions:
            return
        owns = any(self._world.broker.owned(each) for each in victim.subscriptions)
        self._network.mark(FaultKind.REBALANCE, victim, effective=owns)
        for subscription in victim.subscriptions:
            self._world.broker.expel(subscription)

    async def _fence(self) -> None:
        """Open a transactor beside the owner's: the owner must notice at its next write."""
        partition = self._rng.randrange(self._world.broker.partitions)
        self._network.mark(FaultKind.FENCE, None, note=f"partition {partition}")
        await self._world.broker.transactor(TRANSACTOR_NAME, partition)

    async def _slow_reads(self) -> None:
        victim = self._victim(*_CONSUMERS)
        if victim is None or FaultKind.SLOW_READS in self._network.current:
            return
        fault = self._open(FaultKind.SLOW_READS, victim)
        seconds = self._rng.uniform(2.0, 15.0)
        victim.slow_until = self._world.now + seconds
        await self._last(fault, seconds)
        victim.slow_until = 0.0
        self._close(fault)

    async def _stale_reads(self) -> None:
        victim = self._victim("api")
        if victim is None or FaultKind.STALE_READS in self._network.current:
            return
        fault = self._open(FaultKind.STALE_READS, victim)
        self._world.database.replicas[victim] = self._world.database.copy()
        await self._last(fault, self._rng.uniform(1.0, 15.0))
        del self._world.database.replicas[victim]
        self._close(fault)

    async def _store_away(self) -> None:
        if self._network.store_away:
            return
        fault = self._open(FaultKind.STORE_AWAY, None)
        self._network.store_away = True
        await self._last(fault, self._rng.uniform(0.5, 12.0))
        self._network.store_away = False
        self._close(fault)

    async def _log_away(self) -> None:
        if self._network.log_away:
            return
        fault = self._open(FaultKind.LOG_AWAY, None)
        self._network.log_away = True
        await self._last(fault, self._rng.uniform(0.5, 8.0))
        self._network.log_away = False
        self._close(fault)

    async def _poison(self) -> None:
        """Put a record into a topic that nobody can read."""
        rng = self._rng
        broker = self._world.broker
        topic = rng.choice((Topic.TASKS, Topic.DUE, Topic.EXECUTIONS))
        known = [record.key for record in broker.records(Topic.TASKS)]
        key = rng.choice((None, b"", b"\xff\xfe", b"0190b6e4-0000-7000-8000-00000000dead"))
        if known and rng.random() < 0.5:
            key = rng.choice(known)
        record = Record(
            topic=topic,
            partition=partition_of(key or b"", broker.partitions),
            key=key,
            value=rng.choice((None, b"", b"{", b"\x00" * 9, b'{"task_id": 7}', b"[]", b"null")),
            headers=rng.choice(
                (
                    {},
                    {"ce_type": b"duetime.TaskCreated.v1"},
                    {"ce_type": b"duetime.TaskDue.v99", "ce_id": b"1"},
                    {
                        "ce_type": b"duetime.TaskDeleted.v1",
                        "ce_id": b"\xff",
                        "ce_source": b"x",
                        "ce_time": b"yesterday",
                    },
                )
            ),
        )
        self._network.mark(
            FaultKind.POISON, None, effective=True, note=f"into {topic}, key {key!r}"
        )
        await broker.append([record])

    async def _wipe_views(self) -> None:
        """Lose the database: operators stop the projectors, wipe, and start them anew."""
        world = self._world
        if FaultKind.WIPE_VIEWS in self._network.current:
            return
        fault = self._open(FaultKind.WIPE_VIEWS, None)
        self._stop_projectors()
        await self._last(fault, self._rng.uniform(0.0, 2.0))
        self._stop_projectors()  # those that came back meanwhile
        fault.effective = bool(world.database.store._tasks)
        world.database.wipe()
        for slot in world.slots():
            if slot.startswith("projector") and slot not in world.processes:
                world.start(slot)
        self._close(fault)

    def _stop_projectors(self) -> None:
        for slot, process in sorted(self._world.processes.items()):
            if process.role == "projector":
                self._world.crash(slot)

    async def _clock_jump(self) -> None:
        """Set a wall clock wrong, by seconds or by an hour, and after a while right again."""
        victim = self._victim("api", *_CONSUMERS)
        if victim is None:
            return
        rng = self._rng
        seconds = rng.choice((-1.0, 1.0)) * rng.choice((rng.uniform(1.1, 90.0), 3_600.0))
        fault = self._network.mark(FaultKind.CLOCK_JUMP, victim, note=f"by {seconds:.1f} s")
        noticed = victim.steps_noticed
        victim.wall.skew_seconds += seconds
        await self._last(fault, rng.uniform(1.0, 12.0))
        fault.effective = victim.steps_noticed > noticed
        victim.wall.skew_seconds -= seconds

    async def _timer_disk_lost(self) -> None:
        """Kill a timer, and let it come back on an empty disk."""
        victim = self._victim("timer")
        if victim is None:
            return
        disk = self._world.disks[victim.slot]
        held = disk.task_count
        fault = self._network.mark(FaultKind.TIMER_DISK_LOST, victim, note=f"{held} tasks")
        fault.effective = held > 0
        self._world.crash(victim.slot)
        disk.wipe()
        await self._revive(victim.slot, fault, self._rng.choice((0.1, 2.0, 8.0)))

    async def _timer_disk_old(self) -> None:
        """Kill a timer, and let it come back on a disk as that was some time ago."""
        victim = self._victim("timer")
        if victim is None:
            return
        disk = self._world.disks[victim.slot]
        copy = disk.copy()
        await asyncio.sleep(max(0.0, min(self._rng.uniform(1.0, 20.0), self._until - self._now)))
        if not victim.alive or victim.suspended:
            return
        fault = self._network.mark(FaultKind.TIMER_DISK_OLD, victim)
        fault.effective = disk.is_ahead_of(copy)
        self._world.crash(victim.slot)
        disk.become(copy)
        await self._revive(victim.slot, fault, self._rng.choice((0.1, 2.0, 8.0)))

    @property
    def _now(self) -> float:
        return self._world.now

    def _open(self, kind: FaultKind, victim: Process | None) -> Fault:
        fault = self._network.mark(kind, victim)
        self._network.current[kind] = fault
        return fault

    def _close(self, fault: Fault) -> None:
        del self._network.current[fault.kind]
        self._world.history.note(self._world.now, fault.target or "world", f"{fault.kind} ends")
