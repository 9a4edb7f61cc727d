"""The api's process: its settings, its adapters, its service."""

import os
from collections.abc import Sequence

from duetime.api.app import build_app
from duetime.api.settings import ApiSettings
from duetime.http.server import HttpService, bind
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
        log = await open_kafka(this, kafka)
        store = await open_mongo(this, mongo, log_id=log.cluster_id)
        clock = this.clock
        app = build_app(
            log=log,
            store=store,
            clock=clock,
            ids=SystemIds(clock),
            metrics=this.metrics,
            health=this.health,
            settings=own,
        )
        listener = bind(own.host, own.port)
        this.stack.callback(listener.close)
        return [HttpService(name="api", app=app, listener=listener, end_streams=app.end_streams)]

    host("api", settings, open_parts)


if __name__ == "__main__":
    main()
