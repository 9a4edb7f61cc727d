"""The commands about read models: build them anew, and spread MongoDB's over shards.

Part of the command line and so a composition root. Which read models are meant follows from the
settings: where they tell of Kafka or MongoDB those of the distributed system, else those of a data
directory.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from duetime.api.settings import ApiSettings
from duetime.embedded.data_dir import DataDir, DataDirError
from duetime.embedded.environment import beside_services, tells_of_services
from duetime.embedded.settings import EmbeddedSettings
from duetime.limits import PARTITIONS_EMBEDDED
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection, KafkaSetupError
from duetime.log.port import LogError
from duetime.log.sqlite import SqliteLog
from duetime.log_projector.rebuild import Rebuilt, rebuild
from duetime.runtime.clock import SystemClock
from duetime.settings.base import Environment, SettingsError
from duetime.settings.kafka import KafkaSettings
from duetime.settings.logs import LogSettings
from duetime.settings.mongo import MongoSettings
from duetime.store.mongo import MongoStore
from duetime.store.mongo.client import connect
from duetime.store.mongo.sharding import (
    apply_sharding,
    first_generation,
    live_generation,
    plan_sharding,
)
from duetime.store.port import StoreError
from duetime.store.sqlite import SqliteStore

mongo = typer.Typer(no_args_is_help=True, help="Prepare MongoDB for the read models.")


def rebuild_read_models(
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="The data directory of a stopped `duetime run`. (env: DUETIME_DATA_DIR)",
            show_default=False,
        ),
    ] = None,
    *,
    compare: Annotated[
        bool, typer.Option("--compare", help="Hold what was built against what was live, and say.")
    ] = False,
) -> None:
    """Build the read models anew from the log, beside the live ones, and let them take over."""
    try:
        if tells_of_services(os.environ):
            done = asyncio.run(_rebuild_distributed(os.environ, compare=compare))
        else:
            environment = Environment(os.environ, [EmbeddedSettings, ApiSettings, LogSettings])
            settings = environment.read(EmbeddedSettings, data_dir=data_dir)
            done = asyncio.run(_rebuild_embedded(settings.data_dir, compare=compare))
    except (SettingsError, DataDirError, KafkaSetupError, LogError, StoreError) as fault:
        typer.echo(str(fault), err=True)
        sys.exit(2)
    typer.echo(f"Built anew from {done.record_count} records.")
    if compare:
        different = [*done.different, *done.missing]
        typer.echo(f"{done.compared_count} documents compared, {len(different)} not equal.")
        for document in different:
            typer.echo(f"  {document}")
        sys.exit(1 if different else 0)


@mongo.command("shard")
def shard(
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Send them too; the cluster must be a sharded one.")
    ] = False,
) -> None:
    """Print the commands that spread the read models over the shards of a cluster."""
    try:
        settings = beside_services(os.environ, [MongoSettings]).read(MongoSettings)
        commands = asyncio.run(_shard(settings, apply=apply))
    except (SettingsError, StoreError) as fault:
        typer.echo(str(fault), err=True)
        sys.exit(2)
    for command in commands:
        typer.echo(f"db.adminCommand({command})")
    if apply:
        typer.echo("The cluster has taken them.")


async def _shard(settings: MongoSettings, *, apply: bool) -> Sequence[Mapping[str, Any]]:
    client = connect(settings.uri.get_secret_value(), tls_ca_file=settings.tls_ca_file)
    try:
        if apply:
            generation = await first_generation(client, settings.database)
            await apply_sharding(client, settings.database, generation)
        else:
            generation = await live_generation(client, settings.database)
        return plan_sharding(settings.database, generation)
    finally:
        await client.close()


async def _rebuild_distributed(variables: Mapping[str, str], *, compare: bool) -> Rebuilt:
    environment = beside_services(variables, [KafkaSettings, MongoSettings])
    kafka, settings = environment.read(KafkaSettings), environment.read(MongoSettings)
    log = await KafkaLog.open(Connection.of(kafka, client_id="duetime-rebuild"))
    store = MongoStore.open(
        settings.uri.get_secret_value(),
        database=settings.database,
        tls_ca_file=settings.tls_ca_file,
        log_id=log.cluster_id,
    )
    try:
        return await rebuild(log=log, store=store, compare=compare)
    finally:
        await store.close()
        await log.close()


async def _rebuild_embedded(folder: Path, *, compare: bool) -> Rebuilt:
    """Rebuild the read models of a stopped Duetime; until they are whole the old ones stay."""
    async with AsyncExitStack() as stack:
        data = DataDir.open(folder, new=False)
        stack.callback(data.close)
        log = await stack.enter_async_context(
            SqliteLog.open(data.log_path, partitions=PARTITIONS_EMBEDDED, now=SystemClock().now)
        )
        store = await SqliteStore.open(data.views_path, log_id=log.cluster_id)
        stack.push_async_callback(store.close)
        return await rebuild(log=log, store=store, compare=compare)
