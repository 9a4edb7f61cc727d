"""The timer's process: its settings, its adapters, its service."""

import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from duetime.limits import LOOKAHEAD_SECONDS
from duetime.process.backends import open_kafka
from duetime.process.host import BACKOFF, Host, SetupError, host, refuse
from duetime.process.settings import ProcessSettings
from duetime.runtime.service import Service
from duetime.settings.base import Environment, SettingsError
from duetime.settings.kafka import KafkaSettings
from duetime.timer.core import Leaving
from duetime.timer.due_index import DueIndex, DueIndexError, MemoryDueIndex
from duetime.timer.indexes import Indexes
from duetime.timer.service import timer_service
from duetime.timer.settings import TimerSettings
from duetime.timer.standby import Standby


def main() -> None:
    """Run it."""
    try:
        environment = Environment(os.environ, [ProcessSettings, TimerSettings, KafkaSettings])
        settings = environment.read(ProcessSettings)
        own = environment.read(TimerSettings)
        kafka = environment.read(KafkaSettings)
    except SettingsError as fault:
        refuse(fault)

    async def open_parts(this: Host) -> Sequence[Service]:
        indexes = Indexes(_open_index(own.index_dir, this.stack))
        log = await open_kafka(this, kafka)
        return [
            timer_service(
                log=log,
                clock=this.clock,
                name=this.instance,
                indexes=indexes,
                leaving=Leaving(timedelta(seconds=LOOKAHEAD_SECONDS)),
                backoff=BACKOFF,
                metrics=this.metrics,
            ),
            Standby(
                log=log,
                clock=this.clock,
                indexes=indexes,
                lookahead_seconds=LOOKAHEAD_SECONDS,
                backoff=BACKOFF,
            ),
        ]

    host("timer", settings, open_parts)


def _open_index(folder: Path | None, stack: AsyncExitStack) -> Callable[[int], DueIndex]:
    """Open the local index, where one is asked for. Raises SetupError."""
    if folder is None:
        return lambda _partition: MemoryDueIndex()
    # Named here only: without a folder the extra need not be installed.
    from duetime.timer.due_index.rocks import RocksDueIndexes  # noqa: PLC0415 - see above

    try:
        database = RocksDueIndexes.open(folder)
    except DueIndexError as fault:
        raise SetupError(str(fault)) from fault
    stack.callback(database.close)
    return database.of


if __name__ == "__main__":
    main()
