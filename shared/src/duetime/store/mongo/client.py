"""How MongoDB is reached: one client, bounded calls, and faults in the words of the port.

Knows the driver's options and errors; not what is asked.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pymongo
from bson.errors import BSONError
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from duetime.limits import (
    MONGO_POOL_CONNECTIONS_MAX,
    MONGO_SELECT_SECONDS_MAX,
    MONGO_WRITE_SECONDS_MAX,
)
from duetime.store.port import StoreError

Row = Mapping[str, Any]
Client = AsyncMongoClient[Row]
Collection = AsyncCollection[Row]

_FAULT_CHARS_MAX: Final = 300  # the driver describes a whole topology
_SPARE_SECONDS: Final = 0.5  # the driver ends its calls by itself; this ends the driver


class RefusedError(StoreError):
    """What is in this database, or how it runs, is nothing that this program can work with.

    Waiting does not help: the sentence says what does.
    """


class ReplacedError(StoreError):
    """What was known of the read models holds no more: they were emptied, or replaced by others."""


def connect(uri: str, *, tls_ca_file: Path | None = None) -> Client:
    """Make a client for the running event loop. Opens no connection yet. Raises RefusedError."""
    options: dict[str, Any] = {} if tls_ca_file is None else {"tlsCAFile": str(tls_ca_file)}
    try:
        return AsyncMongoClient(
            uri,
            appname="duetime",
            connectTimeoutMS=_milliseconds(MONGO_SELECT_SECONDS_MAX),
            serverSelectionTimeoutMS=_milliseconds(MONGO_SELECT_SECONDS_MAX),
            # Backstops; every call has its own bound, see `bounded`.
            socketTimeoutMS=_milliseconds(MONGO_WRITE_SECONDS_MAX),
            waitQueueTimeoutMS=_milliseconds(MONGO_SELECT_SECONDS_MAX),
            maxPoolSize=MONGO_POOL_CONNECTIONS_MAX,
            retryReads=True,
            # Each of our writes may be done twice, and is where it failed: the server need not keep
            # count of every single one, which costs it a quarter of its time.
            retryWrites=False,
            **options,
        )
    except (PyMongoError, ValueError, TypeError, OSError) as fault:
        raise RefusedError(f"the address of MongoDB cannot be used: {_said(fault)}") from fault


@asynccontextmanager
async def bounded(client: Client, seconds: float) -> AsyncIterator[None]:
    """Bound what is asked inside, retries included, and turn faults into StoreError."""
    try:
        async with asyncio.timeout(MONGO_SELECT_SECONDS_MAX + seconds + _SPARE_SECONDS):
            await _find_primary(client)
            with pymongo.timeout(seconds):
                yield
    except (PyMongoError, BSONError) as fault:
        raise StoreError(f"MongoDB failed: {_said(fault)}") from fault
    except TimeoutError as fault:
        raise StoreError(f"MongoDB gave no answer within {seconds:.0f} s") from fault


async def _find_primary(client: Client) -> None:
    """Wait, briefly, for a server that takes writes: inside a bound the driver waits all of it."""
    if not client.topology_description.has_writable_server():
        with pymongo.timeout(MONGO_SELECT_SECONDS_MAX):
            await client.admin.command("ping")


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1_000)


def _said(fault: Exception) -> str:
    text = f"{type(fault).__name__}: {fault}"
    return text if len(text) <= _FAULT_CHARS_MAX else text[:_FAULT_CHARS_MAX] + "…"
