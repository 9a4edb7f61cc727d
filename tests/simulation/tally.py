"""How often each kind of fault was done, and how often it changed anything, over many histories.

Knows counting; a kind that was done often and never changed anything tests nothing, and must be
noticed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulation.evidence import Evidence
from tests.simulation.history import FaultKind
from tests.simulation.switches import KINDS

INJECTED_MIN: Final = 20  # fewer say nothing about whether a kind can have an effect


@dataclass(slots=True)
class Tally:
    """Sums over histories; can be kept as JSON and added to."""

    histories: int = 0
    requests: int = 0
    occurrences: int = 0
    starts: int = 0
    faultless: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    effective: Counter[str] = field(default_factory=Counter)

    def add(self, evidence: Evidence) -> None:
        """Count one history."""
        self.histories += 1
        self.requests += len(evidence.history.requests)
        self.starts += len(evidence.starts)
        self.occurrences += len({start.run_id for start in evidence.starts})
        self.faultless += not evidence.history.faults
        for fault in evidence.history.faults:
            self.injected[fault.kind] += 1
            self.effective[fault.kind] += fault.effective

    def idle_kinds(self) -> Sequence[FaultKind]:
        """Name the kinds that were done often enough and never changed anything."""
        return [
            kind
            for kind in KINDS
            if self.injected[kind] >= INJECTED_MIN and not self.effective[kind]
        ]

    def unseen_kinds(self) -> Sequence[FaultKind]:
        """Name the kinds that never changed anything, however often they were done."""
        return [kind for kind in KINDS if not self.effective[kind]]

    def merge(self, other: "Tally") -> None:
        """Add another sum."""
        self.histories += other.histories
        self.requests += other.requests
        self.occurrences += other.occurrences
        self.starts += other.starts
        self.faultless += other.faultless
        self.injected.update(other.injected)
        self.effective.update(other.effective)

    def table(self) -> str:
        """Write the sums as a Markdown table, one line for each kind."""
        width = max(len(kind) for kind in KINDS)
        lines = [
            f"| {'fault':<{width}} | injected | effective |",
            f"| {'-' * width} | -------: | --------: |",
        ]
        lines += [
            f"| {kind:<{width}} | {self.injected[kind]:8d} | {self.effective[kind]:9d} |"
            for kind in KINDS
        ]
        return "\n".join(lines)

    def plain(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {
            "histories": self.histories,
            "requests": self.requests,
            "occurrences": self.occurrences,
            "starts": self.starts,
            "faultless": self.faultless,
            "injected": dict(self.injected),
            "effective": dict(self.effective),
        }

    @classmethod
    def of_plain(cls, plain: dict[str, Any]) -> "Tally":
        """Take it back from JSON values."""
        counts = {name: Counter(plain[name]) for name in ("injected", "effective")}
        return cls(**{**plain, **counts})
