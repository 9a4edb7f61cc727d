"""The executor's process: its settings, its adapters, its actions, its service."""

import os
from collections.abc import Sequence

from duetime.events.types import LogAction, PythonAction
from duetime.executor.actions.log import LogActions
from duetime.executor.actions.python import PythonActions, load_functions
from duetime.executor.service import executor_service
from duetime.executor.settings import ExecutorSettings
from duetime.process.backends import open_kafka
from duetime.process.host import BACKOFF, Host, host, refuse
from duetime.process.settings import ProcessSettings
from duetime.runtime.service import Service
from duetime.settings.base import Environment, SettingsError
from duetime.settings.kafka import KafkaSettings


def main() -> None:
    """Run it."""
    try:
        environment = Environment(os.environ, [ProcessSettings, ExecutorSettings, KafkaSettings])
        settings = environment.read(ProcessSettings)
        own = environment.read(ExecutorSettings)
        kafka = environment.read(KafkaSettings)
        functions = load_functions(own.actions)
    except (SettingsError, ImportError) as fault:
        refuse(fault)

    async def open_parts(this: Host) -> Sequence[Service]:
        log = await open_kafka(this, kafka)
        python = PythonActions(functions)
        this.stack.push_async_callback(python.close)
        return [
            executor_service(
                log=log,
                clock=this.clock,
                name=this.instance,
                actions={LogAction: LogActions(), PythonAction: python},
                concurrency=own.concurrency,
                target_concurrency=own.target_concurrency,
                backoff=BACKOFF,
                metrics=this.metrics,
            )
        ]

    host("executor", settings, open_parts)


if __name__ == "__main__":
    main()
