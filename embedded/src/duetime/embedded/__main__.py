"""`duetime`: the command line of the embedded system, and its composition root.

The only place of this process that chooses adapters and reads the environment.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn

import structlog
import typer
import uvloop

from duetime.api.settings import ApiSettings
from duetime.embedded.assemble import Parts, assemble
from duetime.embedded.data_dir import DataDir, DataDirError
from duetime.embedded.distributed import add_services, topics
from duetime.embedded.read_models import mongo, rebuild_read_models
from duetime.embedded.retention import PRUNED_PER_STEP_MAX
from duetime.embedded.settings import EmbeddedSettings
from duetime.executor.actions.python import Function, load_functions
from duetime.http.page import PageApp
from duetime.http.server import HttpService, bind
from duetime.limits import PARTITIONS_EMBEDDED, SWITCH_SECONDS_EMBEDDED
from duetime.log.port import LogError
from duetime.log.sqlite import SqliteLog
from duetime.process.memory import keep_memory
from duetime.runtime.backoff import chance
from duetime.runtime.clock import guarded_system_clock
from duetime.runtime.ids import SystemIds
from duetime.runtime.service import supervise
from duetime.settings.base import Environment, SettingsError
from duetime.settings.logs import LogSettings
from duetime.store.port import StoreError
from duetime.store.sqlite import SqliteStore
from duetime.telemetry.logs import start_logging
from duetime.telemetry.loop_lag import watch_loop_lag
from duetime.telemetry.metrics import Metrics
from duetime.timer.due_index import DueIndexError
from duetime.timer.due_index.rocks import RocksDueIndexes
from duetime.timer.indexes import Indexes

_logger: Final = structlog.get_logger()

app = typer.Typer(
    name="duetime",
    no_args_is_help=True,
    add_completion=False,
    help="Duetime starts what you register, at its time, and shows what ran, how late and why.",
)


DataDirOption = Annotated[
    Path | None,
    typer.Option(
        help="Where everything is kept; your state directory unless you say otherwise. "
        "(env: DUETIME_DATA_DIR)",
        show_default=False,
    ),
]
HostOption = Annotated[
    str | None,
    typer.Option(
        help="The address to listen on; loopback unless you say otherwise. (env: DUETIME_API_HOST)",
        show_default=False,
    ),
]
PortOption = Annotated[
    int | None,
    typer.Option(help="The API's port, 3001. (env: DUETIME_API_PORT)", show_default=False),
]
PageDirOption = Annotated[
    Path | None,
    typer.Option(
        help="The folder of the built page, to serve it too. (env: DUETIME_PAGE_DIR)",
        show_default=False,
    ),
]
PagePortOption = Annotated[
    int | None,
    typer.Option(help="The page's port, 3000. (env: DUETIME_PAGE_PORT)", show_default=False),
]
ActionsOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A module that registers python actions; may be repeated. (env: DUETIME_ACTIONS)",
        show_default=False,
    ),
]


@app.command()
def run(
    data_dir: DataDirOption = None,
    host: HostOption = None,
    port: PortOption = None,
    page_dir: PageDirOption = None,
    page_port: PagePortOption = None,
    actions: ActionsOption = None,
) -> None:
    """Run the whole of Duetime in this process, until Ctrl-C."""
    try:
        environment = Environment(os.environ, [ApiSettings, EmbeddedSettings, LogSettings])
        logs = environment.read(LogSettings)
        api = environment.read(ApiSettings, host=host, port=port)
        settings = environment.read(
            EmbeddedSettings,
            data_dir=data_dir,
            page_dir=page_dir,
            page_port=page_port,
            actions=tuple(actions) if actions else None,
        )
        functions = load_functions(settings.actions)
        data = DataDir.open(settings.data_dir)
        api = _with_page_allowed(api, settings)
        listener = _listen(api.host, api.port)
        page = _page(settings, api, listener)
    except (SettingsError, DataDirError) as refused:
        _refuse(str(refused))
    except FileNotFoundError as fault:
        _refuse(f"The page cannot be served: {fault}.")
    except ImportError as fault:
        _refuse(f"A module of --actions cannot be imported: {fault}")
    else:
        # The databases' threads wake for a moment at every write; with the interpreter's own 5 ms
        # each of them could hold up the loop that long.
        sys.setswitchinterval(SWITCH_SECONDS_EMBEDDED)
        metrics = Metrics(of_process=True)
        with start_logging(form=logs.log_format, level=logs.log_level, metrics=metrics):
            try:
                uvloop.run(_run(api, settings, functions, (listener, page), data, metrics))
            except (LogError, StoreError, DueIndexError) as refused:
                _refuse(str(refused))


async def _run(
    api: ApiSettings,
    settings: EmbeddedSettings,
    functions: Mapping[str, Function],
    doors: tuple[socket.socket, HttpService | None],
    data: DataDir,
    metrics: Metrics,
) -> None:
    listener, page = doors
    clock = guarded_system_clock(lambda _seconds: metrics.clock_step_total.inc())
    async with AsyncExitStack() as stack:
        stack.callback(data.close)
        stack.callback(listener.close)
        log = await stack.enter_async_context(
            SqliteLog.open(data.log_path, partitions=PARTITIONS_EMBEDDED, now=clock.now)
        )
        store = await SqliteStore.open(data.views_path, log_id=log.cluster_id)
        stack.push_async_callback(store.close)
        if store.set_aside is not None:
            _logger.warning("the read models are built anew", reason=store.set_aside)
        due = RocksDueIndexes.open(data.due_path, exact=True)
        stack.callback(due.close)
        node = assemble(
            Parts(
                log=log,
                store=store,
                indexes=Indexes(due.of),
                clock=clock,
                ids=SystemIds(clock),
                metrics=metrics,
                fraction=chance,
                functions=functions,
                concurrency=settings.concurrency,
                api=api,
                listener=listener,
                page=page,
                prunes=(partial(store.prune, items_max=PRUNED_PER_STEP_MAX), log.prune),
            )
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"Duetime listens on http://{shown}:{port} (its documentation: /docs).")
        if settings.page_dir is not None:
            typer.echo(f"Its page is on http://{shown}:{settings.page_port}.")
        typer.echo(f"It keeps its data in {data.path}. Ctrl-C stops it.")
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(keep_memory(), name="memory"),
                group.create_task(watch_loop_lag(metrics), name="loop lag"),
            ]
            try:
                await supervise(node.services, stop)
            finally:
                for task in background:
                    task.cancel()
        typer.echo("Duetime has stopped.")


def _listen(host: str, port: int) -> socket.socket:
    try:
        return bind(host, port)
    except OSError as fault:
        _refuse(f"Duetime cannot listen on {host}:{port}: {fault.strerror}.")


def _with_page_allowed(api: ApiSettings, settings: EmbeddedSettings) -> ApiSettings:
    """Let the page that this process serves call its api, wherever it is served."""
    names = {"localhost", "127.0.0.1", api.host}
    origins = {f"http://{name}:{settings.page_port}" for name in names}
    return api.model_copy(
        update={"cors_origins": (*api.cors_origins, *sorted(origins - set(api.cors_origins)))}
    )


def _page(
    settings: EmbeddedSettings, api: ApiSettings, listener: socket.socket
) -> HttpService | None:
    if settings.page_dir is None:
        return None
    app = PageApp(settings.page_dir, api_port=listener.getsockname()[1])
    return HttpService(name="page", app=app, listener=_listen(api.host, settings.page_port))


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


# In this order --help lists them: what most people look for stands first.
app.command("rebuild")(rebuild_read_models)
add_services(app)
app.add_typer(topics, name="topics")
app.add_typer(mongo, name="mongo")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
