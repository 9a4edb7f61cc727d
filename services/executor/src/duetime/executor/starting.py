"""The attempts that one partition has under way: begun within the slots and their targets' room.

Knows slots, targets and how an action is performed; what may start is the core's to say.
"""

import asyncio
from collections.abc import Callable

from duetime.events.types import TaskDue
from duetime.executor.actions.attempt import (
    SUCCEEDED,
    Attempt,
    is_immediate,
    target_of,
)
from duetime.executor.core import ExecutorCore
from duetime.executor.facts import Ended
from duetime.executor.parts import ExecutorParts
from duetime.executor.targets import Target
from duetime.limits import TARGET_LOOKED_SECONDS_MAX, TARGET_LOOKS, TARGET_QUICK_SECONDS


class Starting:
    """Starts what is due, and gives back what it took when that ends."""

    def __init__(
        self,
        core: ExecutorCore,
        parts: ExecutorParts,
        *,
        wake: Callable[[], None],
        told: Callable[[], None],
        go_on: Callable[[], None],
    ) -> None:
        """Start what `core` says.

        `wake` asks for a step, `told` is called when a run has ended, `go_on` when others that
        waited for its target may start.
        """
        self._core = core
        self._clock = parts.clock
        self._actions = parts.actions
        self._slots = parts.slots
        self._targets = parts.targets
        self._bounds = parts.bounds
        self._wake = wake
        self._tell = told
        self._go_on = go_on
        self._freed: dict[Target, None] = {}
        self._looks = 0
        self._runs: dict[asyncio.Task[Ended], Attempt] = {}
        self._fault: BaseException | None = None

    @property
    def tasks(self) -> "dict[asyncio.Task[Ended], Attempt]":
        """What is under way."""
        return self._runs

    def raise_fault(self) -> None:
        """Raise a fault of ours, not of an action: it ends the process, loudly."""
        if self._fault is not None:
            raise self._fault

    def fail(self, fault: BaseException) -> None:
        """Have a fault raised by the next step: a loop would only log it."""
        self._fault = fault
        self._wake()

    def start_due(self) -> None:
        """Start what is due, as far as there is room; give back what waited too long for it."""
        now = self._clock.now()
        self._looks += 1
        for target in self._core.defer(now, at_limit=self._is_at_limit):
            self._freed[target] = None  # lest a word of its room was lost
        if not self._slots.free:
            self._slots.wait_for_free(self._wake)
            return
        for target in self._freed:
            self._core.call(target, self._targets.share(target, self._told))
        self._freed.clear()
        for due in self._core.startable(now, runs_max=self._slots.free):
            self._slots.started += 1
            if is_immediate(due):
                started_at = self._clock.now()
                self._core.started(due, started_at)
                self._core.ended((due.run_id, due.attempt), SUCCEEDED, self._clock.now())
                continue
            self._core.started(due, now)  # and begun when its work begins
            self._slots.take()
            acts_on = target_of(self._actions, due)
            if acts_on is not None:
                self._targets.take(acts_on)
            run = Attempt(
                self._actions,
                due,
                target=acts_on,
                bounds=self._bounds,
                look=self._looks,
                begun=self._begun,
                ended=self._ended,
            )
            self._runs[run.task] = run
        for target, due_at in self._core.passed_over():
            if due_at is not None:
                self._targets.wait(target, self._told, due_at)
            self._targets.pass_on(target)
        if not self._slots.free:
            self._slots.wait_for_free(self._wake)

    def stop(self) -> None:
        """Start nothing more: what has room is for others."""
        self._targets.leave(self._told)
        for target in self._freed:
            self._targets.pass_on(target)
        self._freed.clear()

    def cancel(self) -> None:
        """Ask what is under way to stop; nobody is told how it ends."""
        self.stop()
        for run in self._runs.values():
            run.cancel()
            self._give_back(run)
        self._runs.clear()

    def _is_at_limit(self, target: Target) -> bool:
        """Whether a target's runs hold its room, or this process is short of time to start more.

        Where it is, what was started at one look has ended before the next ones, or is about to.
        """
        if self._targets.is_mostly_free(target):
            return False
        own = [run for run in self._runs.values() if run.target == target]
        if not own:
            return self._targets.room(target) < 1
        since = asyncio.get_running_loop().time() - TARGET_LOOKED_SECONDS_MAX
        looked = self._looks - TARGET_LOOKS
        young = sum(1 for run in own if run.look >= looked and run.since >= since)
        return 2 * young <= len(own)

    def _told(self, target: Target) -> None:
        if not self._freed:  # else it is about to go on already
            asyncio.get_running_loop().call_soon(self._go_on)
        self._freed[target] = None

    def _begun(self, due: TaskDue) -> None:
        self._core.begun((due.run_id, due.attempt), self._clock.now())

    def _ended(self, run: Attempt, end: Ended) -> None:
        del self._runs[run.task]
        self._give_back(run)
        due = run.due
        try:
            self._core.ended((due.run_id, due.attempt), end, self._clock.now())
            self._tell()
        except BaseException as fault:  # noqa: BLE001 - as above
            self.fail(fault)

    def _give_back(self, run: Attempt) -> None:
        self._slots.give_back()
        if run.target is not None:
            took = asyncio.get_running_loop().time() - run.since
            self._targets.give_back(run.target, quick=took < TARGET_QUICK_SECONDS)
