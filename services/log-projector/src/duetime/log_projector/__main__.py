"""The log-projector's process: its settings, its adapters, its service."""

import os
from collections.abc import Sequence

from duetime.limits import FLUSH_SECONDS, RUNS_FLUSH_SECONDS
from duetime.log_projector.lane import Pace
from duetime.log_projector.retention import ViewsRetention
from duetime.log_projector.service import projector_service
from duetime.process.backends import open_kafka, open_mongo
from duetime.process.host import BACKOFF, Host, host, refuse
from duetime.process.settings import ProcessSettings
from duetime.runtime.service import Service
from duetime.settings.base import Environment, SettingsError
from duetime.settings.kafka import KafkaSettings
from duetime.settings.mongo import MongoSettings


def main() -> None:
    """Run it."""
    try:
        environment = Environment(os.environ, [ProcessSettings, KafkaSettings, MongoSettings])
        settings = environment.read(ProcessSettings)
        kafka = environment.read(KafkaSettings)
        mongo = environment.read(MongoSettings)
    except SettingsError as fault:
        refuse(fault)

    async def open_parts(this: Host) -> Sequence[Service]:
        log = await open_kafka(this, kafka)
        store = await open_mongo(this, mongo, log_id=log.cluster_id)
        return [
            projector_service(
                log=log,
                store=store,
                clock=this.clock,
                pace=Pace(tasks_seconds=FLUSH_SECONDS, runs_seconds=RUNS_FLUSH_SECONDS),
                backoff=BACKOFF,
                metrics=this.metrics,
            ),
            ViewsRetention(log=log, store=store, clock=this.clock),
        ]

    host("log-projector", settings, open_parts)


if __name__ == "__main__":
    main()
