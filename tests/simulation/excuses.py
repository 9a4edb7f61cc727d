"""Which fault explains what: how long a start may be delayed, and which may be repeated.

Strict on purpose: one killed or suspended process explains no delay beyond the promise, since P2
includes it; only what stops everybody (the log is away), and several faults in a row, do.
On a real machine, so does what other programs took of it, by as much as was measured.
"""

from collections.abc import Sequence
from typing import Final

from tests.simulation.history import Fault, FaultKind, Start
from tests.simulation.switches import Switches

_STOPS_ALL: Final = frozenset(
    {FaultKind.LOG_AWAY, FaultKind.TORN_TRANSACTION, FaultKind.CLOCK_JUMP}
)
_MOVES_OWNERS: Final = frozenset(
    {
        FaultKind.CRASH,
        FaultKind.RESTART,
        FaultKind.SUSPEND,
        FaultKind.SUSPEND_PAST_SESSION,
        FaultKind.REBALANCE,
        FaultKind.FENCE,
        FaultKind.COMMIT_UNKNOWN_LANDED,
        FaultKind.COMMIT_UNKNOWN_LOST,
        FaultKind.TIMER_DISK_LOST,
        FaultKind.TIMER_DISK_OLD,
    }
)
_STOPS_READING: Final = frozenset(
    {FaultKind.SUSPEND, FaultKind.SUSPEND_PAST_SESSION, FaultKind.SLOW_READS, FaultKind.LOG_AWAY}
)
_RECOVERY_SECONDS: Final = 10.0
_FOLDED_SECONDS: Final = 2.0  # by then every executor that can read has read an end
_REDELIVERED_SECONDS: Final = 32.0
_SESSION_SECONDS: Final = 6.0
_RUNNING: Final = frozenset({"timer", "executor", ""})  # roles whose faults can touch a start


class Excuses:
    """The faults of a history, asked for what they explain."""

    def __init__(
        self,
        faults: Sequence[Fault],
        switches: Switches,
        taken: Sequence[tuple[float, float, float]] = (),
    ) -> None:
        """Take the faults of a system of that many processes, and what others took from it."""
        self._taken = taken
        self._faults = [fault for fault in faults if fault.role in _RUNNING]
        torn: dict[str, float] = {}
        for fault in self._faults:
            if fault.kind is FaultKind.TORN_TRANSACTION:
                # What was lost is emitted again by its deadline; what is lost again, later still.
                place = fault.note.partition(":")[0]
                wait = torn[place] = 2.0 * torn.get(place, _REDELIVERED_SECONDS / 2.0)
                fault.until = max(fault.until, fault.at + wait)
        self._alone = {
            role
            for role, count in (("timer", switches.timers), ("executor", switches.executors))
            if count == 1
        }

    def start_until(self, due: float, seconds: float) -> float:
        """Give the latest moment at which what was due may start."""
        latest = due + seconds
        moved = True
        while moved:
            moved = False
            until = [
                fault.until
                for fault in self._faults
                if (fault.kind in _STOPS_ALL or self._stops_role(fault))
                and fault.at <= latest
                and fault.until >= due - 1.0
            ]
            movers = [
                max(fault.until, fault.at)
                for fault in self._faults
                if fault.kind in _MOVES_OWNERS
                and fault.at <= latest
                and fault.until >= due - _RECOVERY_SECONDS
            ]
            if len(movers) > 1 or (movers and until):
                until.extend(movers)
            allowed = max(until, default=due) + _RECOVERY_SECONDS
            if allowed > latest:
                latest, moved = allowed, True
        return self._stretched(due, latest)

    def _stretched(self, due: float, latest: float) -> float:
        """Add what others took of the machine until then, and of what that adds, and so on."""
        stretched = latest
        while (longer := latest + self._taken_between(due - _RECOVERY_SECONDS, stretched)) > (
            stretched + 0.01
        ):
            stretched = longer
        return stretched

    def _taken_between(self, since: float, until: float) -> float:
        return sum(
            seconds for began, ended, seconds in self._taken if ended > since and began < until
        )

    def _stops_role(self, fault: Fault) -> bool:
        """Say whether nobody else was there to take over."""
        return fault.kind in _MOVES_OWNERS and fault.role in self._alone

    def long_lease(self, start: Start) -> bool:
        """Say whether a clock set wrong may have put off for long what guards this start."""
        return any(
            fault.kind is FaultKind.CLOCK_JUMP
            and (fault.target == start.process or fault.role == "timer")
            and fault.at <= start.at + _RECOVERY_SECONDS
            and fault.until >= start.at - _REDELIVERED_SECONDS
            for fault in self._faults
        )

    def repeat(self, earlier: Start, later: Start, recorded_at: float | None) -> bool:
        """Say whether a fault explains that an attempt was started twice.

        Only what takes a run away from its executor does: not a duplicate record, nor a fault of a
        timer. And where the log had had its end for a while, only what kept the second executor
        from reading: whoever takes a partition over folds what has ended before it starts anything.
        """
        if any(
            fault.kind is FaultKind.CLOCK_JUMP and fault.role == "timer" and fault.at <= later.at
            for fault in self._faults
        ):
            return True  # a timer whose clock was ahead has forgotten too soon what had run
        if recorded_at is not None and recorded_at < later.at - _FOLDED_SECONDS:
            return any(
                fault.kind in _STOPS_READING
                and fault.target in {"", later.process}
                and fault.until >= recorded_at
                and fault.at <= later.at
                for fault in self._faults
            )
        # Who gets no turn for half a session may lose it, as one that is suspended does.
        moved_since = earlier.at - _SESSION_SECONDS
        if self._taken_between(moved_since, later.at) > _SESSION_SECONDS / 2:
            return True
        return any(
            fault.role in {"executor", ""}
            and fault.kind in _MOVES_OWNERS | _STOPS_ALL
            and fault.kind is not FaultKind.FENCE
            and fault.until >= earlier.at - _RECOVERY_SECONDS
            and fault.at <= later.at
            for fault in self._faults
        )
