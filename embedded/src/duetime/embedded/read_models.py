"""The commands about read models: build them anew, and spread MongoDB's over shards.

Part of the command line and so a composition root. Which read models are meant follows from the
settings: with DUETIME_MONGO_URI those of the distributed system, else those of a data directory.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from duetime.api.settings import ApiSettings
from duetime.embedded.data_dir import DataDir, DataDirError
from duetime.embedded.settings import EmbeddedSettings
from duetime.log.kafka.adapter import KafkaLog
from duetime.log.kafka.connection import Connection, KafkaSetupError
from duetime.log.port import LogError
from duetime.log_projector.rebuild import Rebuilt, rebuild
from duetime.settings.base import Environment, SettingsError
from duetime.settings.kafka import KafkaSettings
from duetime.settings.logs import LogSettings
from duetime.settings.mongo import MongoSettings
from duetime.store.mongo import MongoStore
from duetime.store.mongo.sharding import plan_sharding
from duetime.store.port import StoreError

_ASIDE: Final = ".set-aside"

mongo = typer.Typer(no_args_is_help=True, help="Prepare MongoDB for the read models.")


def rebuild_read_models(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="The data directory of a stopped `duetime run`.", show_default=False),
    ] = None,
    *,
    compare: Annotated[
        bool, typer.Option(help="MongoDB: hold what was built against what was live, and say.")
    ] = False,
) -> None:
    """Build the read models anew from the log, beside the live ones, and let them take over."""
    try:
        if "DUETIME_MONGO_URI" in os.environ:
            done = asyncio.run(_rebuild_distributed(os.environ, compare=compare))
        else:
            environment = Environment(os.environ, [EmbeddedSettings, ApiSettings, LogSettings])
            settings = environment.read(EmbeddedSettings, data_dir=data_dir)
            _set_aside(settings.data_dir)
            typer.echo(f"{settings.data_dir}: the next start builds the read models anew.")
            return
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
    database: Annotated[str, typer.Option(help="Where the read models are kept.")] = "duetime",
    generation: Annotated[str, typer.Option(help="The generation to spread.")] = "1",
) -> None:
    """Print the commands that spread the read models over the shards of a cluster."""
    for command in plan_sharding(database, generation):
        typer.echo(f"db.adminCommand({command})")


async def _rebuild_distributed(variables: Mapping[str, str], *, compare: bool) -> Rebuilt:
    environment = Environment(variables, [KafkaSettings, MongoSettings])
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


def _set_aside(folder: Path) -> None:
    """Set the read models of a stopped Duetime aside: the next start builds them from the log."""
    data = DataDir.open(folder)
    try:
        for path in sorted(folder.glob(f"{data.views_path.name}*")):
            if not path.name.endswith(_ASIDE):
                path.rename(path.with_name(f"{path.name}{_ASIDE}"))
    finally:
        data.close()
