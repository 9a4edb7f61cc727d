"""The api's process: its settings, its adapters, its service."""

import os
from collections.abc import Sequence

from duetime.api.app import build_app
from duetime.api.opening import Opening
from duetime.api.settings import ApiSettings
from duetime.http.server import HttpService
from duetime.process.backends import open_kafka, open_mongo
from duetime.process.host import Host, host, refuse
from duetime.process.settings import ProcessSettings
from duetime.runtime.ids import SystemIds
from duetime.runtime.service import Service
from duetime.settings.base import Environment, SettingsError
from duetime.settings.kafka import KafkaSettings
from duetime.settings.mongo import MongoSettings


def main() -> None:
    """Run it."""
    try:
        environment = Environment(
            os.environ, [ProcessSettings, ApiSettings, KafkaSettings, MongoSettings]
        )
        settings = environment.read(ProcessSettings)
        own = environment.read(ApiSettings)
        kafka = environment.read(KafkaSettings)
        mongo = environment.read(MongoSettings)
    except SettingsError as fault:
        refuse(fault)

    async def open_parts(this: Host) -> Sequence[Service]:
        listener = this.listen(own.host, own.port)
        opening = Opening(
            settings=own, metrics=this.metrics, health=this.health, unopened=this.unopened
        )
        service = this.begin(
            HttpService(name="api", app=opening, listener=listener, end_streams=opening.end_streams)
        )
        log = await open_kafka(this, kafka)
        store = await open_mongo(this, mongo, log_id=log.cluster_id)
        clock = this.clock
        opening.open(
            build_app(
                log=log,
                store=store,
                clock=clock,
                ids=SystemIds(clock),
                metrics=this.metrics,
                health=this.health,
                settings=own,
            )
        )
        return [service]

    host("api", settings, open_parts)


if __name__ == "__main__":
    main()
