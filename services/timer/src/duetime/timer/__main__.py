"""The timer's process: its settings, its adapters, its service."""

import os
from collections.abc import Sequence

from duetime.limits import LOOKAHEAD_SECONDS
from duetime.process.backends import open_kafka
from duetime.process.host import BACKOFF, Host, host, refuse
from duetime.process.settings import ProcessSettings
from duetime.runtime.service import Service
from duetime.settings.base import Environment, SettingsError
from duetime.settings.kafka import KafkaSettings
from duetime.timer.due_index import MemoryDueIndex
from duetime.timer.service import timer_service


def main() -> None:
    """Run it."""
    try:
        environment = Environment(os.environ, [ProcessSettings, KafkaSettings])
        settings = environment.read(ProcessSettings)
        kafka = environment.read(KafkaSettings)
    except SettingsError as fault:
        refuse(fault)

    async def open_parts(this: Host) -> Sequence[Service]:
        log = await open_kafka(this, kafka)
        return [
            timer_service(
                log=log,
                clock=this.clock,
                name=this.instance,
                index=lambda _partition: MemoryDueIndex(),
                lookahead_seconds=LOOKAHEAD_SECONDS,
                backoff=BACKOFF,
                metrics=this.metrics,
            )
        ]

    host("timer", settings, open_parts)


if __name__ == "__main__":
    main()
