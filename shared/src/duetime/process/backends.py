"""Kafka and MongoDB as a distributed process opens them: part of every composition root.

Knows the two adapters and their settings; waits for what is away, refuses what cannot work.
"""

from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection, KafkaSetupError
from duetime.log.port import LogAwayError
from duetime.log.topics import Topic
from duetime.process.host import Host, SetupError
from duetime.settings.kafka import KafkaSettings
from duetime.settings.mongo import MongoSettings
from duetime.store.mongo import MongoStore, RefusedError
from duetime.store.port import StoreError


async def open_kafka(this: Host, settings: KafkaSettings) -> KafkaLog:
    """Open the log, waiting for it; it is closed with the process.

    Raises SetupError where the cluster or its topics are not fit for Duetime.
    """
    try:
        connection = Connection.of(settings, client_id=this.instance)
        log = await this.patiently("Kafka", lambda: KafkaLog.open(connection), (LogAwayError,))
    except KafkaSetupError as fault:
        raise SetupError(str(fault)) from fault
    this.stack.push_async_callback(log.close)
    this.watch("Kafka", lambda: log.end_offsets(Topic.TASKS), (LogAwayError,))
    return log


async def open_mongo(this: Host, settings: MongoSettings, *, log_id: str) -> MongoStore:
    """Open the read models, waiting for them; they are closed with the process.

    Raises SetupError where waiting does not help.
    """
    try:
        store = MongoStore.open(
            settings.uri.get_secret_value(),
            database=settings.database,
            tls_ca_file=settings.tls_ca_file,
            log_id=log_id,
        )
    except RefusedError as fault:
        raise SetupError(str(fault)) from fault
    this.stack.push_async_callback(store.close)

    async def prepare() -> None:
        try:
            await store.prepare()
        except RefusedError as fault:
            raise SetupError(str(fault)) from fault

    await this.patiently("MongoDB", prepare, (StoreError,))
    this.watch("MongoDB", store.look, (StoreError,))
    return store
