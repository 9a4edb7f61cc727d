"""A generation of the read models that is built beside the live one, and takes its place.

Knows how a generation becomes live and when another may go; not how it is filled.
"""

import asyncio
from typing import Final, Protocol

from pymongo.asynchronous.database import AsyncDatabase

from duetime.limits import MONGO_PREPARE_SECONDS_MAX, MONGO_WRITE_SECONDS_MAX
from duetime.store.mongo.client import Client, Row, bounded
from duetime.store.mongo.schema import generation_names
from duetime.store.mongo.sharding import apply_sharding, is_sharded
from duetime.store.mongo.state import State, StateDocument
from duetime.store.port import Store


class Live(Protocol):
    """What a rebuild asks of the store that it was begun with."""

    async def look(self) -> None:
        """See what is live now."""
        ...


class MongoRebuild:
    """A rebuild that was begun; `MongoStore.rebuild` gives it."""

    def __init__(
        self,
        *,
        live: Live,
        views: Store,
        name: str,
        database: AsyncDatabase[Row],
        document: StateDocument,
        linger_seconds: float,
    ) -> None:
        """Take the store that reads and writes the new generation only."""
        self._live: Final = live
        self._views: Final = views
        self._name: Final = name
        self._database: Final = database
        self._document: Final = document
        self._linger_seconds: Final = linger_seconds
        self._replaced: str | None = None
        self._closed = False

    @property
    def views(self) -> Store:
        """The read models that are being built."""
        return self._views

    async def activate(self) -> bool:
        async with bounded(self._database.client, MONGO_WRITE_SECONDS_MAX):
            state = await self._document.read()
            if not await self._document.activate(state, self._name):
                return False
        if state.active != self._name:
            self._replaced = state.active
        await self._live.look()
        return True

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            if self._replaced is not None:
                # Readers learn of the change when they next look; until then they read these.
                await asyncio.sleep(self._linger_seconds)
            async with bounded(self._database.client, MONGO_PREPARE_SECONDS_MAX):
                await self._drop_what_is_not_live()
        finally:
            await self._views.close()

    async def _drop_what_is_not_live(self) -> None:
        state = await self._document.read()
        over = self._replaced if state.active == self._name else self._name
        if over is not None and over != state.active:
            await self._document.forget(over)
            await drop_forgotten(self._database, self._document)


async def begin_generation(
    client: Client, database: AsyncDatabase[Row], document: StateDocument, state: State
) -> str:
    """Name a new generation, spread over shards as the live one is; drop what was given up."""
    name = await document.begin(state)
    await drop_forgotten(database, document)
    if await is_sharded(client, database.name, state.active):
        await apply_sharding(client, database.name, name)
    return name


async def drop_forgotten(database: AsyncDatabase[Row], document: StateDocument) -> None:
    """Drop the collections of generations that the state knows no more."""
    # In this order: a generation is in the state before its collections are there.
    present = await generation_names(database)
    state = await document.read()
    for name, generation in present.items():
        if generation not in state.positions_of:
            await database.drop_collection(name)
