"""What all partitions of one executor share.

Knows names and types; does nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from duetime.events.types import TaskExecuted
from duetime.executor.actions.attempt import Actions
from duetime.executor.actions.bounds import Bounds
from duetime.executor.alarm import Alarm
from duetime.executor.ends import TaskEnds
from duetime.executor.slots import Slots
from duetime.executor.targets import Targets
from duetime.log.port import Log
from duetime.log.topics import Topic
from duetime.runtime.afterwards import Afterwards
from duetime.runtime.backoff import Backoff
from duetime.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorParts:
    """What all lanes of one executor share.

    `watch` is told the ends that the log has accepted, `dead` every record that was set aside as
    unreadable.
    """

    log: Log
    clock: Clock
    name: str
    actions: Actions
    slots: Slots
    targets: Targets
    alarm: Alarm
    bounds: Bounds
    ends: TaskEnds
    backoff: Backoff
    afterwards: Afterwards
    watch: Callable[[Sequence[TaskExecuted]], None]
    dead: Callable[[Topic], None]
