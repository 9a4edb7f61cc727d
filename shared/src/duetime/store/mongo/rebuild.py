"""A generation of the read models that is built beside the live one, and takes its place.

Knows how a generation becomes live and when another may go; not how it is filled.
"""

import asyncio
from typing import Final

from pymongo.asynchronous.database import AsyncDatabase

from duetime.limits import MONGO_PREPARE_SECONDS_MAX, MONGO_WRITE_SECONDS_MAX
from duetime.store.mongo.client import Row, bounded
from duetime.store.mongo.schema import drop_all_but
from duetime.store.mongo.state import StateDocument
from duetime.store.port import Store


class MongoRebuild:
    """A rebuild that was begun; `MongoStore.rebuild` gives it."""

    def __init__(
        self,
        *,
        views: Store,
        number: int,
        database: AsyncDatabase[Row],
        document: StateDocument,
        linger_seconds: float,
    ) -> None:
        """Take the store that reads and writes the new generation only."""
        self._views: Final = views
        self._number: Final = number
        self._database: Final = database
        self._document: Final = document
        self._linger_seconds: Final = linger_seconds
        self._replaced: int | None = None
        self._closed = False

    @property
    def views(self) -> Store:
        """The read models that are being built."""
        return self._views

    async def activate(self) -> bool:
        async with bounded(MONGO_WRITE_SECONDS_MAX):
            state = await self._document.read()
            if not await self._document.activate(state, self._number):
                return False
        if state.active != self._number:
            self._replaced = state.active
        return True

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            if self._replaced is not None:
                # Readers learn of the change when they next look; until then they read these.
                await asyncio.sleep(self._linger_seconds)
            async with bounded(MONGO_PREPARE_SECONDS_MAX):
                await self._drop_what_is_not_live()
        finally:
            await self._views.close()

    async def _drop_what_is_not_live(self) -> None:
        state = await self._document.read()
        over = self._replaced if state.active == self._number else self._number
        # A newer rebuild may be under way: only what is ours to drop goes.
        if over is not None and over != state.active:
            await self._document.forget(state, over)
            await drop_all_but(self._database, set(state.positions_of) - {over})
